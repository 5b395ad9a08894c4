export interface ModelSummary {
  id: string
  name: string
  folder: string
  architecture: 'bert' | 'roberta' | 'distilbert' | 'gpt2'
  layers: number
  hiddenSize: number
  heads: number
  intermediateSize: number
  vocabularySize: number
  maximumLength: number
  /** Parameters of the backbone (embeddings and layers; no head, no pooler). */
  parameters: number
  /** SHA-256 over the backbone's tensors (names, shapes, float32 values). */
  hash: string
  /** Ships with the program. */
  builtIn: boolean
  createdAt: string
}

export interface ModelDetail extends ModelSummary {
  tensors: {
    name: string
    shape: number[]
    dtype: string
    usedAs: 'backbone' | 'masked-language-model head' | 'language-model head' | 'unused'
  }[]
  tokenizer: { kind: string; file: string; lowercase: boolean; vocabularySize: number }
  /** How some words split, for the user to see that the tokenizer is the right one. */
  example: { text: string; tokens: string[] }
}
