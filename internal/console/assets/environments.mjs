// A function's execution environments: what each does now, and what it did in the
// last minute.

import { calm, h, invocationLink, replace, s } from './dom.mjs'
import * as format from './format.mjs'
import { environments, feed, of, state } from './live.mjs'

const shown = 60_000 // how far back the strips reach
const lingers = 15_000 // how long one that stopped is still shown
const redraw = 500

const words = { starting: 'starting', busy: 'serving', idle: 'idle', stopping: 'stopping', stopped: 'stopped' }

// Past remembers what environments did: their states change oftener than they are
// told, but every invocation leaves a record.
export class Past {
  #known = new Map() // by log stream: {environment, from, spans, gone}

  // see takes the environments that there are now.
  see(list, now) {
    for (const environment of list) {
      const known = this.#known.get(environment.stream) ?? { from: Date.parse(environment.created ?? environment.since), spans: [], gone: null }
      const last = known.environment
      const since = Date.parse(environment.since)
      if (last && last.state !== environment.state && last.state !== 'idle' && last.state !== 'busy') known.spans.push({ kind: last.state, from: Date.parse(last.since), to: since })
      known.environment = environment
      this.#known.set(environment.stream, known)
    }
    const streams = new Set(list.map(({ stream }) => stream))
    for (const [stream, known] of this.#known) {
      if (!streams.has(stream)) known.gone ??= now
      if (known.gone !== null && now - known.gone > lingers) this.#known.delete(stream)
    }
  }

  // strips returns, for each environment, what it did between two times: the spans
  // {kind, from, to}, where idle is what is left.
  strips(records, from, now) {
    return [...this.#known.values()].map(({ environment, from: first, spans, gone }) => {
      const all = [...spans]
      let begin = first
      for (const record of records) {
        if (record.stream !== environment.stream) continue
        const start = Date.parse(record.time)
        all.push({ kind: 'busy', from: start, to: start + record.durationMs })
        if (record.initMs > 0) all.push({ kind: 'starting', from: start - record.initMs, to: start })
        begin = Math.min(begin, start - (record.initMs ?? 0))
      }
      const end = gone ?? now
      if (gone === null && environment.state !== 'idle') all.push({ kind: environment.state, from: Date.parse(environment.since), to: now })
      const life = { kind: 'idle', from: begin, to: end }
      const cut = [life, ...all].map((span) => ({ ...span, from: Math.max(span.from, from), to: Math.min(span.to, now) })).filter((span) => span.to > span.from)
      return { environment, state: gone === null ? environment.state : 'stopped', spans: cut }
    })
  }
}

export function environmentsView(name, signal) {
  const past = new Past()
  const rows = h('tbody')
  const table = h(
    'div',
    { class: 'scroll', role: 'region', 'aria-label': 'Environments', tabindex: '0' },
    h(
      'table',
      { class: 'cards environments' },
      h('thead', null, h('tr', null, ['State', 'Last minute', 'Invocations', 'Memory', 'Now'].map((text) => h('th', { scope: 'col', class: { Invocations: 'number', Memory: 'number', 'Last minute': 'strips', Now: 'now' }[text] }, text)))),
      rows,
    ),
  )
  const note = h('p', { class: 'soft small' })

  const draw = calm(table, () => {
    const now = Date.now()
    const mine = environments().filter((environment) => environment.function === name)
    past.see(mine, now)
    const strips = past.strips(of(name), now - shown, now)
    table.hidden = strips.length === 0
    replace(
      note,
      strips.length > 0
        ? 'Each serves one invocation at a time. Between two it waits, frozen on Lambda, and the next one finds it warm.'
        : state === 'absent'
          ? 'This server does not tell about environments.'
          : 'There is none now. The first invocation starts one, which is why it takes longer than those that follow.',
    )
    const focused = rows.contains(document.activeElement) ? document.activeElement.getAttribute('href') : null
    replace(rows, strips.map((strip) => row(strip, now)))
    if (focused) rows.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus()
  }, signal)

  feed.addEventListener('environments', draw, { signal })
  feed.addEventListener('invocation', (event) => event.detail.function === name && draw(), { signal })
  feed.addEventListener('state', draw, { signal })
  const timer = setInterval(draw, redraw)
  signal.addEventListener('abort', () => clearInterval(timer))
  draw()
  return h('section', { 'aria-labelledby': 'environments' }, h('h2', { id: 'environments' }, 'Execution environments'), note, table)
}

function row({ environment: e, state: current, spans }, now) {
  return h(
    'tr',
    { class: current === 'stopped' ? 'soft' : null },
    h('th', { scope: 'row' }, h('span', { class: `badge state-${current}` }, words[current] ?? current)),
    h('td', { 'data-label': 'Last minute' }, strip(spans, now)),
    h('td', { 'data-label': 'Invocations', class: 'number' }, format.count(e.invocations)),
    h('td', { 'data-label': 'Memory', class: 'number' }, e.maxMemoryMB > 0 ? `${e.maxMemoryMB} of ${e.memoryMB} MB` : `${e.memoryMB} MB`),
    h('td', { 'data-label': 'Now', class: 'now' }, doing(e, current, now)),
  )
}

function doing(e, current, now) {
  if (current === 'stopped') return 'its process has ended'
  const since = `for ${format.age(now - Date.parse(e.since))}`
  if (current !== 'busy') return since
  return [e.requestId && [invocationLink(e.requestId, e.requestId.slice(0, 8)), ' '], since, e.bytes > 0 && `: ${format.bytes(e.bytes)}, ${format.count(e.chunks)} chunks`]
}

const width = 240
const tall = 16

function strip(spans, now) {
  const x = (t) => (width * (t - now + shown)) / shown
  const seconds = (kind) => spans.filter((span) => span.kind === kind).reduce((sum, span) => sum + span.to - span.from, 0)
  return s(
    'svg',
    { class: 'strip', viewBox: `0 0 ${width} ${tall}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': `Serving for ${format.ms(seconds('busy'))} of the last minute` },
    spans.map(({ kind, from, to }) => s('rect', { class: kind, x: x(from).toFixed(2), y: kind === 'idle' ? tall / 2 - 1 : 0, width: Math.max(1, x(to) - x(from)).toFixed(2), height: kind === 'idle' ? 2 : tall })),
  )
}
