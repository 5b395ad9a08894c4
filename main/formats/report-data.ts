import type {
  ComparedGroup,
  Comparison,
  CurveBand,
  Curve,
  ExperimentConfig,
  RunDetail,
  ScoreName,
} from '../../preload/contract.ts'

/** Learning curves of the groups on one dataset. */
export interface ReportCurves {
  datasetId: string
  /** `validation.accuracy` */
  metric: string
  lines: {
    group: string
    curve: Pick<Curve, 'x' | 'y'>
    band?: Pick<CurveBand, 'x' | 'mean' | 'deviation'>
  }[]
}

/** Everything that a report shows; it holds no path of this machine but the runs' names. */
export interface ReportData {
  title: string
  question: string
  /** ISO time. */
  createdAt: string
  /** Version of the program. */
  version: string
  comparison: Comparison
  runs: RunDetail[]
  curves: ReportCurves[]
  experiment?: ExperimentConfig
  theme: 'light' | 'dark'
}

export const scoreNames = {
  accuracy: 'accuracy',
  macroF1: 'macro F1',
  matthews: 'Matthews correlation',
} as const satisfies Record<ScoreName, string>

/** A table of text cells; `best` marks rows whose cell is the best of its column. */
export interface ReportTable {
  title: string
  header: string[]
  rows: { cells: string[]; best: boolean[] }[]
}

/** The groups on one dataset, in the order of their scores. */
export function byDataset(
  groups: readonly ComparedGroup[],
): { datasetId: string; datasetName: string; groups: ComparedGroup[] }[] {
  return [...Map.groupBy(groups, ({ datasetId }) => datasetId)].map(([datasetId, alike]) => ({
    datasetId,
    datasetName: alike[0]?.datasetName ?? '',
    groups: alike.toSorted((a, b) => (b.score?.mean ?? -Infinity) - (a.score?.mean ?? -Infinity)),
  }))
}

/** A group's name, with its model where several are compared. */
export function fullName(group: ComparedGroup, all: readonly ComparedGroup[]): string {
  const several = new Set(all.map(({ modelId }) => modelId)).size > 1
  return several ? `${group.name} · ${group.modelName}` : group.name
}
