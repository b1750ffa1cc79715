import assert from 'node:assert/strict'
import { test } from 'node:test'

import { scaleOf, Series } from '../chart.mjs'

test('the scale is round and holds everything', () => {
  for (const values of [[20.1, 20.4], [-12, 5, 71.3], [0], [30, 30], [4000, -270]]) {
    const { low, high, step } = scaleOf(values, 400)
    assert.ok(low <= Math.min(...values) && high >= Math.max(...values) && high > low, `${values}`)
    assert.ok(Math.abs(low / step - Math.round(low / step)) < 1e-9 && (high - low) / step < 9.5, `${values}: ${low} to ${high} by ${step}`)
  }
  assert.deepEqual(scaleOf([], 400), { low: 0, high: 30, step: 5 })
  const { low, high } = scaleOf([20], 400)
  assert.ok(low <= 19.5 && high >= 20.5)
})

test('a line is interrupted where its device was silent', () => {
  const series = new Series()
  for (const time of [0, 1000, 2000, 3000, 15_000, 16_000]) series.add(time, 1)
  assert.deepEqual(series.points.map(({ begins }) => begins), [true, false, false, false, true, false])
})

test('a slow device is not a silent one', () => {
  const series = new Series()
  for (let i = 0; i < 60; i++) series.add(i * 20_000, 1)
  assert.equal(series.points.at(-1).begins, false)
  assert.equal(series.silence(60 * 20_000), 0)
  assert.ok(series.silence(60 * 20_000 + 200_000) > 0)
})

test('what has left the picture is forgotten, but for where the line begins', () => {
  const series = new Series()
  for (let i = 0; i <= 300; i++) series.add(i * 1000, i)
  assert.equal(series.points.length, 61)
  assert.deepEqual([series.points[0].value, series.latest.value], [240, 300])
  series.add(900_000, 900)
  assert.deepEqual(series.points.map(({ value }) => value), [300, 900])
})
