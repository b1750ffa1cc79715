// The picture of a stream: bytes so far over time, a dot for each chunk.

import { replace, s } from './dom.mjs'
import * as format from './format.mjs'

const MB = 1 << 20
const knee = 6 * MB // so much flows as fast as it can
const rate = (2 * MB) / 1000 // then this per millisecond
const showKneeFrom = MB
const height = 300
const margin = { top: 30, right: 18, bottom: 34, left: 68 }

// step is the distance of about `ticks` ticks up to max: 1, 2 or 5 times a power
// of ten.
export function step(max, ticks) {
  const rough = max / ticks
  const power = 10 ** Math.floor(Math.log10(rough))
  return [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough)
}

// byteStep is step in powers of 1024, and at least one byte.
export function byteStep(max, ticks) {
  let unit = 1
  while (max / unit >= 1024 && unit < 1024 * MB) unit *= 1024
  return Math.max(1, step(max / unit, ticks) * unit)
}

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
  element = s('svg', { class: 'timeline', role: 'img', height, 'aria-label': 'Bytes over time' })
  #last = null

  constructor(signal) {
    const observer = new ResizeObserver(() => this.#last && this.draw(...this.#last))
    observer.observe(this.element)
    signal.addEventListener('abort', () => observer.disconnect())
  }

  // draw shows a measure as of `now`; `other` is when the buffered response came,
  // or null.
  draw(measure, now, other = null) {
    this.#last = [measure, now, other]
    const width = this.element.clientWidth || 640
    const right = width - margin.right
    const bottom = height - margin.bottom
    const withKnee = measure.bytes > showKneeFrom

    const until = Math.max(measure.end ?? now, other ?? 0, 50)
    const timeStep = step(until, width < 480 ? 4 : 8)
    const tMax = Math.ceil((until * 1.001) / timeStep) * timeStep
    const most = Math.max(measure.bytes, withKnee ? knee : 1)
    const sizeStep = byteStep(most, 5)
    const bMax = Math.ceil((most * 1.02) / sizeStep) * sizeStep
    const x = (t) => margin.left + ((right - margin.left) * t) / tMax
    const y = (b) => bottom - ((bottom - margin.top) * b) / bMax

    const parts = []
    for (let t = 0; t <= tMax * 1.0001; t += timeStep) {
      parts.push(line(x(t), margin.top, x(t), bottom, 'grid'))
      parts.push(label(x(t), bottom + 18, timeLabel(t, tMax), 'tick middle'))
    }
    for (let b = 0; b <= bMax * 1.0001; b += sizeStep) {
      parts.push(line(margin.left, y(b), right, y(b), 'grid'))
      parts.push(label(margin.left - 8, y(b) + 4, b === 0 ? '0' : sizeLabel(b), 'tick end'))
    }

    const { from, ms } = measure.gap
    const gapShown = ms >= Math.max(100, tMax / 50)
    if (gapShown) parts.push(s('rect', { class: 'gap', x: x(from), y: margin.top, width: x(from + ms) - x(from), height: bottom - margin.top }))
    if (withKnee) parts.push(...kneeLines(measure.chunks, x, y, right, tMax, bMax))

    if (measure.first !== null) {
      const shown = thin(measure.chunks, x)
      const path = shown.map(({ t, total }) => `H${x(t).toFixed(1)}V${y(total).toFixed(1)}`).join('')
      const edge = x(measure.end ?? now).toFixed(1)
      const whole = `M${margin.left} ${bottom}${path}H${edge}`
      parts.push(s('path', { class: 'area', d: `${whole}V${bottom}Z` }), s('path', { class: 'curve', d: whole }))
      const radius = shown.length > 150 ? 1.5 : shown.length > 60 ? 2.5 : 4
      for (const { t, total } of shown) parts.push(s('circle', { class: 'dot', cx: x(t).toFixed(1), cy: y(total).toFixed(1), r: radius }))
    }

    // What is written above the plot: as much as fits beside each other.
    const notes = []
    if (measure.first !== null) notes.push([measure.first, `first byte ${format.ms(measure.first)}`, 'first'])
    if (other !== null) notes.push([other, `buffered: first byte ${format.ms(other)}`, 'other'])
    for (const [i, [t, text, kind]] of notes.entries()) {
      const alone = notes.length === 1 || Math.abs(x(notes[0][0]) - x(notes[1][0])) > 265
      const row = alone || i === 0 ? 0 : 1
      const late = x(t) > width * 0.6
      parts.push(line(x(t), 12 + row * 13, x(t), bottom, kind))
      parts.push(label(x(t) + (late ? -5 : 5), 12 + row * 13, text, `note ${kind}${late ? ' end' : ''}`))
    }
    if (gapShown) {
      const middle = Math.min(Math.max(x(from + ms / 2), margin.left + 55), right - 55)
      parts.push(label(middle, bottom - 8, `gap ${format.ms(ms)}`, 'note gap-note middle'))
    }

    this.element.setAttribute('viewBox', `0 0 ${width} ${height}`)
    this.element.setAttribute('aria-label', describe(measure))
    replace(this.element, parts)
  }
}

// kneeLines shows where a stream becomes slow, and how fast it is from there.
function kneeLines(chunks, x, y, right, tMax, bMax) {
  const past = chunks.find(({ total }) => total >= knee)
  const parts = [line(margin.left, y(knee), right, y(knee), 'knee'), label(right - 6, y(knee) + (past ? 16 : -6), '6 MB, then 2 MB/s', 'note knee-note end')]
  if (past) {
    const end = Math.min(tMax, past.t + (bMax - knee) / rate)
    parts.push(line(x(past.t), y(knee), x(end), y(knee + (end - past.t) * rate), 'rate'))
  }
  return parts
}

const describe = (m) =>
  m.first === null ? 'Bytes over time: nothing yet' : `Bytes over time: first byte after ${format.ms(m.first)}, ${m.chunks.length} chunks, ${format.bytes(m.bytes)}, largest gap ${format.ms(m.gap.ms)}`

const line = (x1, y1, x2, y2, kind) => s('line', { class: kind, x1, y1, x2, y2 })

const label = (x, y, text, kind) => s('text', { class: kind, x, y }, text)

const timeLabel = (t, max) => (t === 0 ? '0' : max < 1000 ? `${Math.round(t)} ms` : `${Number((t / 1000).toFixed(2))} s`)

function sizeLabel(b) {
  for (const [unit, name] of [[MB, 'MB'], [1024, 'kB']]) if (b >= unit) return `${Number((b / unit).toFixed(2))} ${name}`
  return `${b} B`
}
