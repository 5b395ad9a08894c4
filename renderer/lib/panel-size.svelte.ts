import { recall, remember } from './remember.ts'

export interface PanelSize {
  width: number
  open: boolean
}

/** A side panel's width and whether it is open, kept between visits. */
export function createPanelSize(name: string, width: number, open: boolean): PanelSize {
  const saved = /^(\d+) (open|shut)$/.exec(recall(`panel.${name}`) ?? '')
  const size = $state({ width: saved ? Number(saved[1]) : width, open: saved ? saved[2] === 'open' : open })
  const keep = () => remember(`panel.${name}`, `${Math.round(size.width)} ${size.open ? 'open' : 'shut'}`)
  return {
    get width() {
      return size.width
    },
    set width(value) {
      size.width = Math.max(220, Math.min(640, value))
      keep()
    },
    get open() {
      return size.open
    },
    set open(value) {
      size.open = value
      keep()
    },
  }
}
