import { WorkbenchError, type HeadChoice } from '../../preload/contract.ts'
import { reshape, tanh, type Value } from '../graph/index.ts'
import { architectureOf, type EncoderInputs } from '../models/architecture.ts'
import type { BackboneConfig } from '../models/config.ts'
import { meanOfTokens, positionOf } from '../models/positions.ts'
import type { Build } from '../models/sites.ts'
import { linear } from '../models/transformer-block.ts'
import type { ParameterSpec } from './method.ts'
import { linearSpecs } from './parameter-specs.ts'

export type HeadInputs = Pick<EncoderInputs, 'mask' | 'positions'>

/** Turns the last hidden state into class scores. */
export interface Head {
  parameters: readonly ParameterSpec[]
  /** The only position that it reads, where it does not read all. */
  only?: 'first' | 'last'
  /**
   * @param last `[sequence, batch, hidden]`, or the position `only` alone, `[1, batch, hidden]`
   * @returns logits `[batch, labels]`
   */
  logits(build: Build, last: Value, inputs: HeadInputs): Value
}

/**
 * The adapters library's `ClassificationHead`: linear, tanh, linear (or one linear layer), under its names
 * `heads.<name>.1` and `.4`.
 *
 * @throws WorkbenchError `bad-input` for a pooling that tells nothing of the text
 */
export function classificationHead(
  { layers, pooling, dropout }: HeadChoice,
  config: BackboneConfig,
  labels: number,
  name: string,
): Head {
  const { hiddenSize } = config
  const specs = headSpecs(config)
  const { reads } = architectureOf(config)
  if (pooling === 'first' && reads === 'last') {
    throw new WorkbenchError(
      'bad-input',
      'head.pooling "first": the first token of this model sees no other; choose last, mean or auto',
    )
  }
  const read = pooling === 'auto' ? reads : pooling
  const path = `heads.${name}`
  const output = layers === 2 ? `${path}.4` : `${path}.1`
  return {
    parameters: [...(layers === 2 ? specs(`${path}.1`, hiddenSize) : []), ...specs(output, labels)],
    ...(read === 'mean' ? {} : { only: read }),
    logits(build, last, inputs) {
      let x = read === 'mean' ? meanOfTokens(last, inputs.mask) : onePosition(last, read, inputs)
      if (layers === 2) {
        x = build.dropout(x, dropout, `${path}.0`)
        x = tanh(linear(build, x, `${path}.1`, hiddenSize, hiddenSize))
      }
      x = build.dropout(x, dropout, layers === 2 ? `${path}.3` : `${path}.0`)
      return linear(build, x, output, hiddenSize, labels)
    },
  }
}

/**
 * Hugging Face's `BertForSequenceClassification`: the checkpoint's pooler, then one linear layer `classifier`.
 *
 * @param trainsPooler as full fine-tuning does; else it stays as pretrained
 */
export function poolerHead(config: BackboneConfig, labels: number, trainsPooler: boolean): Head {
  const { hiddenSize } = config
  const specs = headSpecs(config)
  const pooler = specs('pooler.dense', hiddenSize)
  const pretrained = pooler.map((spec) => ({ ...spec, initialization: { kind: 'pretrained' as const } }))
  return {
    parameters: [...(trainsPooler ? pretrained : []), ...specs('classifier', labels)],
    only: 'first',
    logits: (build, last, inputs) =>
      linear(
        build,
        tanh(linear(build, onePosition(last, 'first', inputs), 'pooler.dense', hiddenSize, hiddenSize)),
        'classifier',
        hiddenSize,
        labels,
      ),
  }
}

/** Linear layers over the hidden state, which begin as the backbone's own did. */
function headSpecs({ hiddenSize, initializerRange }: BackboneConfig) {
  return (path: string, to: number): ParameterSpec[] =>
    linearSpecs(path, hiddenSize, to, {
      group: 'head',
      weight: { kind: 'normal', deviation: initializerRange },
    })
}

/** `[sequence, batch, hidden]`, or one position already, → `[batch, hidden]` */
function onePosition(last: Value, which: 'first' | 'last', inputs: HeadInputs): Value {
  const one = last.shape[0] === 1 ? last : positionOf(which, inputs)(last)
  return reshape(one, last.shape.slice(1))
}
