// The live stream view: an event, a button, and the response as it comes.

import { Body } from './body.mjs'
import { facts, failure, h, invocationLink, replace } from './dom.mjs'
import * as format from './format.mjs'
import { Measure, buffered, streamed } from './run.mjs'
import { Timeline } from './timeline.mjs'

const redraw = 100 // ms between two pictures

// get is an event as a Function URL makes one.
const get = {
  version: '2.0',
  rawPath: '/',
  rawQueryString: '',
  headers: { accept: '*/*', 'user-agent': 'sluice-console' },
  queryStringParameters: {},
  requestContext: { http: { method: 'GET', path: '/', protocol: 'HTTP/1.1', sourceIp: '127.0.0.1', userAgent: 'sluice-console' } },
  isBase64Encoded: false,
}

const post = {
  ...get,
  headers: { ...get.headers, 'content-type': 'application/json' },
  requestContext: { http: { ...get.requestContext.http, method: 'POST' } },
  body: '{"name":"Ada"}',
}

const samples = { 'Empty event': {}, 'GET of a Function URL': get, 'POST of a Function URL': post }

export function streamView(name, urls, signal) {
  const place = `sluice-event:${name}`
  const write = (value) => JSON.stringify(value, null, 2)
  const editor = h('textarea', { id: 'event', rows: '8', spellcheck: 'false', autocapitalize: 'off', 'aria-describedby': 'event-problem', oninput: check, onkeydown: shortcut })
  editor.value = recall(place) ?? write(urls.length > 0 ? get : {})
  const problem = h('p', { id: 'event-problem', class: 'failure', role: 'alert', hidden: true })
  const sample = h('select', { 'aria-label': 'Put in a sample event', onchange: fill }, h('option', { value: '' }, 'Samples …'), Object.keys(samples).map((label) => h('option', null, label)))
  const invoke = h('button', { class: 'primary', type: 'button', onclick: () => run('streamed') }, 'Invoke')
  const compare = h('button', { type: 'button', onclick: () => run('buffered') }, 'Buffered, for comparison')
  const stop = h('button', { type: 'button', hidden: true, onclick: () => controller?.abort() }, 'Stop')
  const status = h('p', { class: 'status', role: 'status' })
  const timeline = new Timeline(signal)
  const numbers = h('div')
  const versus = h('div')
  const bodyPlace = h('div', { class: 'body-place' })
  const results = h('div', { class: 'results', hidden: true }, h('div', null, timeline.element, numbers, versus), bodyPlace)

  let controller = null
  let stream = null // the Measure of the newest streamed invocation
  let whole = null // and of the newest buffered one
  let body = null

  signal.addEventListener('abort', () => {
    controller?.abort()
    body?.close()
  })

  function fill() {
    if (sample.value) editor.value = write(samples[sample.value])
    sample.value = ''
    check()
  }

  function check() {
    try {
      JSON.parse(editor.value)
      problem.hidden = true
    } catch (error) {
      replace(problem, `This is not JSON: ${error.message}`)
      problem.hidden = false
    }
    editor.setAttribute('aria-invalid', String(!problem.hidden))
    return problem.hidden
  }

  function shortcut(event) {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault()
      if (!controller) run('streamed')
    }
  }

  async function run(how) {
    if (!check()) {
      editor.focus()
      return
    }
    remember(place, editor.value)
    controller = new AbortController()
    const mine = controller
    const measure = new Measure()
    measure.started = performance.now()
    busy(true)
    replace(status, how === 'streamed' ? 'Waiting for the first byte …' : 'Waiting for the complete response …')
    if (how === 'streamed') {
      stream = measure
      whole = null // it was an answer to another event perhaps
      body?.close()
      body = new Body()
      replace(bodyPlace, body.element)
      results.hidden = false
    } else {
      whole = measure
    }
    const timer = setInterval(draw, redraw)
    draw()
    try {
      if (how === 'streamed') {
        await streamed(measure, name, editor.value, mine.signal, (bytes, t) => {
          if (measure.chunks.length === 1) replace(status, `First byte after ${format.ms(t)}, more is coming …`)
          body.push(bytes, t)
        })
        body.end(measure.end)
      } else {
        await buffered(measure, name, editor.value, mine.signal)
      }
      replace(status, summary(measure, how))
    } catch (error) {
      measure.finish(performance.now() - measure.started, mine.signal.aborted ? 'stopped here' : 'refused', mine.signal.aborted ? '' : error.message)
      replace(status, mine.signal.aborted ? 'Stopped.' : failure(error, 'Refused'))
      if (how === 'streamed') body.end(measure.end)
    }
    clearInterval(timer)
    controller = null
    busy(false)
    draw()
  }

  function busy(yes) {
    invoke.disabled = compare.disabled = yes
    const focused = document.activeElement === document.body || document.activeElement === stop
    stop.hidden = !yes
    if (!yes && focused) invoke.focus({ preventScroll: true })
  }

  function draw() {
    if (stream) {
      const now = stream.end ?? performance.now() - stream.started
      timeline.draw(stream, now, whole?.first ?? null)
      replace(numbers, describe(stream, now))
    }
    replace(versus, whole && (stream ? table(stream, whole) : describe(whole, performance.now() - whole.started)))
    if (whole) results.hidden = false
    timeline.element.toggleAttribute('hidden', !stream)
  }

  return h(
    'section',
    { class: 'live', 'aria-labelledby': 'stream' },
    h('h2', { id: 'stream' }, 'Live stream'),
    h(
      'div',
      { class: 'editor' },
      h('div', { class: 'bar' }, h('label', { for: 'event' }, 'Event'), sample),
      editor,
      problem,
      h('div', { class: 'buttons' }, invoke, compare, stop, h('span', { class: 'soft small keys' }, 'Ctrl + Enter invokes')),
    ),
    status,
    results,
  )
}

const endBadge = (m) => h('span', { class: m.ending === 'complete' ? 'badge good' : m.ending ? 'badge bad' : 'badge' }, m.ending || 'running')

const describe = (m, now) =>
  facts(
    [
      ['First byte', format.ms(m.first)],
      ['Chunks', format.count(m.chunks.length)],
      ['Bytes', format.bytes(m.bytes)],
      ['Largest gap', m.chunks.length > 1 ? format.ms(m.gap.ms) : '–'],
      ['Total', format.ms(m.end ?? now)],
      ['Ended', [endBadge(m), m.details && h('div', { class: 'small' }, m.details)]],
      m.requestId && ['Record and log', invocationLink(m.requestId, m.requestId.slice(0, 8))],
    ],
    { class: 'facts numbers' },
  )

function table(stream, whole) {
  const rows = [
    ['First byte', (m) => format.ms(m.first)],
    ['Last byte', (m) => format.ms(m.chunks.at(-1)?.t)],
    ['Bytes', (m) => format.bytes(m.bytes)],
    ['Ended', (m) => [endBadge(m), m.details && h('div', { class: 'small' }, m.details)]],
  ]
  return h(
    'table',
    { class: 'versus' },
    h('caption', null, verdict(stream, whole)),
    h('thead', null, h('tr', null, h('td'), h('th', { scope: 'col' }, 'Streamed'), h('th', { scope: 'col' }, 'Buffered'))),
    h('tbody', null, rows.map(([label, cell]) => h('tr', null, h('th', { scope: 'row' }, label), h('td', null, cell(stream)), h('td', null, cell(whole))))),
  )
}

function verdict(stream, whole) {
  if (whole.first === null || stream.first === null) return 'The same event, both ways'
  const earlier = whole.first - stream.first
  return earlier > 1 ? `Streaming showed something ${format.ms(earlier)} earlier` : 'Streaming made no difference here'
}

const summary = (m, how) =>
  m.ending === 'complete'
    ? `${how === 'streamed' ? 'Complete' : 'The buffered response is complete'}: ${format.bytes(m.bytes)} in ${format.ms(m.end)}, ${how === 'streamed' ? `${m.chunks.length} chunks, ` : ''}first byte after ${format.ms(m.first)}.`
    : `Ended: ${m.ending}${m.details ? `, ${m.details}` : ''}.`

// Events stay in this tab, so that a reload does not cost what was typed.
function recall(place) {
  try {
    return sessionStorage.getItem(place)
  } catch {
    return null
  }
}

function remember(place, text) {
  try {
    sessionStorage.setItem(place, text)
  } catch {
    // Full, or not allowed.
  }
}
