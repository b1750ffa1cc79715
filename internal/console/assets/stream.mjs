// The live stream view: what to send, and the responses as they come. Streamed and
// buffered side by side share their axes.

import { Composer } from './compose.mjs'
import { failure, h, replace } from './dom.mjs'
import * as format from './format.mjs'
import { Pane } from './pane.mjs'
import * as request from './request.mjs'
import { buffered, opened, streamed } from './run.mjs'

const redraw = 100 // ms between two pictures

export function streamView(name, urls, signal) {
  const invoke = h('button', { class: 'primary' }, 'Invoke')
  const compare = h('button', { type: 'button', onclick: () => run(true) }, 'Compare with buffered')
  const stop = h('button', { type: 'button', hidden: true, onclick: () => controller?.abort() }, 'Stop')
  const buttons = [invoke, compare, stop, h('span', { class: 'soft small keys' }, 'Ctrl + Enter invokes')]
  const composer = new Composer(name, urls, buttons, () => controller || run(false))
  const status = h('div', { class: 'status', role: 'status' })
  const results = h('div', { class: 'results', hidden: true })

  let controller = null // of what runs
  let shown = null // ends what the panes listen to
  let panes = []

  signal.addEventListener('abort', () => {
    controller?.abort()
    shown?.abort()
  })

  async function run(both) {
    const value = composer.take()
    if (!value) return
    controller = new AbortController()
    shown?.abort()
    shown = new AbortController()
    const calls = both ? sideBySide(name, value) : [alone(name, value)]
    panes = calls.map((call) => new Pane(call, shown.signal))
    replace(results, panes.map((pane) => pane.element))
    results.className = both ? 'results both' : 'results'
    results.hidden = false
    busy(true)
    replace(status, h('p', null, 'Waiting for the first byte …'))
    const timer = setInterval(draw, redraw)
    draw()
    const errors = await Promise.all(calls.map((call, i) => watch(call, panes[i], controller.signal)))
    clearInterval(timer)
    const stopped = controller.signal.aborted
    controller = null
    draw()
    busy(false)
    const error = errors.find(Boolean)
    if (stopped) replace(status, h('p', null, 'Stopped.'))
    else replace(status, error ? failure(error, 'Refused') : h('p', null, both ? verdict(...panes.map((pane) => pane.measure)) : summary(panes[0].measure)))
  }

  // watch returns what the server refused with, or null.
  async function watch({ send }, pane, stopping) {
    const onchunk = (bytes, t) => {
      if (panes.reduce((n, { measure }) => n + measure.chunks.length, 0) === 1) replace(status, h('p', null, `First byte after ${format.ms(pane.measure.first)}, more is coming …`))
      pane.push(bytes, t)
    }
    let refused = null
    try {
      await send(pane.measure, stopping, onchunk, (code, headers) => pane.head(code, headers))
    } catch (error) {
      pane.measure.finish(performance.now() - pane.measure.started, stopping.aborted ? 'stopped here' : 'refused')
      if (!stopping.aborted) refused = error
    }
    pane.end()
    const waits = panes.find(({ measure }) => measure.end === null)
    if (waits && !stopping.aborted) replace(status, h('p', null, `${pane.title}: ${pane.measure.ending || 'refused'} after ${format.ms(pane.measure.end)}. ${waits.title}: ${waits.measure.first === null ? 'still waiting for the first byte' : 'more is coming'} …`))
    return refused
  }

  function busy(yes) {
    invoke.disabled = compare.disabled = yes
    const focused = document.activeElement === document.body || document.activeElement === stop
    stop.hidden = !yes
    if (!yes && focused) invoke.focus({ preventScroll: true })
  }

  function draw() {
    const axes = { until: Math.max(...panes.map((pane) => pane.now)), most: Math.max(...panes.map((pane) => pane.measure.bytes)) }
    for (const pane of panes) pane.draw(axes)
  }

  return h(
    'section',
    { class: 'live', 'aria-labelledby': 'stream' },
    h('div', { class: 'title' }, h('h2', { id: 'stream' }, 'Live stream'), composer.kinds),
    composer.element,
    status,
    results,
  )
}

// A call is what a pane shows, and how it is sent.
const throughAPI = (name, event) => ({
  title: 'Streamed',
  call: 'InvokeWithResponseStream',
  paced: true,
  send: (measure, signal, onchunk) => streamed(measure, name, event, signal, onchunk),
})

const whole = (name, event) => ({ title: 'Buffered', call: 'Invoke', paced: false, send: (measure, signal, onchunk) => buffered(measure, name, event, signal, onchunk) })

function throughURL(name, { url, request: r }) {
  const path = request.address(name, url, r)
  const options = { method: r.method, headers: Object.fromEntries(request.parse(r.headers)), body: r.body, signed: url.AuthType === 'AWS_IAM' }
  return {
    title: streams(url) ? 'Streamed' : 'Buffered',
    call: `${r.method} ${path}`,
    paced: streams(url),
    send: (measure, signal, onchunk, onhead) => opened(measure, path, options, signal, onhead, onchunk),
  }
}

const streams = (url) => url.InvokeMode === 'RESPONSE_STREAM'

const alone = (name, value) => (value.request ? throughURL(name, value) : throughAPI(name, value.event))

function sideBySide(name, value) {
  if (!value.request) return [throughAPI(name, value.event), whole(name, value.event)]
  const event = JSON.stringify(request.event(value.request))
  const target = request.qualifier(value.url) ? `${name}:${request.qualifier(value.url)}` : name
  return streams(value.url) ? [throughURL(name, value), whole(target, event)] : [throughAPI(target, event), throughURL(name, value)]
}

function summary(m) {
  if (m.ending !== 'complete') return `Ended: ${m.ending}${m.details ? `, ${m.details.replace(/\.$/, '')}` : ''}.`
  return `Complete: ${format.bytes(m.bytes)} in ${format.ms(m.end)}, ${m.chunks.length} ${m.chunks.length === 1 ? 'chunk' : 'chunks'}, first byte after ${format.ms(m.first)}.`
}

// verdict says what streaming was good for. That one of two environments started
// later is no difference between streamed and buffered.
export function verdict(stream, whole) {
  if (stream.ending !== 'complete') return `Streamed: ${summary(stream)}`
  if (whole.ending !== 'complete') return `Buffered: ${summary(whole)}`
  const earlier = whole.first - stream.first
  const lasted = stream.end - stream.first
  if (Math.min(earlier, lasted) > Math.max(10, whole.end / 10)) return `Streaming showed something ${format.ms(earlier)} earlier: after ${format.ms(stream.first)} instead of ${format.ms(whole.first)}.`
  return stream.chunks.length > 2
    ? 'Streaming made no difference here: the response was complete soon after it began.'
    : 'Streaming made no difference here: the handler gives its response in one piece. awslambda.streamifyResponse lets it write piece by piece.'
}
