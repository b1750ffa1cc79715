import assert from 'node:assert/strict'
import test from 'node:test'
import { Splitter } from '../assets/prelude.mjs'
import { bytes } from './helpers.mjs'

function split(...pieces) {
  const splitter = new Splitter()
  const body = Buffer.concat([...pieces.map((piece) => splitter.push(piece)), splitter.end()]).toString()
  return { head: splitter.head, size: splitter.size, body }
}

const json = ' {"statusCode": 201, "headers": {"content-type": "text/plain"}, "cookies": ["a=1"]}'
const nuls = '\0'.repeat(8)

test('strips a prelude that is cut anywhere', () => {
  const whole = bytes(`${json}${nuls}bödy\0${nuls}more`)
  for (let cut = 0; cut <= whole.length; cut++) {
    const { head, size, body } = split(whole.subarray(0, cut), whole.subarray(cut))
    assert.equal(head?.statusCode, 201, `cut at ${cut}`)
    assert.equal(size, json.length + 8)
    assert.equal(body, `bödy\0${nuls}more`)
  }
})

test('strips a prelude byte by byte', () => {
  const whole = bytes(`{}${nuls}x`)
  const { head, body } = split(...Array.from(whole, (byte) => Uint8Array.of(byte)))
  assert.deepEqual([head, body], [{}, 'x'])
})

test('leaves bodies without a prelude as they are, cut anywhere', () => {
  for (const body of ['', 'plain', '{"message": "hi"}', '{"statusCode": 200}', '{"statusCode": 200}\0\0\0short', `{"statusCode: 200}${nuls}`, `[1]${nuls}x`, '{} ', '{"head":1}', '\0\0']) {
    const whole = bytes(body)
    for (let cut = 0; cut <= whole.length; cut++) {
      const result = split(whole.subarray(0, cut), whole.subarray(cut))
      assert.deepEqual(result, { head: null, size: 0, body }, `${JSON.stringify(body)} cut at ${cut}`)
    }
  }
})

test('does not hold back what can be no prelude', () => {
  for (const start of ['p', '{"m', '{"message', '{"headers!"', '{ 1', '\0']) {
    assert.equal(Buffer.from(new Splitter().push(bytes(start))).toString(), start)
  }
})
