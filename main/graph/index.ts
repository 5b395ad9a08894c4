export * from './graph.ts'
export * from './gradients.ts'
export * from './operations/index.ts'
export { toOnnx, type OnnxOptions, type WeightLocations } from './onnx.ts'
