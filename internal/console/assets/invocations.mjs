// The table of a function's invocations: filtered, sorted, live.

import * as api from './api.mjs'
import { failure, h, invocationLink, replace } from './dom.mjs'
import * as format from './format.mjs'
import { feed, remember } from './live.mjs'

const most = 200

export const mode = (record) => (record.mode === 'RESPONSE_STREAM' ? 'streamed' : record.mode === 'BUFFERED' ? 'buffered' : record.mode ?? '–')

export const ending = (record) => h('span', { class: record.ending === 'complete' ? 'badge good' : 'badge bad' }, record.ending || 'unknown')

// firstByte is – for a response without any.
export const firstByte = (record) => format.ms(record.bytes > 0 || record.firstByteMs > 0 ? record.firstByteMs : null)

const columns = [
  { label: 'Time', key: 'time', cell: (r) => invocationLink(r.requestId, format.clock(r.time)), head: true },
  { label: 'Mode', key: 'mode', cell: mode },
  { label: 'First byte', key: 'firstByteMs', cell: firstByte, number: true },
  { label: 'Duration', key: 'durationMs', cell: (r) => format.ms(r.durationMs), number: true },
  { label: 'Bytes', key: 'bytes', cell: (r) => format.bytes(r.bytes), number: true },
  { label: 'Chunks', key: 'chunks', cell: (r) => format.count(r.chunks), number: true },
  { label: 'Ending', key: 'ending', cell: (r) => [ending(r), r.errorType && h('div', { class: 'soft small' }, r.errorType)] },
  { label: 'Cost', key: 'cost', cell: (r) => format.dollars(r.cost), number: true },
]

// compare orders two records by a column; what has no value comes last.
export function compare(a, b, key, descending) {
  const x = a[key] ?? null
  const y = b[key] ?? null
  if (x === null || y === null) return x === y ? 0 : x === null ? 1 : -1
  const order = key === 'time' ? Date.parse(x) - Date.parse(y) : typeof x === 'number' ? x - y : String(x).localeCompare(String(y))
  return descending ? -order : order
}

// matches tells whether a record passes the filters.
export function matches(record, text, wanted) {
  if (wanted && record.ending !== wanted) return false
  const all = [record.requestId, record.time, record.version, record.mode, record.ending, record.errorType].join(' ').toLowerCase()
  return text.toLowerCase().split(/\s+/).every((word) => all.includes(word))
}

// table returns the section for a function.
export function table(name, signal) {
  let records = []
  let sort = { key: 'time', descending: true }
  const fresh = new Set()
  const text = h('input', { type: 'search', placeholder: 'request id, error, …', oninput: draw })
  const wanted = h('select', { onchange: draw }, h('option', { value: '' }, 'any ending'))
  // On a narrow screen the heads of the columns are hidden, and this stands in.
  const by = h('select', { onchange: () => order(columns[by.selectedIndex]) }, columns.map((column) => h('option', null, column.label)))
  const body = h('tbody')
  const note = h('p', { class: 'soft small', 'aria-live': 'polite' }, 'Asking the server …')
  const trouble = h('div')
  const heads = columns.map((column) => {
    const button = h('button', { class: 'sort', onclick: () => order(column) }, column.label)
    return h('th', { scope: 'col', class: column.number ? 'number' : null }, button)
  })
  const shell = h(
    'div',
    { class: 'scroll', role: 'region', 'aria-label': 'Invocations', tabindex: '0' },
    h('table', { class: 'cards invocations' }, h('thead', null, h('tr', null, heads)), body),
  )

  function order(column) {
    sort = { key: column.key, descending: sort.key === column.key ? !sort.descending : column.number || column.key === 'time' }
    draw()
  }

  function draw() {
    heads.forEach((head, i) => {
      const active = columns[i].key === sort.key
      if (active) by.selectedIndex = i
      head.setAttribute('aria-sort', active ? (sort.descending ? 'descending' : 'ascending') : 'none')
    })
    const endings = [...new Set(records.map((r) => r.ending).filter(Boolean))].sort()
    for (const one of endings) {
      if (![...wanted.options].some((option) => option.value === one)) wanted.append(h('option', { value: one }, one))
    }
    const shown = records.filter((r) => matches(r, text.value, wanted.value)).sort((a, b) => compare(a, b, sort.key, sort.descending))
    const focused = body.contains(document.activeElement) ? document.activeElement.getAttribute('href') : null
    replace(body, shown.map(row))
    if (focused) body.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus()
    fresh.clear()
    shell.hidden = shown.length === 0
    if (records.length === 0) replace(note, 'No invocations yet. Invoke the function above, or open its URL.')
    else if (shown.length === 0) replace(note, `None of ${records.length} invocations matches.`)
    else replace(note, `${shown.length} of the newest ${records.length} invocations.`)
  }

  const row = (record) =>
    h(
      'tr',
      { class: fresh.has(record.requestId) ? 'fresh' : null },
      columns.map((column) => {
        const properties = { 'data-label': column.label, class: column.number ? 'number' : null }
        return column.head ? h('th', { scope: 'row' }, column.cell(record)) : h('td', properties, column.cell(record))
      }),
    )

  function add(record) {
    records = [record, ...records.filter((r) => r.requestId !== record.requestId)].slice(0, most)
    fresh.add(record.requestId)
    schedule()
  }

  // Many may end at once; the table is drawn twice a second at most.
  let timer = null
  function schedule() {
    timer ??= setTimeout(() => {
      timer = null
      draw()
    }, 500)
  }
  signal.addEventListener('abort', () => clearTimeout(timer))
  feed.addEventListener('invocation', (event) => event.detail.function === name && add(event.detail), { signal })

  api
    .invocations(name, most, signal)
    .then((list) => {
      remember(list)
      const known = new Set(list.map((r) => r.requestId))
      records = [...records.filter((r) => !known.has(r.requestId)), ...list].slice(0, most)
      draw()
    })
    .catch((error) => {
      if (signal.aborted) return
      note.replaceChildren()
      shell.hidden = true
      replace(trouble, failure(error, 'The invocations could not be read'))
    })

  return h(
    'section',
    { 'aria-labelledby': 'invocations' },
    h('h2', { id: 'invocations' }, 'Recent invocations'),
    h('div', { class: 'filters' }, h('label', null, h('span', null, 'Filter'), text), h('label', null, h('span', null, 'Ending'), wanted), h('label', { class: 'narrow' }, h('span', null, 'Sort by'), by)),
    trouble,
    note,
    shell,
  )
}
