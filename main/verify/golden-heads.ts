import { HeadChoice, WorkbenchError } from '../../preload/contract.ts'
import {
  classificationHead,
  distilbertHead,
  pooled,
  poolerHead,
  robertaHead,
  scoreHead,
  type Head,
} from '../adapters/head.ts'
import type { BackboneConfig } from '../models/config.ts'
import type { TunedTask } from '../training/tuned-model.ts'
import type { CaseConfig } from './golden-files.ts'

/**
 * The heads that the case reads, in order: several under a Parallel block, else one.
 *
 * @throws WorkbenchError `unsupported` for a head that there is not
 */
export function goldenTasks(
  caseConfig: CaseConfig,
  backbone: BackboneConfig,
  trainable: readonly string[],
): TunedTask[] {
  const { heads, active_head: active } = caseConfig
  const names = active?.startsWith('[')
    ? Array.from(active.matchAll(/'([^']+)'/g), ([, name = '']) => name)
    : [active]
  return names.map((given): TunedTask => {
    const name = given === 'None' || !given ? Object.keys(heads ?? {})[0] : given
    const config = name === undefined ? undefined : heads?.[name]
    if (name === undefined || config === undefined) return modelTask(caseConfig, backbone, trainable)
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

/** The heads that Hugging Face's own classes have, by the class. */
const modelHeads: Readonly<
  Record<string, (backbone: BackboneConfig, labels: number, trainsPooler: boolean) => Head>
> = {
  BertForSequenceClassification: poolerHead,
  RobertaForSequenceClassification: robertaHead,
  DistilBertForSequenceClassification: distilbertHead,
  GPT2ForSequenceClassification: (backbone, labels) =>
    readingCounted(scoreHead(backbone, labels), modelHeadName),
}
const modelHeadName = 'classifier'

function modelTask(
  { model_class: modelClass, model_config: modelConfig }: CaseConfig,
  backbone: BackboneConfig,
  trainable: readonly string[],
): TunedTask {
  const headOf = modelHeads[modelClass]
  if (!headOf) {
    throw new WorkbenchError(
      'unsupported',
      `${modelClass} without a head of the adapters library is not supported; only ${Object.keys(modelHeads).join(', ')} are`,
    )
  }
  const { id2label: named, num_labels: count, problem_type: problem } = modelConfig
  // As many as Hugging Face's configurations have where nothing is said.
  const labels = named ? Object.keys(named).length : (count ?? 2)
  if (labels < 2 || (problem ?? 'single_label_classification') !== 'single_label_classification') {
    throw new WorkbenchError(
      'unsupported',
      `${modelClass} with ${labels} label(s) and problem_type ${problem ?? 'null'}: only the choice of one class among several is supported`,
    )
  }
  const head = headOf(backbone, labels, trainable.includes('pooler.dense.weight'))
  return { name: modelHeadName, head, labels }
}

/** GPT-2 reads a position that it finds by ids which are padding, wherever these are (`countedTokens`). */
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
 * For each row as many ones as the place of the token that GPT-2's head reads: the adapters library counts the ids that
 * are not padding, Hugging Face's own class goes up to the first that is (and to the end where the text begins with it).
 * Where the model's configuration names no padding, both read the last position, even if it is padding.
 *
 * @returns `[batch, sequence]`, flat
 */
export function countedTokens(
  { heads, model_config: modelConfig }: Pick<CaseConfig, 'heads' | 'model_config'>,
  ids: readonly number[][],
): Float32Array {
  const padding = modelConfig['pad_token_id']
  const ofLibrary = Object.keys(heads ?? {}).length > 0
  return Float32Array.from(
    ids.flatMap((row) => {
      const before = row.findIndex((id) => id === padding)
      const count = ofLibrary ? row.filter((id) => id !== padding).length : before > 0 ? before : row.length
      return row.map((_, position) => (position < count ? 1 : 0))
    }),
  )
}
