// Past invocations: filtered, sorted, and more of them on demand. What is chosen is
// in the address, so that it can be kept and sent to somebody.

import * as api from './api.mjs'
import { calm, failure, h, replace } from './dom.mjs'
import { feed } from './live.mjs'
import { matches } from './records.mjs'
import * as route from './route.mjs'
import { Table, soon } from './table.mjs'

const page = 200

export const title = () => 'Invocations'

export const spans = { '': 'any time', '5m': 'last 5 minutes', '15m': 'last 15 minutes', '1h': 'last hour', '24h': 'last day' }

const endings = ['complete', 'function-error', 'timeout', 'exit', 'truncated', 'oversized', 'malformed', 'client-gone', 'refused', 'fault', 'shutdown']

const labelled = (label, element, kind) => h('label', { class: kind }, h('span', null, label), element)

// choose is a list of values to choose from, with how each is called.
export function choose(values, chosen, onchange) {
  const known = chosen in values ? values : { ...values, [chosen]: chosen }
  return h('select', { onchange }, Object.entries(known).map(([value, label]) => h('option', { value, selected: value === chosen }, label)))
}

export function render(place, _, signal, query) {
  let records = []
  let oldest = '' // when the oldest of those that were asked for was over
  let complete = false // there are no older ones
  let problem = null
  let visit = new AbortController() // of what is asked for now
  const fresh = new Set()

  const text = h('input', { type: 'search', placeholder: 'request id, error, …', value: query.text, oninput: () => filter() })
  const about = choose({ '': 'all functions' }, query.function ?? '', () => start())
  const since = choose(spans, query.since ?? '', () => start())
  const ending = choose(Object.fromEntries(['', ...endings].map((value) => [value, value || 'any ending'])), query.ending ?? '', () => start())
  const mode = choose({ '': 'both', streamed: 'streamed', buffered: 'buffered' }, query.mode ?? '', () => filter())
  const table = new Table({ sort: query.sort, onsort: () => filter() })
  const note = h('p', { class: 'soft small', role: 'status' })
  const trouble = h('div')
  const more = h('button', { type: 'button', hidden: true, onclick: () => load() }, 'Load older ones')
  const clear = h('button', { type: 'button', hidden: true, onclick: reset }, 'Clear the filters')

  const wanted = () => ({ text: text.value, function: about.value, since: since.value, ending: ending.value, mode: mode.value })

  function reset() {
    for (const input of [text, about, since, ending, mode]) input.value = ''
    text.focus()
    start()
  }

  function filter() {
    history.replaceState(null, '', route.address('invocations', { ...wanted(), sort: table.sort === '-time' ? '' : table.sort }))
    draw()
  }

  // start asks anew: for a function, a time and an ending, the server is asked.
  function start() {
    visit.abort()
    visit = new AbortController()
    records = []
    oldest = ''
    complete = false
    filter()
    load()
  }

  async function load() {
    const { signal: mine } = visit
    more.disabled = true
    problem = null
    try {
      const list = await api.invocations({ function: about.value, since: since.value, until: oldest, ending: ending.value, limit: page }, mine)
      oldest = list.at(-1)?.ended ?? oldest
      const known = new Set(records.map(({ requestId }) => requestId))
      const added = list.filter(({ requestId }) => !known.has(requestId))
      records.push(...added)
      complete = list.length < page || added.length === 0
    } catch (error) {
      if (mine.aborted) return
      problem = error
    }
    more.disabled = false
    draw()
  }

  function draw() {
    offer(about, records.map((r) => r.function))
    const shown = records.filter((record) => matches(record, wanted()))
    table.show(shown, fresh)
    fresh.clear()
    more.hidden = complete || records.length === 0
    const filtered = Object.values(wanted()).some(Boolean)
    clear.hidden = !filtered
    replace(trouble, problem && failure(problem, 'The invocations could not be read'))
    if (problem) replace(note)
    else if (more.disabled && records.length === 0) replace(note, 'Asking the server …')
    else if (records.length === 0 && !filtered) replace(note, 'There are none yet. Open a function and invoke it, or open its URL.')
    else if (shown.length === 0) replace(note, complete ? 'None matches.' : `None of the newest ${records.length} matches; older ones may.`)
    else replace(note, `${shown.length === records.length ? '' : `${shown.length} of `}${records.length} ${records.length === 1 ? 'invocation' : 'invocations'}${complete ? '' : ', the newest'}.`)
  }

  const later = soon(calm(table.element, draw, signal), signal)
  feed.addEventListener(
    'invocation',
    ({ detail }) => {
      if ((about.value && detail.function !== about.value) || (ending.value && detail.ending !== ending.value)) return
      records = [detail, ...records.filter(({ requestId }) => requestId !== detail.requestId)]
      fresh.add(detail.requestId)
      later()
    },
    { signal },
  )
  signal.addEventListener('abort', () => visit.abort())
  api.functions(signal).then((list) => offer(about, list.map((f) => f.FunctionName))).catch(() => {}) // then only those that were invoked

  replace(
    place,
    h('h1', null, 'Invocations'),
    h(
      'div',
      { class: 'filters', role: 'search' },
      labelled('Filter', text),
      labelled('Function', about),
      labelled('Time', since),
      labelled('Ending', ending),
      labelled('Mode', mode),
      labelled('Sort by', table.by, 'narrow'),
      clear,
    ),
    trouble,
    note,
    table.element,
    h('p', null, more),
  )
  load()
  draw()
}

// offer adds values to a list that it lacks.
function offer(select, values) {
  for (const value of [...new Set(values)].filter(Boolean).sort()) {
    if (![...select.options].some((option) => option.value === value)) select.append(h('option', { value }, value))
  }
}
