// One invocation as it comes: its picture, its numbers and its body.

import { Body } from './body.mjs'
import { calm, facts, h, invocationLink, replace } from './dom.mjs'
import * as format from './format.mjs'
import { feed, find } from './live.mjs'
import { Measure } from './run.mjs'
import { Timeline } from './timeline.mjs'

// Pane shows one Measure; `call` says what was asked for, `paced` whether Lambda holds
// such a response back.
export class Pane {
  measure = new Measure()
  #numbers = h('div', { class: 'of-pane' })
  #tell
  #timeline
  #paced
  #body = new Body()

  constructor({ title, call, paced }, signal) {
    this.title = title
    this.#paced = paced
    this.#timeline = new Timeline(signal)
    this.#tell = calm(this.#numbers, () => this.#describe(), signal)
    this.measure.started = performance.now()
    this.element = h(
      'section',
      { class: 'pane', 'aria-label': title },
      h('div', { class: 'picture' }, h('div', { class: 'bar' }, h('h3', null, title), h('code', { class: 'soft small break' }, call)), this.#timeline.element),
      this.#body.element,
      this.#numbers,
    )
    // What only the server knows comes when the invocation has ended.
    feed.addEventListener('invocation', (event) => event.detail.requestId === this.measure.requestId && this.#tell(), { signal })
    signal.addEventListener('abort', () => this.#body.close())
  }

  // now is how old the invocation is, or became.
  get now() {
    return this.measure.end ?? performance.now() - this.measure.started
  }

  head(status, headers) {
    this.#body.head(status, headers)
  }

  push(bytes, t) {
    this.#body.push(bytes, t)
  }

  end() {
    this.#body.end(this.measure.end)
  }

  draw(axes) {
    this.#timeline.draw(this.measure, this.now, { ...axes, paced: this.#paced })
    this.#tell()
  }

  #describe() {
    const m = this.measure
    const record = m.requestId && find(m.requestId)
    replace(
      this.#numbers,
      facts(
        [
          ['First byte', format.ms(m.first)],
          ['Total', format.ms(this.now)],
          ['Chunks', format.count(m.chunks.length)],
          ['Bytes', format.bytes(m.bytes)],
          ['Largest gap', m.chunks.length > 1 ? format.ms(m.gap.ms) : '–'],
          ['Start', record ? (record.initMs > 0 ? `cold, ${format.ms(record.initMs)}` : 'warm') : '–'],
          ['Ended', h('span', { class: m.ending === 'complete' ? 'badge good' : m.ending ? 'badge bad' : 'badge' }, m.ending || 'running')],
          ['Record and log', m.requestId ? invocationLink(m.requestId, m.requestId.slice(0, 8)) : '–'],
        ],
        { class: 'facts numbers' },
      ),
      m.details && h('p', { class: 'small' }, m.details),
    )
  }
}
