import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Ledger } from '../ledger.mjs'

const noting = (ledger, ...numbers) => numbers.map((n) => ledger.note(n))

test('numbers in a row: nothing is missed, wherever they begin', () => {
  const ledger = new Ledger()
  assert.deepEqual(noting(ledger, 41, 42, 43), [true, true, true])
  assert.equal(ledger.verdict, 'none')
  assert.equal(ledger.last, 43)
})

test('a number left out is missed', () => {
  const ledger = new Ledger()
  noting(ledger, 1, 2, 4, 8)
  assert.equal(ledger.missed, 4)
  assert.equal(ledger.verdict, '4 (3, 5 to 7)')
})

test('a number that was here before is not news', () => {
  const ledger = new Ledger()
  assert.deepEqual(noting(ledger, 1, 2, 2, 1, 3), [true, true, false, false, true])
  assert.equal(ledger.twice, 2)
  assert.equal(ledger.verdict, 'none')
})

test('what the broker has forgotten is missed once', () => {
  const ledger = new Ledger()
  noting(ledger, 10)
  ledger.forgotten(11, 30)
  ledger.forgotten(11, 30)
  noting(ledger, 31)
  assert.equal(ledger.verdict, '20 (11 to 30)')
})

test('after a restart low numbers are news', () => {
  const ledger = new Ledger()
  noting(ledger, 100)
  ledger.restart()
  assert.deepEqual(noting(ledger, 3, 4), [true, true])
  assert.equal(ledger.verdict, 'none')
})

test("one device's numbers have holes", () => {
  const ledger = new Ledger(false)
  noting(ledger, 1, 6, 11)
  assert.equal(ledger.missed, 0)
  assert.equal(ledger.verdict, 'not counted for one device')
})

test('many ranges are not all told', () => {
  const ledger = new Ledger()
  for (let n = 1; n < 100; n += 2) ledger.note(n)
  assert.equal(ledger.missed, 49)
  assert.match(ledger.verdict, /^49 \(2, 4, .*, 40, …\)$/)
})
