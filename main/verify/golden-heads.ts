import { HeadChoice, WorkbenchError } from '../../preload/contract.ts'
import { classificationHead, pooled, poolerHead, type Head } from '../adapters/head.ts'
import type { BackboneConfig } from '../models/config.ts'
import type { TunedTask } from '../training/tuned-model.ts'
import type { CaseConfig } from './golden-files.ts'

/**
 * The heads that the case reads, in order: several under a Parallel block, else one.
 *
 * @throws WorkbenchError `unsupported` for a head that there is not
 */
export function goldenTasks(
  { heads, active_head: active, model_class: modelClass, model_config: modelConfig }: CaseConfig,
  backbone: BackboneConfig,
  trainable: readonly string[],
): TunedTask[] {
  const names = active?.startsWith('[')
    ? Array.from(active.matchAll(/'([^']+)'/g), ([, name = '']) => name)
    : [active]
  return names.map((given): TunedTask => {
    const name = given === 'None' || !given ? Object.keys(heads ?? {})[0] : given
    const config = name === undefined ? undefined : heads?.[name]
    if (name === undefined || config === undefined) {
      if (modelClass !== 'BertForSequenceClassification') {
        throw new WorkbenchError(
          'unsupported',
          `${modelClass} without a head of the adapters library is not supported`,
        )
      }
      const labels = Object.keys(modelConfig.id2label ?? {}).length
      return {
        name: 'classifier',
        head: poolerHead(backbone, labels, trainable.includes('pooler.dense.weight')),
        labels,
      }
    }
    const { num_labels: labels, layers, head_type: type = 'classification', bias, use_pooler: pools } = config
    const hasPooler = backbone.architecture === 'bert' || backbone.architecture === 'roberta'
    const choice = HeadChoice.safeParse({ layers, activation: config.activation_function ?? 'tanh' })
    if (type !== 'classification' || bias === false || (pools && !hasPooler) || !choice.success) {
      const problems = choice.error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? []
      throw new WorkbenchError(
        'unsupported',
        [
          `head "${name}": only classification heads with bias, and with a pooler only those of BERT and RoBERTa`,
          ...problems,
        ].join('; '),
      )
    }
    const head = classificationHead(choice.data, backbone, labels, name)
    const reading = pools ? pooled(head, backbone) : head.only === 'last' ? readingCounted(head, name) : head
    return { name, head: reading, labels }
  })
}

/** The library's GPT-2 reads the position that is the count of tokens which are not padding, wherever these are. */
function readingCounted({ only: _last, ...head }: Head, name: string): Head {
  return {
    ...head,
    logits: (build, last, { positions }) => {
      const mask = last.graph.input(countedName(name), 'float32', ['batch', 'sequence'])
      return head.logits(build, last, { mask, positions })
    },
  }
}

/** The input of a graph that says up to where a head counts. */
export function countedName(head: string): string {
  return `counted:${head}`
}

/**
 * For each row as many ones as it has ids that are not padding.
 *
 * @param padding what the model's configuration says; without one the last position is read, even if it is padding
 * @returns `[batch, sequence]`, flat
 */
export function countedTokens(ids: readonly number[][], padding: unknown): Float32Array {
  return Float32Array.from(
    ids.flatMap((row) => {
      const count = row.filter((id) => id !== padding).length
      return row.map((_, position) => (position < count ? 1 : 0))
    }),
  )
}
