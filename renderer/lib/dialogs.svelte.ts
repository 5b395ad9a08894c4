export interface Question {
  title: string
  body: string
  confirm: string
  danger?: boolean
}

interface Dialogs {
  question: (Question & { answer: (yes: boolean) => void }) | undefined
  palette: boolean
  shortcuts: boolean
}

/** Which dialogs are open. */
export const dialogs: Dialogs = $state({ question: undefined, palette: false, shortcuts: false })

/** Asks before something that cannot be undone; resolves with the answer. */
export function ask(question: Question): Promise<boolean> {
  return new Promise((resolve) => {
    dialogs.question = {
      ...question,
      answer(yes) {
        dialogs.question = undefined
        resolve(yes)
      },
    }
  })
}
