import { describe, expect, it } from 'vitest'

import { DatasetSources, type SniffedFile } from '../../../preload/contract.ts'
import { sniffSources } from '../../../main/data/sniff.ts'
import { temporaryFolder } from './temporary-files.ts'

const files = temporaryFolder()

async function sniff(
  sources: Record<string, string>,
  options: Record<string, unknown> = {},
): Promise<SniffedFile[]> {
  const named = Object.entries(sources).map(([name, content]) => ({ path: files.write(name, content) }))
  const plans = await sniffSources(DatasetSources.parse({ files: named, options }))
  return plans.map((plan) => plan.sniffed)
}

describe('sniffing one file', () => {
  it.each<[string, string, string, Partial<SniffedFile>]>([
    [
      'CSV without header, label first',
      'a.csv',
      'pos,I loved it really\nneg,no good at all\npos,fine then\nneg,bad one\n',
      { delimiter: ',', header: false, text: '2', label: '1' },
    ],
    [
      'CSV without header, numbers as classes, a title before the text',
      'b.csv',
      '1,"Wall St. Bears","Short-sellers are back, again"\n2,"A win","Team wins, a big one"\n1,"Oil up","Oil prices rose by a lot"\n2,"Goal","Late goal wins it all"\n',
      { quoting: true, header: false, columns: ['1', '2', '3'], text: '3', label: '1' },
    ],
    [
      'a spreadsheet with unnamed empty columns',
      'c.csv',
      'v1,v2,,,\nham,"Go until jurong point, crazy..",,,\nham,Ok lar... Joking wif u,,,\nspam,Free entry in 2 a wkly comp,,,\n',
      { header: true, columns: ['v1', 'v2', '3', '4', '5'], text: 'v2', label: 'v1' },
    ],
    [
      'a data frame with its unnamed index',
      'd.csv',
      ',text,label\n0,hello there,1\n1,good bye,0\n2,hi there,1\n',
      { header: true, columns: ['1', 'text', 'label'], text: 'text', label: 'label' },
    ],
    [
      'columns with no telling names',
      'e.tsv',
      'kommentar\turteil\nich fand den Film sehr schön\tgut\nich fand den Film furchtbar lang\tschlecht\nder Film war wirklich gelungen\tgut\nleider war er misslungen\tschlecht\n',
      { header: true, text: 'kommentar', label: 'urteil' },
    ],
    [
      'bars in a text file with header',
      'f.txt',
      'text|label\nhello there|a\ngood bye|b\nhow are|a\n',
      { format: 'delimited', delimiter: '|', header: true, text: 'text', label: 'label' },
    ],
    [
      'semicolons between texts that all have one comma',
      'h.csv',
      'text;label\nyes, it was good;a\nno, it was bad;b\nwell, it was fine;a\n',
      { delimiter: ';', header: true, text: 'text', label: 'label' },
    ],
    [
      'tabs between texts that all have one comma, in a file called CSV',
      'i.csv',
      'text\tlabel\nyes, it was good\ta\nno, it was bad\tb\nwell, it was fine\ta\n',
      { delimiter: '\t', header: true, text: 'text', label: 'label' },
    ],
    [
      'a pair among many columns',
      'g.tsv',
      'id\tqid1\tquestion1\tquestion2\tis_duplicate\n0\t1\tHow are you?\tHow do you do?\t1\n1\t3\tWho is it?\tWhat is it?\t0\n2\t5\tA b c?\tD e f?\t0\n3\t7\tA b g?\tD e f?\t1\n',
      { text: 'question1', secondText: 'question2', label: 'is_duplicate' },
    ],
    [
      'the gold label among labels of single annotators',
      'h.tsv',
      'genre\tsentence1\tsentence2\tlabel1\tgold_label\nx\tone two\tthree\ta\tb\ny\tfour\tfive six\tb\ta\nx\tseven\teight\ta\ta\n',
      { text: 'sentence1', secondText: 'sentence2', label: 'gold_label' },
    ],
    [
      'quotes that mean themselves in CSV',
      'i.csv',
      'text,label\nhe said "hi,a\n"ok" then,b\nfine,a\nfine two,b\n',
      { quoting: false, header: true },
    ],
    [
      'whole sentences in quotes in raw TSV',
      'j.tsv',
      'text\tlabel\n"A quoted sentence."\ta\nplain one\tb\nplain two\ta\nplain three\tb\n',
      { quoting: false },
    ],
    [
      'TSV whose quotes protect a tab',
      'k.tsv',
      'text\tlabel\n"with a\ttab"\ta\nplain one\tb\nplain two\ta\n',
      { quoting: true },
    ],
    [
      'prose with a comma in each line',
      'l.txt',
      'Hello, world\nThis, that\nOne, two\n',
      { format: 'lines', columns: ['text'] },
    ],
    [
      'labels before a colon',
      'm.txt',
      'NUM:dist How far is it ?\nLOC:city What county is it in ?\nNUM:date When was it ?\nLOC:city Which city ?\n',
      { format: 'labelled-lines', text: 'text', label: 'label' },
    ],
    [
      'JSONL by its content',
      'n.txt',
      '{"intent":"greet","utterance":"hello there"}\n{"intent":"part","utterance":"good bye"}\n',
      { format: 'jsonl', text: 'utterance', label: 'intent' },
    ],
    [
      'JSONL with a broken first line',
      'o.jsonl',
      '{"text": "half\n{"text":"a b","label":"x"}\n{"text":"c d","label":"y"}\n',
      { format: 'jsonl', columns: ['text', 'label'] },
    ],
    [
      'a column that is the same throughout beside the label',
      'q.tsv',
      'a text one\tgood\tweb\na text two\tbad\tweb\na text three\tgood\tweb\n',
      { text: '1', label: '2' },
    ],
    [
      'the shorter of two columns that could be the label',
      'r.tsv',
      '1\ta text one of these\tnewspaper\n0\ta text two of these\tmagazine\n1\ta text three here\tmagazine\n0\ta text four here\tmagazine\n',
      { text: '2', label: '1' },
    ],
    [
      'columns with the same name',
      'p.tsv',
      'text\ttext\tlabel\none\tuno\ta\ntwo\tdue\tb\nthree\ttre\ta\n',
      { columns: ['text', 'text (2)', 'label'] },
    ],
  ])('%s', async (_, name, content, expected) => {
    const [sniffed] = await sniff({ [name]: content })
    expect(sniffed).toMatchObject(expected)
    if (expected.text !== undefined && expected.secondText === undefined) {
      expect(sniffed).not.toHaveProperty('secondText')
    }
  })

  it('judges quoting by more than the first lines', async () => {
    const plain = 'plain text here\ta\nmore plain text\tb\n'.repeat(600)
    const [raw] = await sniff({
      'late.tsv': `text\tlabel\n"two\ttabs"\ta\n${plain}"stray quote\tb\n"another" one\ta\n`,
    })
    expect(raw?.quoting).toBe(false)
  })
})

describe('sniffing the files of one dataset', () => {
  it('reads one without header like one with it', async () => {
    const [bare, headed] = await sniff({
      'val.tsv': '7\tone text here\tyes\n8\tother text here\tno\n',
      'train.tsv': 'index\tsentence\tlabel\n1\tsome text\tyes\n2\tmore text\tno\n',
    })
    expect(headed?.header).toBe(true)
    expect(bare).toMatchObject({
      header: false,
      columns: ['index', 'sentence', 'label'],
      text: 'sentence',
      label: 'label',
    })
  })

  it('lets the first file decide about columns where a small one would mislead', async () => {
    const rows = (labels: string[]) =>
      labels.map((label, at) => `s${at % 3}\t${label}\tthe text of row ${at}\n`).join('')
    const [large, small] = await sniff({
      'large.tsv': rows(['0', '1', '1', '0', '1', '0', '0', '1', '1']),
      'small.tsv': 'same\t0\tthe one text\nsame\t1\tthe other text\nsome\t2\tyet another\n',
    })
    expect(large).toMatchObject({ text: '3', label: '2' })
    expect(small).toMatchObject({ text: '3', label: '2' })
  })

  it('keeps columns apart where they differ', async () => {
    const [one, two] = await sniff({
      'one.tsv': 'text\tlabel\na b\tx\nc d\ty\n',
      'two.csv': 'class,id,sentence\nx,1,e f\ny,2,g h\n',
    })
    expect(one).toMatchObject({ text: 'text', label: 'label' })
    expect(two).toMatchObject({ text: 'sentence', label: 'class' })
  })
})
