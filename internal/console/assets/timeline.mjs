// The picture of a stream: bytes so far over time, a dot for each chunk.

import { replace, s } from './dom.mjs'
import * as format from './format.mjs'
import { feed, limits } from './live.mjs'
import { byteStep, sizeLabel, step, ticks, timeLabel } from './scale.mjs'

// A response that is far from where it would be held back doesn't have to show it.
const showKneeFrom = (burst) => burst / 6
const margin = { top: 26, right: 28, bottom: 30, left: 64 }

// thin keeps one chunk for each column of pixels, the last.
export function thin(chunks, x) {
  const kept = []
  let column = null
  for (const chunk of chunks) {
    const at = Math.round(x(chunk.t) / 2)
    if (at === column) kept[kept.length - 1] = chunk
    else kept.push(chunk)
    column = at
  }
  return kept
}

// Timeline draws a Measure into an SVG element.
export class Timeline {
  element = s('svg', { class: 'timeline', role: 'img', 'aria-label': 'Bytes over time' })
  #last = null

  constructor(signal) {
    const again = () => this.#last && this.draw(...this.#last)
    const observer = new ResizeObserver(again)
    observer.observe(this.element)
    feed.addEventListener('limits', again, { signal })
    signal.addEventListener('abort', () => observer.disconnect())
  }

  // draw shows a measure as of `now`. Pictures that are to be compared share their
  // axes: until when, and how many bytes. Only streamed responses are paced.
  draw(measure, now, { until = 0, most = 0, paced = true } = {}) {
    this.#last = [measure, now, { until, most, paced }]
    const width = this.element.clientWidth || 640
    const height = this.element.clientHeight || 280
    const right = width - margin.right
    const bottom = height - margin.bottom

    until = Math.max(measure.end ?? now, until, 50)
    most = Math.max(measure.bytes, most)
    const { streamBurst: knee, streamRate } = limits
    const nearKnee = streamRate > 0 && most > showKneeFrom(knee)
    const timeStep = step(until, width < 480 ? 4 : width < 700 ? 6 : 8)
    const tMax = Math.ceil((until * 1.001) / timeStep) * timeStep
    most = Math.max(most, nearKnee ? knee : 1)
    const sizeStep = byteStep(most, 5)
    const bMax = Math.ceil((most * 1.02) / sizeStep) * sizeStep
    const x = (t) => margin.left + ((right - margin.left) * t) / tMax
    const y = (b) => bottom - ((bottom - margin.top) * b) / bMax

    const parts = []
    for (const t of ticks(tMax, timeStep)) {
      parts.push(line(x(t), margin.top, x(t), bottom, 'grid'), label(x(t), bottom + 19, timeLabel(t, tMax), 'tick middle'))
    }
    for (const b of ticks(bMax, sizeStep)) {
      parts.push(line(margin.left, y(b), right, y(b), 'grid'), label(margin.left - 9, y(b) + 4, sizeLabel(b, bMax), 'tick end'))
    }

    const { from, ms } = measure.gap
    const gapShown = ms >= Math.max(100, tMax / 50)
    if (gapShown) parts.push(s('rect', { class: 'gap', x: x(from), y: margin.top, width: x(from + ms) - x(from), height: bottom - margin.top }))
    if (nearKnee && paced) parts.push(...kneeLines(measure.chunks, x, y, right, tMax, bMax))

    const shown = thin(measure.chunks, x)
    const path = shown.map(({ t, total }) => `H${x(t).toFixed(1)}V${y(total).toFixed(1)}`).join('')
    const whole = `M${margin.left} ${bottom}${path}H${x(measure.end ?? now).toFixed(1)}`
    parts.push(s('path', { class: 'area', d: `${whole}V${bottom}Z` }), s('path', { class: 'curve', d: whole }))
    const radius = shown.length > 150 ? 1.5 : shown.length > 60 ? 2.5 : 4
    for (const { t, total } of shown) parts.push(s('circle', { class: 'dot', cx: x(t).toFixed(1), cy: y(total).toFixed(1), r: radius }))

    if (measure.first !== null) {
      const late = x(measure.first) > width * 0.6
      parts.push(line(x(measure.first), 10, x(measure.first), bottom, 'first'))
      parts.push(label(x(measure.first) + (late ? -6 : 6), 17, `first byte ${format.ms(measure.first)}`, `note first${late ? ' end' : ''}`))
    }
    if (gapShown) {
      const middle = Math.min(Math.max(x(from + ms / 2), margin.left + 50), right - 50)
      parts.push(label(middle, margin.top + 15, `gap ${format.ms(ms)}`, 'note gap-note middle'))
    }

    this.element.setAttribute('viewBox', `0 0 ${width} ${height}`)
    this.element.setAttribute('aria-label', describe(measure))
    replace(this.element, parts)
  }
}

// kneeLines shows where a stream becomes slow, and how fast it is from there.
function kneeLines(chunks, x, y, right, tMax, bMax) {
  const { streamBurst: knee, streamRate } = limits
  const rate = streamRate / 1000 // a millisecond
  const past = chunks.find(({ total }) => total >= knee)
  const parts = [line(margin.left, y(knee), right, y(knee), 'knee'), label(right - 6, y(knee) + (past ? 16 : -6), `${sizeLabel(knee, knee)}, then ${sizeLabel(streamRate, streamRate)}/s`, 'note knee-note end')]
  if (past) {
    const end = Math.min(tMax, past.t + (bMax - knee) / rate)
    parts.push(line(x(past.t), y(knee), x(end), y(knee + (end - past.t) * rate), 'rate'))
  }
  return parts
}

const describe = (m) =>
  m.first === null ? 'Bytes over time: nothing yet' : `Bytes over time: first byte after ${format.ms(m.first)}, ${m.count ?? m.chunks.length} chunks, ${format.bytes(m.bytes)}${m.gap.ms > 0 ? `, largest gap ${format.ms(m.gap.ms)}` : ''}`

const line = (x1, y1, x2, y2, kind) => s('line', { class: kind, x1, y1, x2, y2 })

const label = (x, y, text, kind) => s('text', { class: kind, x, y }, text)
