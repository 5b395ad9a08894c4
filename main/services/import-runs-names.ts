const parts = new Map(
  Object.entries({
    train: 'train',
    training: 'train',
    eval: 'validation',
    val: 'validation',
    valid: 'validation',
    validation: 'validation',
    dev: 'validation',
    test: 'test',
  }),
)

const metrics = new Map(
  Object.entries({
    acc: 'accuracy',
    accuracy: 'accuracy',
    top1: 'accuracy',
    f1: 'macroF1',
    macrof1: 'macroF1',
    f1macro: 'macroF1',
    mcc: 'matthews',
    matthews: 'matthews',
    matthewscorrelation: 'matthews',
    loss: 'loss',
    lr: 'learningRate',
    learningrate: 'learningRate',
    gradnorm: 'gradientNorm',
    gradientnorm: 'gradientNorm',
  }),
)

/**
 * The name under which we keep a metric of another program: `eval/accuracy`, `val_acc` and `validation-accuracy` are
 * `validation.accuracy`, a bare `loss` is the training loss. What is not known keeps its name.
 */
export function metricName(name: string): string {
  const words = name.split(/[/_.\- ]+/).filter((word) => word !== '')
  const part = parts.get(words[0]?.toLowerCase() ?? '')
  const rest = (part === undefined ? words : words.slice(1)).join('').toLowerCase()
  const metric = metrics.get(rest)
  return metric === undefined ? name : `${part ?? 'train'}.${metric}`
}

/** The seed that a run's name tells (`bert-seed3`, `run_s2`), and the name without it. */
export function seedInName(name: string): { seed: number | undefined; rest: string } {
  const match = /(?:^|[^a-zA-Z])s(?:eed)?[ _=-]?(\d{1,9})(?![a-zA-Z\d])/i.exec(name)
  if (match === null) return { seed: undefined, rest: name }
  const rest = `${name.slice(0, match.index)}${name.slice(match.index + match[0].length)}`
  return { seed: Number(match[1]), rest: rest.replaceAll(/^[ _·.-]+|[ _·.-]+$/g, '') }
}
