import { WorkbenchError, type HeadChoice } from '../../preload/contract.ts'
import { matMul, relu, reshape, tanh, type Value } from '../graph/index.ts'
import { architectureOf, type EncoderInputs } from '../models/architecture.ts'
import type { BackboneConfig } from '../models/config.ts'
import { meanOfTokens, positionOf } from '../models/positions.ts'
import type { Build } from '../models/sites.ts'
import { linear } from '../models/transformer-block.ts'
import { activations } from './activations.ts'
import type { ParameterSpec } from './method.ts'
import { linearSpecs, specsUnder } from './parameter-specs.ts'

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
 * The adapters library's `ClassificationHead`: linear layers with a non-linearity between, under its names
 * `heads.<name>.1`, `.4`, `.7` …
 *
 * @throws WorkbenchError `bad-input` for a pooling that tells nothing of the text
 */
export function classificationHead(
  { layers, activation, pooling, dropout }: HeadChoice,
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
  // The library counts dropout, linear layer and non-linearity of each.
  const path = (index: number): string => `heads.${name}.${index}`
  const inner = Array.from({ length: layers - 1 }, (_, layer) => 3 * layer)
  const outer = 3 * (layers - 1)
  return {
    parameters: [
      ...inner.flatMap((index) => specs(path(index + 1), hiddenSize)),
      ...specs(path(outer + 1), labels),
    ],
    ...(read === 'mean' ? {} : { only: read }),
    logits(build, last, inputs) {
      let x = read === 'mean' ? meanOfTokens(last, inputs.mask) : onePosition(last, read, inputs)
      for (const index of inner) {
        x = build.dropout(x, dropout, path(index))
        x = activations[activation](linear(build, x, path(index + 1), hiddenSize, hiddenSize))
      }
      x = build.dropout(x, dropout, path(outer))
      return linear(build, x, path(outer + 1), hiddenSize, labels)
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
  return pooled(
    {
      parameters: [...(trainsPooler ? pretrained : []), ...specs('classifier', labels)],
      logits: (build, last) =>
        linear(build, reshape(last, last.shape.slice(1)), 'classifier', hiddenSize, labels),
    },
    config,
  )
}

/** Hugging Face's `RobertaForSequenceClassification`: two linear layers on the first token, tanh between. */
export function robertaHead(config: BackboneConfig, labels: number): Head {
  return twoLayers(config, labels, { inner: 'classifier.dense', between: tanh, outer: 'classifier.out_proj' })
}

/** Hugging Face's `DistilBertForSequenceClassification`: two linear layers on the first token, ReLU between. */
export function distilbertHead(config: BackboneConfig, labels: number): Head {
  return twoLayers(config, labels, { inner: 'pre_classifier', between: relu, outer: 'classifier' })
}

function twoLayers(
  config: BackboneConfig,
  labels: number,
  { inner, between, outer }: { inner: string; between: (x: Value) => Value; outer: string },
): Head {
  const { hiddenSize } = config
  const specs = headSpecs(config)
  return {
    parameters: [...specs(inner, hiddenSize), ...specs(outer, labels)],
    only: 'first',
    logits(build, last, inputs) {
      const first = onePosition(last, 'first', inputs)
      return linear(
        build,
        between(linear(build, first, inner, hiddenSize, hiddenSize)),
        outer,
        hiddenSize,
        labels,
      )
    },
  }
}

/** Hugging Face's `GPT2ForSequenceClassification`: one linear layer `score` without bias on the last token. */
export function scoreHead({ hiddenSize, initializerRange }: BackboneConfig, labels: number): Head {
  const shape = [labels, hiddenSize]
  return {
    parameters: [
      specsUnder('score', 'head')('weight', shape, { kind: 'normal', deviation: initializerRange }),
    ],
    only: 'last',
    logits: (build, last, inputs) =>
      matMul(onePosition(last, 'last', inputs), build.parameter('score.weight', shape), { transposeB: true }),
  }
}

/** A head that reads what the checkpoint's pooler makes of the first token: a linear layer and tanh. */
export function pooled(head: Omit<Head, 'only'>, { hiddenSize }: BackboneConfig): Head {
  return {
    parameters: head.parameters,
    only: 'first',
    logits(build, last, inputs) {
      const first = onePosition(last, 'first', inputs)
      const read = tanh(linear(build, first, 'pooler.dense', hiddenSize, hiddenSize))
      return head.logits(build, reshape(read, [1, ...read.shape]), inputs)
    },
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
