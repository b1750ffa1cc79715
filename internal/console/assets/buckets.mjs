// Records of invocations summed up over time.

import { account, duration } from './records.mjs'

// percentile is the nearest-rank percentile of sorted numbers, null of none.
export const percentile = (sorted, p) => (sorted.length === 0 ? null : sorted[Math.max(0, Math.ceil((p / 100) * sorted.length) - 1)])

// columns is how many buckets a span of time is cut into.
const columns = { '24h': 48 }

// range returns {from, to, width} of the buckets for a span like 15m that ends now.
// They begin at multiples of their width, so that they don't shift as time goes on.
export function range(span, now) {
  const n = columns[span] ?? 30
  const width = duration(span) / n
  const to = (Math.floor(now / width) + 1) * width
  return { from: to - n * width, to, width }
}

const quantiles = (numbers) => {
  const sorted = numbers.sort((a, b) => a - b)
  return { p50: percentile(sorted, 50), p90: percentile(sorted, 90), p99: percentile(sorted, 99) }
}

// sum is what records amount to.
export function sum(records) {
  return {
    invocations: records.length,
    failed: records.filter((r) => ['function', 'server'].includes(account(r))).length,
    left: records.filter((r) => account(r) === 'client').length,
    bytes: records.reduce((n, r) => n + (r.bytes ?? 0), 0),
    cost: records.reduce((n, r) => n + (r.cost ?? 0), 0),
    cold: records.filter((r) => r.initMs > 0).length,
    firstByte: quantiles(records.filter((r) => r.bytes > 0 || r.firstByteMs > 0).map((r) => r.firstByteMs + (r.initMs ?? 0))),
    duration: quantiles(records.map((r) => r.durationMs)),
  }
}

// buckets cuts a range into sums, each with its `from`. A record counts when it
// ended: that is when it became known.
export function buckets(records, { from, to, width }) {
  const piles = Array.from({ length: Math.round((to - from) / width) }, () => [])
  for (const record of records) piles[Math.floor((Date.parse(record.time) + (record.durationMs ?? 0) - from) / width)]?.push(record)
  return piles.map((pile, i) => ({ from: from + i * width, ...sum(pile) }))
}
