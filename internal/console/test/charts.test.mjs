import assert from 'node:assert/strict'
import test from 'node:test'
import { buckets, percentile, range, sum } from '../assets/buckets.mjs'
import { address, ofFunction, ofInvocation, parse } from '../assets/route.mjs'

globalThis.location = { origin: 'http://localhost:9000' }
const { measure } = await import('../assets/past.mjs')

const at = (t) => new Date(t).toISOString()

test('takes percentiles by nearest rank', () => {
  const hundred = Array.from({ length: 100 }, (_, i) => i + 1)
  assert.deepEqual([50, 90, 99, 100, 0].map((p) => percentile(hundred, p)), [50, 90, 99, 100, 1])
  assert.deepEqual([percentile([7], 99), percentile([], 50)], [7, null])
})

test('cuts time into buckets that stay where they are', () => {
  const early = range('15m', 1_000_000_000)
  assert.deepEqual([early.width, (early.to - early.from) / early.width, early.from % early.width], [30_000, 30, 0])
  assert.ok(early.to > 1_000_000_000 && early.to <= 1_000_030_000)
  assert.equal(range('15m', early.to - 1).from, early.from)
  assert.equal(range('15m', early.to).from, early.from + early.width)
})

test('sums up what ended in each bucket', () => {
  const records = [
    { time: at(1000), durationMs: 500, firstByteMs: 10, initMs: 90, bytes: 5, cost: 1, ending: 'complete' },
    { time: at(1500), durationMs: 1000, firstByteMs: 20, bytes: 7, cost: 2, ending: 'timeout', account: 'function' },
    { time: at(1900), durationMs: 0, firstByteMs: 0, bytes: 0, cost: 0, ending: 'refused', account: 'client' },
    { time: at(9000), durationMs: 0, ending: 'complete' },
  ]
  const [zero, one, two] = buckets(records, { from: 0, to: 3000, width: 1000 })
  assert.deepEqual([zero.from, zero.invocations, zero.firstByte.p50], [0, 0, null])
  assert.deepEqual([one.invocations, one.failed, one.left, one.bytes, one.cost, one.cold, one.firstByte.p99, one.duration.p50], [2, 0, 1, 5, 1, 1, 100, 0])
  assert.deepEqual([two.from, two.invocations, two.failed, two.duration.p99], [2000, 1, 1, 1000])
  assert.equal(sum(records).invocations, 4)
})

test('reads and writes addresses of pages', () => {
  for (const [hash, page, name] of [
    ['', 'functions', ''],
    ['#/', 'functions', ''],
    ['#/f/a%2Fb', 'function', 'a/b'],
    ['#/f/50%', 'function', '50%'],
    ['#/i/x-1', 'invocation', 'x-1'],
    ['#/charts', 'charts', ''],
    ['#/f/', null, ''],
    ['#other', null, ''],
  ]) {
    assert.deepEqual([parse(hash).page, parse(hash).name], [page, name], hash)
  }
  const made = address('invocations', { function: 'a&b', text: '', since: undefined, sort: '-bytes' })
  assert.deepEqual(parse(made), { page: 'invocations', name: '', query: { function: 'a&b', sort: '-bytes' } })
  assert.deepEqual([address('charts'), parse(ofFunction('a/b?c')).name, parse(ofInvocation('é')).name], ['#/charts', 'a/b?c', 'é'])
})

test('makes a measure of a timeline', () => {
  const record = { timeline: [[5, 10], [20, 30], [90, 40]], chunks: 3, durationMs: 100, ending: 'complete' }
  const m = measure(record)
  assert.deepEqual([m.first, m.bytes, m.end, m.ending, m.count, m.gap], [5, 40, 100, 'complete', 3, { from: 20, ms: 70 }])
  assert.deepEqual(measure({ ...record, chunks: 300 }).gap, { from: 0, ms: 0 })
  assert.equal(measure({ durationMs: 1 }), null)
})
