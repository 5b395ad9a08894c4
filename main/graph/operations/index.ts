export * from './elementwise.ts'
export * from './layout.ts'
export * from './products.ts'
export { layerNormalization, logSoftmax, reduceMax, reduceMean, reduceSum, softmax } from './reductions.ts'
