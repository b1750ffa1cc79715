// The table of invocations, sorted by any column.

import { functionLink, h, invocationLink, replace } from './dom.mjs'
import * as format from './format.mjs'
import { account, compare, mode } from './records.mjs'

const looks = { '': 'good', client: 'warm', function: 'bad', server: 'bad' }

export const ending = (record) => h('span', { class: `badge ${looks[account(record)]}` }, record.ending || 'unknown')

// firstByte is – for a response without any.
export const firstByte = (record) => format.ms(record.bytes > 0 || record.firstByteMs > 0 ? record.firstByteMs : null)

const all = [
  { label: 'Time', key: 'time', cell: (r) => invocationLink(r.requestId, format.clock(r.time)), head: true },
  { label: 'Function', key: 'function', cell: (r) => functionLink(r.function) },
  { label: 'Mode', key: 'mode', cell: (r) => mode(r) || '–' },
  { label: 'First byte', key: 'firstByteMs', cell: firstByte, number: true },
  { label: 'Duration', key: 'durationMs', cell: (r) => format.ms(r.durationMs), number: true },
  { label: 'Bytes', key: 'bytes', cell: (r) => format.bytes(r.bytes), number: true },
  { label: 'Chunks', key: 'chunks', cell: (r) => format.count(r.chunks), number: true },
  { label: 'Ending', key: 'ending', cell: (r) => [ending(r), r.errorType && h('div', { class: 'soft small' }, r.errorType)] },
  { label: 'Cost', key: 'cost', cell: (r) => format.dollars(r.cost), number: true },
]

// Table shows records. `sort` is a column's key, with a minus before it for the
// largest first; onsort is told a new one.
export class Table {
  #columns
  #rows = new Map() // by request id: records don't change
  #body = h('tbody')
  #heads
  #records = []

  constructor({ functions = true, sort = '-time', onsort = () => {} } = {}) {
    this.#columns = all.filter((column) => functions || column.key !== 'function')
    this.sort = all.some(({ key }) => key === sort.replace('-', '')) ? sort : '-time'
    this.onsort = onsort
    this.#heads = this.#columns.map((column) =>
      h('th', { scope: 'col', class: column.number ? 'number' : null }, h('button', { class: 'sort', onclick: () => this.order(column.key) }, column.label)),
    )
    // On a narrow screen the heads of the columns are hidden, and this stands in.
    this.by = h('select', { onchange: () => this.order(this.by.value) }, this.#columns.map(({ label, key }) => h('option', { value: key }, label)))
    this.element = h(
      'div',
      { class: 'scroll', role: 'region', 'aria-label': 'Invocations', tabindex: '0' },
      h('table', { class: 'cards invocations' }, h('thead', null, h('tr', null, this.#heads)), this.#body),
    )
  }

  order(key) {
    const column = all.find((one) => one.key === key)
    const largest = this.sort === key || (this.sort !== `-${key}` && (column.number || key === 'time'))
    this.sort = largest ? `-${key}` : key
    this.show(this.#records)
    this.onsort(this.sort)
  }

  // show shows records; those in fresh are marked as new.
  show(records, fresh = new Set()) {
    this.#records = records
    const [key, descending] = this.sort[0] === '-' ? [this.sort.slice(1), true] : [this.sort, false]
    this.by.value = key
    this.#heads.forEach((head, i) => head.setAttribute('aria-sort', this.#columns[i].key !== key ? 'none' : descending ? 'descending' : 'ascending'))
    const sorted = [...records].sort((a, b) => compare(a, b, key, descending))
    const focused = this.#body.contains(document.activeElement) ? document.activeElement : null
    const rows = sorted.map((record) => {
      const row = this.#rows.get(record.requestId) ?? this.#row(record)
      row.classList.toggle('fresh', fresh.has(record.requestId))
      return [record.requestId, row]
    })
    this.#rows = new Map(rows)
    replace(this.#body, [...this.#rows.values()])
    focused?.focus()
    this.element.hidden = rows.length === 0
  }

  #row(record) {
    return h(
      'tr',
      null,
      this.#columns.map((column) => {
        const properties = { 'data-label': column.label, class: column.number ? 'number' : null }
        return column.head ? h('th', { scope: 'row' }, column.cell(record)) : h('td', properties, column.cell(record))
      }),
    )
  }
}

// soon calls draw twice a second at most, however many invocations end.
export function soon(draw, signal) {
  let timer = null
  signal.addEventListener('abort', () => clearTimeout(timer))
  return () => {
    timer ??= setTimeout(() => {
      timer = null
      draw()
    }, 500)
  }
}
