import assert from 'node:assert/strict'
import test from 'node:test'
import { contentType, guess } from '../assets/body.mjs'
import * as format from '../assets/format.mjs'
import { compare, matches } from '../assets/records.mjs'
import { byteStep, clockStep, dollarLabel, sizeLabel, step, timeLabel } from '../assets/scale.mjs'
import { thin } from '../assets/timeline.mjs'

test('guesses how a body is shown', () => {
  for (const [type, start, kind] of [
    ['text/event-stream; charset=utf-8', '', 'events'],
    ['text/html', 'data: x', 'html'],
    ['text/plain', '<!doctype html>', 'text'],
    ['', '\n<!DOCTYPE html><html>', 'html'],
    ['', 'data: {"a":1}', 'events'],
    ['', ': ping', 'events'],
    ['', '{"a":1}', 'text'],
    ['', 'database', 'text'],
  ]) {
    assert.equal(guess(type, start), kind, `${type} ${start}`)
  }
  assert.equal(contentType({ headers: { 'Content-Type': 'text/html' } }), 'text/html')
  assert.equal(contentType(null), '')
})

test('sorts records, with those that lack the value last', () => {
  const records = [{ bytes: 2 }, {}, { bytes: 10 }]
  const order = (descending) => [...records].sort((a, b) => compare(a, b, 'bytes', descending)).map((r) => r.bytes)
  assert.deepEqual(order(false), [2, 10, undefined])
  assert.deepEqual(order(true), [10, 2, undefined])
})

test('filters records by words, ending, mode, function and time', () => {
  const record = { requestId: 'ab-1', time: '2026-05-06T09:08:07Z', function: 'f', mode: 'RESPONSE_STREAM', ending: 'timeout', errorType: 'Sandbox.Timedout' }
  assert.ok(matches(record, {}))
  assert.ok(matches(record, { text: ' AB timedout ', ending: 'timeout', mode: 'streamed', function: 'f' }))
  for (const wanted of [{ text: 'ab nothing' }, { ending: 'complete' }, { mode: 'buffered' }, { function: 'g' }]) assert.ok(!matches(record, wanted))
  const now = Date.parse(record.time) + 6 * 60_000
  assert.deepEqual(['5m', '1h', '', 'nonsense'].map((since) => matches(record, { since }, now)), [false, true, true, true])
})

test('writes numbers for people', () => {
  assert.deepEqual([0, 1, 1023, 1024, 6 << 20, undefined].map(format.bytes), ['0 bytes', '1 byte', '1023 bytes', '1.00 kB', '6.00 MB', '–'])
  assert.deepEqual([0, 1.25, 99.6, 1500, 61_000, null].map(format.ms), ['0 ms', '1.3 ms', '100 ms', '1.50 s', '1 min 1 s', '–'])
  assert.deepEqual([0, 0.0000021, 1.5].map(format.dollars), ['$0', '$0.00000210', '$1.50'])
})

test('writes the date of a time that is not of today', () => {
  const now = new Date(2026, 4, 6, 12, 0, 0)
  assert.equal(format.clock(new Date(2026, 4, 6, 9, 8, 7), now), '09:08:07')
  assert.equal(format.clock(new Date(2026, 4, 5, 9, 8, 7), now), '2026-05-05 09:08:07')
  assert.equal(format.clock('nonsense', now), '–')
})

test('chooses ticks, and one dot for each column', () => {
  assert.deepEqual([step(1000, 5), step(230, 4), step(0.9, 3)], [200, 100, 0.5])
  assert.deepEqual([byteStep(1, 5), byteStep(6 << 20, 5)], [1, 2 << 20])
  assert.deepEqual([timeLabel(500, 900), timeLabel(1500, 4000), sizeLabel(512, 2048), sizeLabel(0, 9), dollarLabel(0.000015, 0.00002), dollarLabel(0.5, 2)], ['500 ms', '1.5 s', '0.5 kB', '0', '15 µ$', '$0.5'])
  assert.deepEqual([clockStep(80_000, 10_000), clockStep(80_000, 120_000), clockStep(9e9, 7)], [120_000, 120_000, Math.ceil(9e9 / 7) * 7])
  const chunks = Array.from({ length: 1000 }, (_, i) => ({ t: i, total: i }))
  const kept = thin(chunks, (t) => t / 10)
  assert.ok(kept.length <= 51)
  assert.equal(kept.at(-1).total, 999)
})
