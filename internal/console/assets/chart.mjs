// Charts over time: lines and bars, drawn for the width that there is.

import { h, numbers, replace, s } from './dom.mjs'
import * as format from './format.mjs'
import { byteStep, clockStep, step, ticks } from './scale.mjs'

const height = 190
const margin = { top: 10, right: 24, bottom: 26, left: 62 }

// Chart shows buckets. `series` is a list of {label, kind, of}, where `of` reads a
// number or null from a bucket; bars are stacked. `write` makes text of a number,
// `axis` a shorter one, given the axis's end.
export class Chart {
  #svg = s('svg', { class: 'chart', height, role: 'img' })
  #head = h('p', { class: 'chart-head' })
  #table = h('div')
  #last = null

  constructor({ id, title, what, series, bars = false, unit = 'number', wide = false, write, axis }, signal) {
    Object.assign(this, { title, what, series, bars, unit, write, axis })
    const legend = series.length > 1 && h('ul', { class: 'legend', 'aria-hidden': 'true' }, series.map(({ label, kind }) => h('li', { class: `${bars ? 'bar-' : 'line-'}${kind}` }, label)))
    this.element = h('section', { class: wide ? 'card wide' : 'card', 'aria-labelledby': id }, h('div', { class: 'bar' }, h('h2', { id }, title), legend), this.#head, this.#svg, this.#table)
    const observer = new ResizeObserver(() => this.#last && this.#draw(...this.#last))
    observer.observe(this.#svg)
    signal.addEventListener('abort', () => observer.disconnect())
  }

  // show draws buckets of a width in milliseconds; `summary` stands above them.
  show(buckets, width, summary) {
    this.#last = [buckets, width]
    replace(this.#head, summary)
    this.#draw(buckets, width)
    const open = this.#table.querySelector('details')?.open
    const rows = buckets.filter((bucket) => bucket.invocations > 0).map((bucket) => [this.#clock(bucket.from, width), ...this.series.map(({ of }) => this.#text(of(bucket)))])
    replace(this.#table, rows.length > 0 && numbers(this.title, ['From', ...this.series.map(({ label }) => label)], rows))
    if (open) this.#table.querySelector('details')?.setAttribute('open', '')
  }

  #draw(buckets, bucketWidth) {
    const width = this.#svg.clientWidth || 480
    const right = width - margin.right
    const bottom = height - margin.bottom
    const values = buckets.map((bucket) => this.series.map(({ of }) => of(bucket)))
    const most = Math.max(0, ...values.flatMap((row) => (this.bars ? row.reduce((a, b) => a + (b ?? 0), 0) : row.map((v) => v ?? 0))))
    const yStep = this.#step(most || 1)
    const yMax = Math.max(yStep, Math.ceil((most * 1.001) / yStep) * yStep)
    const span = (right - margin.left) / buckets.length
    const x = (i) => margin.left + i * span
    const y = (v) => bottom - ((bottom - margin.top) * v) / yMax

    const parts = [s('title', null, this.title), s('desc', null, this.#describe(buckets))]
    for (const v of ticks(yMax, yStep)) {
      parts.push(s('line', { class: 'grid', x1: margin.left, x2: right, y1: y(v), y2: y(v) }), s('text', { class: 'end', x: margin.left - 8, y: y(v) + 4 }, this.axis(v, yMax)))
    }
    const every = clockStep((bucketWidth * buckets.length) / Math.max(2, Math.floor((right - margin.left) / 90)), bucketWidth)
    buckets.forEach(({ from }, i) => {
      if (from % every === 0 && i > 0) parts.push(s('text', { class: 'middle', x: x(i), y: bottom + 18 }, this.#clock(from, bucketWidth)))
    })
    parts.push(...(this.bars ? this.#bars(values, x, y, span) : this.#lines(values, x, y, span)))
    // What the pointer is over is told by the browser.
    buckets.forEach((bucket, i) => {
      if (bucket.invocations > 0) parts.push(s('rect', { class: 'hover', x: x(i), y: margin.top, width: span, height: bottom - margin.top }, s('title', null, this.#line(bucket, bucketWidth))))
    })
    this.#svg.setAttribute('viewBox', `0 0 ${width} ${height}`)
    replace(this.#svg, parts)
  }

  #bars(values, x, y, span) {
    const gap = Math.min(2, span / 4)
    return values.flatMap((row, i) => {
      let below = 0
      return row.map((value, k) => {
        if (!value) return null
        const top = y(below + value)
        const rect = s('rect', { class: `bar-${this.series[k].kind}`, x: x(i) + gap / 2, width: Math.max(1, span - gap), y: top, height: Math.max(1, y(below) - top) })
        below += value
        return rect
      })
    })
  }

  // A line breaks where nothing was invoked.
  #lines(values, x, y, span) {
    return this.series.map(({ kind }, k) => {
      let path = ''
      let open = false
      const dots = []
      values.forEach((row, i) => {
        const value = row[k]
        if (value === null) {
          open = false
          return
        }
        path += `${open ? 'L' : 'M'}${(x(i) + span / 2).toFixed(1)} ${y(value).toFixed(1)}`
        open = true
        dots.push(s('circle', { class: `dot-${kind}`, cx: (x(i) + span / 2).toFixed(1), cy: y(value).toFixed(1), r: 2.5 }))
      })
      return [path && s('path', { class: `line-${kind}`, d: path }), dots]
    })
  }

  #step(most) {
    if (this.unit === 'bytes') return byteStep(most, 4)
    return this.unit === 'count' ? Math.max(1, step(most, 4)) : step(most, 4)
  }

  #text(value) {
    return value === null ? '–' : this.write(value)
  }

  #clock(t, width) {
    const clock = format.moment(t).slice(11)
    return width % 60_000 === 0 ? clock.slice(0, 5) : clock
  }

  #line(bucket, width) {
    return [this.#clock(bucket.from, width), ...this.series.map(({ label, of }) => `${label}: ${this.#text(of(bucket))}`)].join('\n')
  }

  #describe(buckets) {
    const last = buckets.findLast((bucket) => bucket.invocations > 0)
    return last ? `${this.what} Most recently ${this.series.map(({ label, of }) => `${label} ${this.#text(of(last))}`).join(', ')}.` : `${this.what} Nothing was invoked.`
  }
}
