// The page of one invocation: its record, how its response came and what was logged.

import * as api from './api.mjs'
import { facts, failure, functionLink, h, numbers, replace } from './dom.mjs'
import * as format from './format.mjs'
import { feed, find } from './live.mjs'
import { measure } from './past.mjs'
import { mode } from './records.mjs'
import * as route from './route.mjs'
import { ending, firstByte } from './table.mjs'
import { Timeline } from './timeline.mjs'

const lines = 10_000

export const title = (id) => `Invocation ${id}`

export async function render(place, id, signal) {
  const crumbs = h('p', { class: 'crumbs' }, h('a', { href: route.address('invocations') }, 'Invocations'))
  const record = h('section', { 'aria-label': 'Record' }, h('p', { class: 'soft' }, 'Asking the server …'))
  const course = h('section', { 'aria-labelledby': 'course', hidden: true })
  const log = h('section', { 'aria-labelledby': 'log' })
  replace(place, crumbs, h('h1', { class: 'id' }, 'Invocation ', h('code', null, id)), record, course, log)

  const show = (known) => {
    replace(crumbs, h('a', { href: '#/' }, 'Functions'), ' / ', functionLink(known.function), ' / ', h('a', { href: route.address('invocations', { function: known.function }) }, 'Invocations'))
    replace(record, describe(known))
    fillCourse(course, known, signal)
    fillLog(log, id, signal)
  }
  try {
    const found = (await api.invocation(id, signal)) ?? find(id)
    if (found) {
      show(found)
      return
    }
    replace(record, h('p', { class: 'empty' }, 'There is no record of this invocation: it goes on, or it is so old that it was dropped. ', h('a', { href: route.address('invocations') }, 'Look for another one')))
  } catch (error) {
    if (signal.aborted) return
    replace(record, failure(error, 'The record could not be read'))
  }
  feed.addEventListener('invocation', async ({ detail }) => detail.requestId === id && show((await api.invocation(id, signal).catch(() => null)) ?? detail), { signal })
  fillLog(log, id, signal)
}

// fillCourse draws how the response came.
function fillCourse(place, record, signal) {
  const m = measure(record)
  place.hidden = m === null
  if (!m) return
  const timeline = new Timeline(signal)
  const thinned = record.chunks > m.chunks.length
  replace(
    place,
    h('h2', { id: 'course' }, 'Timeline'),
    timeline.element,
    thinned && h('p', { class: 'soft small' }, `${m.chunks.length} points of ${format.count(record.chunks)} chunks.`),
    numbers('Bytes so far, in milliseconds since the invocation began', ['Time', 'Bytes'], m.chunks.map(({ t, total }) => [format.ms(t), format.count(total)])),
  )
  timeline.draw(m, m.end)
}

function describe(r) {
  return facts([
    ['Ended', [ending(r), r.errorType && ` ${r.errorType}`]],
    ['Time', format.moment(r.time)],
    ['Version', r.version],
    ['Mode', mode(r)],
    ['Start', r.initMs > 0 ? `cold, ${format.ms(r.initMs)}` : 'warm'],
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
    r.stream && ['Log stream', h('code', null, r.stream), 'wide'],
  ])
}

async function fillLog(place, id, signal) {
  replace(place, h('h2', { id: 'log' }, 'Log'), h('p', { class: 'soft' }, 'Asking the server …'))
  try {
    const mine = await api.logs(id, lines, signal)
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

// What stands in front of a line of Node.js is in the columns already.
const text = (line) => line.text.replace(new RegExp(`^\\S+Z\\t${line.requestId}\\t[A-Z]+\\t`), '')

const logLine = (line) =>
  h(
    'li',
    { class: `source-${line.source}` },
    h('time', { datetime: line.time }, format.exact(line.time)),
    h('span', { class: 'level' }, line.source === 'function' ? line.level ?? '' : line.source),
    h('span', { class: 'text' }, text(line)),
  )
