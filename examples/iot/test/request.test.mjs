import assert from 'node:assert/strict'
import { test } from 'node:test'

import { readRequest, Refusal } from '../request.mjs'

const request = (rawQueryString = '', headers = {}) => readRequest({ rawQueryString, headers })

test('what a request may ask for', () => {
  assert.deepEqual(request(), { device: undefined, after: undefined, asEvents: false })
  assert.deepEqual(request('device=boiler-2&after=7'), { device: 'boiler-2', after: 7, asEvents: false })
  assert.deepEqual(request('', { accept: 'text/event-stream' }), { device: undefined, after: undefined, asEvents: true })
  assert.equal(request('device=&after=').device, undefined)
})

test("a browser's own reconnect knows better than the URL it had at first", () => {
  assert.equal(request('after=7', { 'last-event-id': '90' }).after, 90)
})

for (const [query, headers] of [
  ['device=a.b'], ['device=*'], ['device=%3E'], [`device=${'x'.repeat(65)}`],
  ['after=-1'], ['after=1.5'], ['after=last'], ['after=99999999999999999999'], ['', { 'last-event-id': 'x' }],
]) {
  test(`refused: ${query || JSON.stringify(headers)}`, () => {
    assert.throws(() => request(query, headers), (error) => error instanceof Refusal && error.status === 400)
  })
}
