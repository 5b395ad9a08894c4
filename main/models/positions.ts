import {
  add,
  cast,
  divide,
  greater,
  matMul,
  maximum,
  multiply,
  reduceMax,
  reduceSum,
  reshape,
  slice,
  subtract,
  transpose,
  type Value,
} from '../graph/index.ts'
import type { EncoderInputs } from './architecture.ts'
import type { PickPosition } from './transformer-block.ts'

/** The largest float32: what PyTorch's transformers subtract from the scores of what is not seen. */
const masked = 3.4028234663852886e38

/** What is added to attention scores where padding is not seen, `[batch, 1, 1, sequence]`. */
export function paddingBias({ mask }: Pick<EncoderInputs, 'mask'>): Value {
  return reshape(multiply(subtract(mask, 1), masked), ['batch', 1, 1, 'sequence'])
}

/** The same where neither padding nor what comes later is seen, `[batch, 1, sequence, sequence]`. */
export function causalBias({ mask, positions }: Pick<EncoderInputs, 'mask' | 'positions'>): Value {
  return add(paddingBias({ mask }), multiply(subtract(notLater(positions), 1), masked))
}

/** 1 where the position of the column is not later than that of the row, `[sequence, sequence]`. */
function notLater(positions: Value): Value {
  const numbers = cast(positions, 'float32')
  const later = cast(greater(numbers, reshape(numbers, ['sequence', 1])), 'float32')
  return subtract(positions.graph.scalar(1), later)
}

/**
 * RoBERTa's positions, int32 `[sequence, batch]`: tokens are counted from `padding + 1`, and whatever has the id of
 * padding is at `padding` itself (`create_position_ids_from_input_ids` of Hugging Face).
 */
export function countedPositions(
  { ids, positions }: Pick<EncoderInputs, 'ids' | 'positions'>,
  padding: number,
): Value {
  const id = cast(ids, 'float32')
  const isToken = add(
    cast(greater(id, padding), 'float32'),
    cast(greater(ids.graph.scalar(padding), id), 'float32'),
  )
  const count = matMul(notLater(positions), isToken)
  return cast(add(multiply(count, isToken), padding), 'int32')
}

/**
 * Mean over an example's tokens, `[sequence, batch, n]` → `[batch, n]`. Padding counts nothing; of a text without a
 * token, as GPT-2 makes of an empty one, it is 0.
 */
export function meanOfTokens(x: Value, mask: Value): Value {
  const tokens = reshape(transpose(mask, [1, 0]), ['sequence', 'batch', 1])
  const count = maximum(reduceSum(tokens, [0]), 1)
  return divide(reduceSum(multiply(x, tokens), [0]), count)
}

/** Takes one position of each example: the first, or that of the last token. */
export function positionOf(
  which: 'first' | 'last',
  inputs: Pick<EncoderInputs, 'mask' | 'positions'>,
): PickPosition {
  return which === 'first' ? (x) => slice(x, 0, 0, 1) : (x) => lastToken(x, inputs)
}

function lastToken(x: Value, { mask, positions }: Pick<EncoderInputs, 'mask' | 'positions'>): Value {
  const numbers = reshape(cast(positions, 'float32'), ['sequence', 1])
  const tokens = transpose(mask, [1, 0])
  const last = reduceMax(multiply(tokens, numbers), [0], true)
  // Of the tokens, the one whose position none exceeds.
  const isLast = multiply(tokens, cast(greater(add(numbers, 0.5), last), 'float32'))
  return reduceSum(multiply(x, reshape(isLast, ['sequence', 'batch', 1])), [0], true)
}
