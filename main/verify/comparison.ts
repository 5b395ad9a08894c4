import type { GoldenCase } from './golden-case.ts'

/** Softmax does not see a shift of all keys, so their gradient is 0 but for rounding, which AdamW blows up. */
function shifted(name: string): boolean {
  return /after3\.param\..*(?:key|k_lin)\.bias$/.test(name)
}

/** What `expected.json` says once more of a tensor of the case, computed in float32 and in float64. */
const said: Readonly<Record<string, readonly string[]>> = {
  loss: ['loss', 'loss_f64'],
  logits: ['logits', 'logits_f64'],
  'after3.losses': ['loss_per_step', 'loss_per_step_f64'],
  'after3.logits': ['after3_logits', 'after3_logits_f64'],
  'reg_added.reg_loss': ['reg_loss'],
  'reg_added.loss_with_reg': ['loss_with_reg'],
  'reg_added.after3.losses': ['reg_added_loss_per_step'],
  'reg_trainer.after3.losses': ['reg_trainer_loss_per_step'],
}

/** What three steps at most move a parameter by. */
const moved = 3e-3
/** What float32 leaves uncertain of a case's gradients. */
const gradientNoise = 3e-7

/** Collects differences. A case is right when every tensor is within tolerance and none of the reference is left over. */
export class Comparison {
  private readonly maxAbs: Record<string, number> = {}
  private readonly problems = new Set<string>()
  private readonly extrasCompared = new Set<string>()
  private readonly golden: GoldenCase

  constructor(golden: GoldenCase) {
    this.golden = golden
  }

  /**
   * A tensor of the case, and what `expected.json` says of it.
   *
   * @param reference the case's tensor of this name, unless another is given
   */
  compare(
    name: string,
    computed: ArrayLike<number>,
    reference: ArrayLike<number> | undefined = this.golden.expected.get(name),
  ): void {
    this.compareTo(name, computed, reference)
    for (const extra of said[name] ?? []) {
      if (this.golden.extras.has(extra)) this.compareExtra(extra, computed)
    }
  }

  /** What only `expected.json` has, by its name there. */
  compareExtra(name: string, computed: ArrayLike<number>): void {
    this.extrasCompared.add(name)
    this.compareTo(name, computed, this.golden.extras.get(name))
  }

  private compareTo(
    name: string,
    computed: ArrayLike<number>,
    reference: ArrayLike<number> | undefined,
  ): void {
    if (shifted(name)) return
    if (!reference) return void this.problems.add(`${name}: the case has no such tensor`)
    if (reference.length !== computed.length) {
      return void this.problems.add(`${name}: ${computed.length} values, the case has ${reference.length}`)
    }
    const allowed = this.tolerance(name, reference)
    let largest = 0
    let worst: { difference: number; allowed: number } | undefined
    // GPT-2 keeps the biases of queries, keys and values in one vector, so that the middle third is the keys'.
    const keys = /after3\.param\..*attn\.c_attn\.bias$/.test(name) ? reference.length / 3 : 0
    for (let i = 0; i < reference.length; i++) {
      if (i >= keys && i < 2 * keys) continue
      const difference = Math.abs((reference[i] ?? 0) - (computed[i] ?? 0))
      if (!(difference <= largest)) largest = difference
      const limit = allowed(i)
      if (!(difference <= limit) && !(difference <= (worst?.difference ?? 0)))
        worst = { difference, allowed: limit }
    }
    this.maxAbs[name] = Math.max(this.maxAbs[name] ?? 0, largest)
    if (worst) {
      this.problems.add(
        `${name}: differs by ${worst.difference.toExponential(2)}, allowed ${worst.allowed.toExponential(2)}`,
      )
    }
  }

  /** How far each element of a tensor may be from the reference. */
  private tolerance(name: string, reference: ArrayLike<number>): (index: number) => number {
    const gradient = this.golden.expected.get(name.replace(/^.*after3\.param\./, 'grad.'))
    if (name.includes('after3.param.')) {
      // AdamW divides a gradient by its own size: one as small as the rounding of its sum moves its parameter by
      // anything up to the learning rate.
      return (index) => 1e-4 + moved * Math.min(1, gradientNoise / Math.abs(gradient?.[index] ?? 1))
    }
    let scale = 0
    for (let i = 0; i < reference.length; i++) scale = Math.max(scale, Math.abs(reference[i] ?? 0))
    return () => 1e-5 + 1e-5 * scale
  }

  sameNames(what: string, computed: readonly string[], reference: readonly string[]): void {
    const missing = reference.filter((name) => !computed.includes(name))
    // Parameters that the library calls trainable though nothing depends on them have no gradient to compare.
    const unexplained = missing.filter((name) => this.golden.expected.has(`grad.${name}`))
    const extra = computed.filter((name) => !reference.includes(name))
    if (unexplained.length > 0) this.problems.add(`${what}: lacks ${unexplained.join(', ')}`)
    if (extra.length > 0) this.problems.add(`${what}: ${extra.join(', ')} should be frozen`)
  }

  outcome(): { ok: boolean; maxAbs: Record<string, number>; problems: string[] } {
    for (const name of this.golden.expected.keys()) {
      const untouched =
        name.includes('after3.param.') &&
        !this.golden.expected.has(name.replace(/^.*after3\.param\./, 'grad.'))
      if (!(name in this.maxAbs) && !untouched && !shifted(name)) {
        this.problems.add(`${name}: not computed`)
      }
    }
    for (const name of this.golden.extras.keys()) {
      if (!this.extrasCompared.has(name)) {
        this.problems.add(`${name} of expected.json: nothing here computes what it says`)
      }
    }
    const problems = [...this.problems]
    return { ok: problems.length === 0, maxAbs: this.maxAbs, problems }
  }
}
