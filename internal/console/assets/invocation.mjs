// The page of one invocation: its record and what was logged in it.

import * as api from './api.mjs'
import { facts, failure, functionLink, h, replace } from './dom.mjs'
import * as format from './format.mjs'
import { ending, firstByte, mode } from './invocations.mjs'
import { feed, find, remember } from './live.mjs'

const lines = 10_000

export const title = (id) => `Invocation ${id}`

export async function render(place, id, signal) {
  const record = h('section', { 'aria-label': 'Record' }, h('p', { class: 'soft' }, 'Asking the server …'))
  const log = h('section', { 'aria-labelledby': 'log' })
  replace(place, h('p', { class: 'crumbs' }, h('a', { href: '#/' }, 'Functions')), h('h1', { class: 'id' }, 'Invocation ', h('code', null, id)), record, log)
  const crumbs = place.querySelector('.crumbs')

  let found = find(id)
  try {
    if (!found) {
      remember(await api.invocations('', 1000, signal))
      found = find(id)
    }
  } catch (error) {
    if (signal.aborted) return
    replace(record, failure(error, 'The record could not be read'))
  }
  const show = (known) => {
    replace(crumbs, h('a', { href: '#/' }, 'Functions'), ' / ', functionLink(known.function))
    replace(record, describe(known))
    fillLog(log, known.function, id, signal)
  }
  if (found) {
    show(found)
    return
  }
  if (!record.querySelector('.failure')) replace(record, h('p', { class: 'empty' }, 'There is no record of this invocation: it goes on, or it is so old that it was dropped.'))
  feed.addEventListener('invocation', (event) => event.detail.requestId === id && show(event.detail), { signal })
  fillLog(log, '', id, signal)
}

function describe(r) {
  return facts([
    ['Ended', [ending(r), r.errorType && ` ${r.errorType}`]],
    ['Time', format.moment(r.time)],
    ['Version', r.version],
    ['Mode', mode(r)],
    ['Start', r.initMs > 0 ? `cold, ${format.ms(r.initMs)} of initialization` : 'warm'],
    ['First byte', firstByte(r)],
    ['Duration', format.ms(r.durationMs)],
    ['Billed', format.ms(r.billedMs)],
    ['Memory', r.maxMemoryMB > 0 ? `${r.maxMemoryMB} of ${r.memoryMB} MB` : `${r.memoryMB} MB`],
    ['Body', format.bytes(r.bytes)],
    ['Chunks', format.count(r.chunks)],
    ['Largest gap', format.ms(r.largestGapMs)],
    r.pastBurst > 0 && ['Past the first 6 MB', format.bytes(r.pastBurst)],
    r.throttledMs > 0 && ['Held back by the rate limit', format.ms(r.throttledMs)],
    ['Cost on AWS', format.dollars(r.cost)],
    r.stream && ['Log stream', h('span', { class: 'small' }, r.stream)],
  ])
}

async function fillLog(place, name, id, signal) {
  replace(place, h('h2', { id: 'log' }, 'Log'), h('p', { class: 'soft' }, 'Asking the server …'))
  try {
    const mine = (await api.logs(name, lines, signal)).filter((line) => line.requestId === id)
    replace(
      place,
      h('h2', { id: 'log' }, 'Log'),
      mine.length === 0
        ? h('p', { class: 'empty' }, 'It logged nothing, or its lines are so old that they were dropped.')
        : h('ol', { class: 'log', tabindex: '0', 'aria-label': 'Log lines' }, mine.map(logLine)),
    )
  } catch (error) {
    if (!signal.aborted) replace(place, h('h2', { id: 'log' }, 'Log'), failure(error, 'The log could not be read'))
  }
}

const logLine = (line) =>
  h(
    'li',
    { class: `source-${line.source}` },
    h('time', { datetime: line.time }, format.exact(line.time)),
    h('span', { class: 'level' }, line.source === 'function' ? line.level ?? '' : line.source),
    h('span', { class: 'text' }, line.text),
  )
