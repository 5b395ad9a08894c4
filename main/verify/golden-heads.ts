import { HeadChoice, WorkbenchError } from '../../preload/contract.ts'
import { classificationHead, poolerHead, type Head } from '../adapters/head.ts'
import { add, multiply } from '../graph/index.ts'
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
    const { num_labels: labels, layers, head_type: type = 'classification' } = config
    if (type !== 'classification' || config.use_pooler || config.bias === false) {
      throw new WorkbenchError(
        'unsupported',
        `head "${name}": only classification heads without pooler and with bias are supported`,
      )
    }
    if (layers !== 1 && layers !== 2) {
      throw new WorkbenchError('unsupported', `head "${name}": only heads of 1 or 2 layers are supported`)
    }
    if (layers === 2 && (config.activation_function ?? 'tanh') !== 'tanh') {
      throw new WorkbenchError('unsupported', `head "${name}": only tanh is supported between its layers`)
    }
    const head = classificationHead(HeadChoice.parse({ layers }), backbone, labels, name)
    const namesPadding = typeof modelConfig['pad_token_id'] === 'number'
    return { name, head: head.only === 'last' && !namesPadding ? readingLastPosition(head) : head, labels }
  })
}

/** Where the configuration names no padding, the library's GPT-2 reads the last position even if it is padding. */
function readingLastPosition({ only: _last, ...head }: Head): Head {
  return {
    ...head,
    logits: (build, last, { mask, positions }) =>
      head.logits(build, last, { mask: add(multiply(mask, 0), 1), positions }),
  }
}
