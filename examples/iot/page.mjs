// The page: an EventSource, a chart, and the ledger that says whether anything
// was missed.

import { draw, Series } from './chart.mjs'
import { Ledger } from './ledger.mjs'

const $ = (id) => document.getElementById(id)
const device = new URLSearchParams(location.search).get('device')
const colors = 6
// A reading that was this old when it left the function, and not the last: we are behind.
const old = 3_000
// How long until we try again where an EventSource gives up.
const again = 3_000

const ledger = new Ledger(!device)
/** @type {Map<string, {series: Series, item: HTMLElement}>} */
const devices = new Map()
let source, retry
let connections = 0
let paused = false
// How far this machine's clock is ahead of the broker's.
let ahead = Infinity

$('pause').addEventListener('click', () => {
  paused = !paused
  $('pause').textContent = paused ? 'Resume' : 'Pause'
  if (!paused) return connect()
  // The stream is closed and not merely hidden; it goes on from the same place.
  source.close()
  clearTimeout(retry)
  trouble('')
  state('paused', 'Paused')
})
$('all').hidden = !device
$('missed').textContent = ledger.verdict
connect()
requestAnimationFrame(paint)
setInterval(showSilence, 500)

function connect() {
  state('connecting', connections ? 'Reconnecting' : 'Connecting')
  const query = new URLSearchParams()
  if (device) query.set('device', device)
  // Only its own reconnects tell an EventSource's function where it was.
  if (ledger.last !== undefined) query.set('after', ledger.last)
  source?.close()
  const mine = source = new EventSource(`readings?${query}`)
  const on = (type, listener) => source.addEventListener(type, (event) => {
    if (source === mine) listener(event)
  })
  on('ready', () => {
    $('connections').textContent = ++connections
    state('live', 'Live')
    trouble('')
  })
  on('message', received)
  on('rejected', rejected)
  on('gap', ({ data }) => {
    const { from, to } = JSON.parse(data)
    ledger.forgotten(from, to)
    showCounts()
  })
  on('restart', () => ledger.restart())
  on('error', failed)
}

// An error is either an event of the function, with a message, or the end of the
// connection, which is nothing unusual.
function failed({ data }) {
  if (data) return trouble(JSON.parse(data).message)
  state('reconnecting', 'Reconnecting')
  if (source.readyState !== EventSource.CLOSED) return
  clearTimeout(retry)
  retry = setTimeout(connect, again)
}

function received({ data, lastEventId }) {
  if (!ledger.note(Number(lastEventId))) return showCounts()
  ledger.readings++
  const { device, time, temperature, age, pending } = JSON.parse(data)
  const known = devices.get(device) ?? add(device)
  ahead = Math.min(ahead, Date.now() - time - age)
  known.series.add(time, temperature)
  known.item.querySelector('.value').textContent = `${temperature.toFixed(1)} °C`
  place(age, pending)
  showCounts()
}

function rejected({ data, lastEventId }) {
  if (ledger.note(Number(lastEventId))) {
    ledger.rejected++
    const { device, why, age, pending } = JSON.parse(data)
    $('rejected').title = `The last one, of ${device}: ${why}`
    place(age, pending)
  }
  showCounts()
}

function add(name) {
  $('empty').hidden = true
  const item = document.createElement('li')
  item.dataset.device = name
  const link = document.createElement('a')
  link.href = `?device=${encodeURIComponent(name)}`
  link.textContent = name
  const value = document.createElement('span')
  value.className = 'value'
  const note = document.createElement('span')
  note.className = 'note'
  item.append(link, value, note)
  const added = { series: new Series(), item }
  devices.set(name, added)
  // By name, so that the colours are the same next time.
  const sorted = [...devices].sort(([a], [b]) => a < b ? -1 : 1)
  for (const [i, [, { series, item }]] of sorted.entries()) {
    item.dataset.color = i % colors
    series.color = `--line-${i % colors}`
    $('devices').append(item)
  }
  return added
}

function place(age, pending) {
  if (age > old && pending > 0) state('behind', `Behind by ${Math.round(age / 1000)} s, catching up`)
  else state('live', 'Live')
}

function state(name, text) {
  const shown = $('state')
  // A screen reader hears of changes, not of every reading.
  if (shown.textContent === text) return
  shown.dataset.state = name
  shown.textContent = text
}

function trouble(message) {
  $('trouble').hidden = !message
  $('trouble').textContent = message
}

function showCounts() {
  $('readings').textContent = ledger.readings
  $('rejected').textContent = ledger.rejected
  $('missed').textContent = ledger.verdict
  $('missed').toggleAttribute('data-bad', ledger.missed > 0)
}

/** The time as the broker has it. */
function now() {
  return ahead === Infinity ? Date.now() : Date.now() - ahead
}

function showSilence() {
  if (paused) return
  for (const { series, item } of devices.values()) {
    const silence = series.silence(now())
    item.toggleAttribute('data-silent', silence > 0)
    item.querySelector('.note').textContent = silence ? `silent for ${Math.round(silence / 1000)} s` : ''
  }
}

// The picture moves on with time, not with readings: a little at a time, or once a
// second for those who asked for less motion.
let painted = 0, stoppedAt = 0
function paint(at) {
  requestAnimationFrame(paint)
  if (at - painted < (matchMedia('(prefers-reduced-motion: reduce)').matches ? 1000 : 50)) return
  painted = at
  stoppedAt = paused ? stoppedAt || now() : 0
  draw($('chart'), [...devices.values()].map(({ series }) => series), stoppedAt || now())
}
