// Invocations over time, of one function or of all.

import * as api from './api.mjs'
import { buckets, range, sum } from './buckets.mjs'
import { Chart } from './chart.mjs'
import { failure, h, replace } from './dom.mjs'
import * as format from './format.mjs'
import { choose } from './invocations.mjs'
import { feed } from './live.mjs'
import { duration } from './records.mjs'
import * as route from './route.mjs'
import { dollarLabel, sizeLabel, timeLabel } from './scale.mjs'
import { soon } from './table.mjs'

const most = 10_000 // a server tells of no more at once
const refresh = 5000
const usual = '15m'
const spans = { '5m': 'last 5 minutes', '15m': 'last 15 minutes', '1h': 'last hour', '24h': 'last day' }

export const title = () => 'Charts'

const quantiles = (of) => [
  { label: 'p50', kind: 'p50', of: (b) => of(b).p50 },
  { label: 'p90', kind: 'p90', of: (b) => of(b).p90 },
  { label: 'p99', kind: 'p99', of: (b) => of(b).p99 },
]

const pair = ({ p50, p99 }) => (p50 === null ? '–' : [h('strong', null, format.ms(p50)), ' median, ', format.ms(p99), ' at the 99th percentile'])

// Each kind of chart, with what stands above it.
const kinds = [
  {
    id: 'errors',
    title: 'Invocations and errors',
    what: 'Invocations by how they ended.',
    series: [
      { label: 'complete', kind: 'good', of: (b) => b.invocations - b.failed - b.left },
      { label: 'client left or was refused', kind: 'left', of: (b) => b.left },
      { label: 'errors', kind: 'bad', of: (b) => b.failed },
    ],
    bars: true,
    unit: 'count',
    wide: true,
    write: format.count,
    axis: format.count,
    head: (all) => [h('strong', null, format.count(all.invocations)), all.invocations === 1 ? ' invocation, ' : ' invocations, ', `${format.count(all.failed)} ${all.failed === 1 ? 'error' : 'errors'}, ${format.count(all.cold)} cold`],
  },
  {
    id: 'first-byte',
    title: 'First byte',
    what: 'Time to the first byte, with initialization, as percentiles.',
    series: quantiles((b) => b.firstByte),
    write: format.ms,
    axis: timeLabel,
    head: (all) => pair(all.firstByte),
  },
  {
    id: 'duration',
    title: 'Duration',
    what: 'Duration of invocations, as percentiles.',
    series: quantiles((b) => b.duration),
    write: format.ms,
    axis: timeLabel,
    head: (all) => pair(all.duration),
  },
  {
    id: 'bytes',
    title: 'Bytes',
    what: 'Bytes of responses.',
    series: [{ label: 'bytes', kind: 'plain', of: (b) => b.bytes }],
    bars: true,
    unit: 'bytes',
    write: format.bytes,
    axis: sizeLabel,
    head: (all) => h('strong', null, format.bytes(all.bytes)),
  },
  {
    id: 'cost',
    title: 'Cost on AWS',
    what: 'What AWS would charge.',
    series: [{ label: 'dollars', kind: 'plain', of: (b) => b.cost }],
    bars: true,
    write: format.dollars,
    axis: dollarLabel,
    head: (all) => [h('strong', null, format.dollars(all.cost)), all.invocations > 0 && `, ${format.dollars((all.cost / all.invocations) * 1e6)} for a million like these`],
  },
]

export function render(place, _, signal, query) {
  let records = new Map() // by request id
  let visit = new AbortController()
  const about = choose({ '': 'all functions' }, query.function ?? '', start)
  const since = choose(spans, query.since in spans ? query.since : usual, start)
  const note = h('p', { class: 'soft small', role: 'status' })
  const trouble = h('div')
  const charts = kinds.map((kind) => new Chart(kind, signal))
  const grid = h('div', { class: 'grid' }, charts.map((chart) => chart.element))

  async function start() {
    history.replaceState(null, '', route.address('charts', { function: about.value, since: since.value === usual ? '' : since.value }))
    visit.abort()
    visit = new AbortController()
    const { signal: mine } = visit
    records = new Map()
    replace(trouble)
    replace(note, 'Asking the server …')
    try {
      for (const record of await api.invocations({ function: about.value, since: since.value, limit: most }, mine)) records.set(record.requestId, record)
      draw()
    } catch (error) {
      if (mine.aborted) return
      replace(note)
      replace(trouble, failure(error, 'The invocations could not be read'))
    }
  }

  function draw() {
    const now = Date.now()
    const bounds = range(since.value, now)
    // What has left the picture is not needed again.
    for (const [id, record] of records) if (now - Date.parse(record.time) > duration(since.value) * 2) records.delete(id)
    const inside = [...records.values()].filter((r) => Date.parse(r.time) + (r.durationMs ?? 0) >= bounds.from)
    const piles = buckets(inside, bounds)
    const all = sum(inside)
    charts.forEach((chart, i) => chart.show(piles, bounds.width, kinds[i].head(all)))
    replace(
      note,
      inside.length === 0
        ? ['Nothing was invoked in this time. ', h('a', { href: about.value ? route.ofFunction(about.value) : '#/' }, about.value ? 'Invoke the function' : 'Choose a function'), ' or look further back.']
        : inside.length >= most && `There were more: only the newest ${format.count(most)} invocations are counted.`,
    )
  }

  const later = soon(draw, signal)
  feed.addEventListener(
    'invocation',
    ({ detail }) => {
      if (about.value && detail.function !== about.value) return
      records.set(detail.requestId, detail)
      later()
    },
    { signal },
  )
  const timer = setInterval(draw, refresh)
  signal.addEventListener('abort', () => {
    clearInterval(timer)
    visit.abort()
  })
  replace(
    place,
    h('h1', null, 'Charts'),
    h('div', { class: 'filters' }, h('label', null, h('span', null, 'Function'), about), h('label', null, h('span', null, 'Time'), since)),
    trouble,
    note,
    grid,
  )
  api
    .functions(signal)
    .then((list) => about.append(...list.map((f) => f.FunctionName).filter((name) => name !== about.value).sort().map((name) => h('option', { value: name }, name))))
    .catch(() => {}) // then all is shown
  start()
}
