// What a record tells of a stream, as a Measure.

import { Measure } from './run.mjs'

// measure returns a Measure of a record with a timeline, null of one without.
export function measure(record) {
  const points = record.timeline ?? []
  if (points.length === 0) return null
  const m = new Measure()
  for (const [t, total] of points) m.chunk(t, total - m.bytes)
  m.first = points[0][0]
  m.count = record.chunks
  // Of many chunks only some are points, and where the largest gap was is lost.
  if (record.chunks > points.length) m.gap = { from: 0, ms: 0 }
  m.finish(Math.max(record.durationMs, points.at(-1)[0]), record.ending)
  return m
}
