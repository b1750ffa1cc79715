// The newest invocations of a function, on its page.

import * as api from './api.mjs'
import { calm, failure, h, replace } from './dom.mjs'
import { feed, of, remember } from './live.mjs'
import * as route from './route.mjs'
import { Table, soon } from './table.mjs'

const most = 10

export function recent(name, signal) {
  const table = new Table({ functions: false })
  const fresh = new Set()
  const note = h('div', { class: 'soft' }, 'Asking the server …')
  const draw = () => {
    const records = of(name).slice(-most)
    table.show(records, fresh)
    fresh.clear()
    replace(note, records.length === 0 && h('p', { class: 'empty' }, 'None yet. Invoke the function above, or open its URL.'))
  }
  const later = soon(calm(table.element, draw, signal), signal)
  feed.addEventListener(
    'invocation',
    ({ detail }) => {
      if (detail.function !== name) return
      fresh.add(detail.requestId)
      later()
    },
    { signal },
  )
  api
    .invocations({ function: name, limit: most }, signal)
    .then((list) => {
      remember(list)
      draw()
    })
    .catch((error) => {
      table.element.hidden = true
      if (!signal.aborted) replace(note, failure(error, 'The invocations could not be read'))
    })
  return h(
    'section',
    { 'aria-labelledby': 'recent' },
    h('div', { class: 'title' }, h('h2', { id: 'recent' }, 'Recent invocations'), h('a', { href: route.address('invocations', { function: name }) }, 'All of them'), h('a', { href: route.address('charts', { function: name }) }, 'Charts')),
    note,
    table.element,
  )
}
