import assert from 'node:assert/strict'
import { test } from 'node:test'

import { readReading } from '../reading.mjs'

const read = (text) => readReading(Buffer.from(text))

test('a reading', () => {
  assert.deepEqual(read('{"temperature":21.456,"firmware":"1.2"}'), { temperature: 21.46 })
  assert.deepEqual(read('{"temperature":-40}'), { temperature: -40 })
})

for (const [name, data, why] of [
  ['nothing', '', /not JSON/],
  ['half of one', '{"temperature":2', /not JSON/],
  ['not UTF-8', Buffer.from([0x22, 0xff, 0x22]), /not JSON/],
  ['NaN', '{"temperature":NaN}', /not JSON/],
  ['a number', '21', /not an object/],
  ['null', 'null', /not an object/],
  ['a list', '[{"temperature":1}]', /not an object/],
  ['no temperature', '{"humidity":40}', /no number "temperature"/],
  ['text', '{"temperature":"21"}', /no number "temperature"/],
  ['infinite', '{"temperature":1e999}', /between/],
  ['below zero kelvin', '{"temperature":-300}', /between/],
]) {
  test(`no reading: ${name}`, () => {
    const { why: told, temperature } = readReading(Buffer.from(data))
    assert.match(told, why)
    assert.equal(temperature, undefined)
  })
}
