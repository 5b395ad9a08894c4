import type { HeadChoice } from '../../preload/contract.ts'

/** What a head may read, in words. */
export const headPoolings: Record<HeadChoice['pooling'], string> = {
  auto: 'Token that suits the model',
  first: 'First token',
  last: 'Last token',
  mean: 'Mean of the tokens',
}

/** The pooling of that name; `auto` for any other. */
export function headPooling(name: string): HeadChoice['pooling'] {
  return name === 'first' || name === 'last' || name === 'mean' ? name : 'auto'
}
