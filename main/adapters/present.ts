/** The value that must be there, though a list or a map may lack it. @param what whose it is, for who reads the error */
export function present<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`there is nothing here for ${what}`)
  return value
}
