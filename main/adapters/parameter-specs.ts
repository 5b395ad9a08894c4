import type { Initialization, ParameterGroup, ParameterSpec } from './method.ts'

/** How BERT's own layers began, and what adapters begin with unless a method says otherwise. */
export const smallRandom: Initialization = { kind: 'normal', deviation: 0.02 }

export function constant(value: number): Initialization {
  return { kind: 'constant', value }
}

/** How PyTorch begins a linear layer that reads `fanIn` values: its weight and its bias. */
export function uniform(fanIn: number): Initialization {
  return { kind: 'kaiming-uniform', fanIn }
}

/** Describes parameters whose names stand under a path. */
export function specsUnder(path: string, group: ParameterGroup = 'adapter') {
  return (name: string, shape: readonly number[], initialization: Initialization): ParameterSpec => ({
    name: `${path}.${name}`,
    shape,
    group,
    initialization,
  })
}

/** Weight `[to, from]` and bias `[to]` of a linear layer; by default the bias begins as 0. */
export function linearSpecs(
  path: string,
  from: number,
  to: number,
  {
    group = 'adapter',
    weight = smallRandom,
    bias = constant(0),
  }: { group?: ParameterGroup; weight?: Initialization; bias?: Initialization } = {},
): ParameterSpec[] {
  const spec = specsUnder(path, group)
  return [spec('weight', [to, from], weight), spec('bias', [to], bias)]
}
