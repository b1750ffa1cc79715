import assert from 'node:assert/strict'
import { test } from 'node:test'

import { decide, isConditional } from '../conditions.mjs'

const object = { etag: '"a"', modified: new Date('2026-03-01T12:00:00.400Z'), size: 1000 }
const then = 'Sun, 01 Mar 2026 12:00:00 GMT', before = 'Sun, 01 Mar 2026 11:59:59 GMT', after = 'Mon, 02 Mar 2026 12:00:00 GMT'
const whole = { status: 200 }, part = (first, last) => ({ status: 206, first, last }), none = { status: 416 }

for (const [headers, want] of [
  [{}, whole],

  [{ range: 'bytes=0-' }, part(0, 999)],
  [{ range: 'bytes=0-0' }, part(0, 0)],
  [{ range: 'Bytes=10-19' }, part(10, 19)],
  [{ range: 'bytes=990-5000' }, part(990, 999)],
  [{ range: 'bytes=-1' }, part(999, 999)],
  [{ range: 'bytes=-5000' }, part(0, 999)],
  [{ range: 'bytes=1000-' }, none],
  [{ range: 'bytes=-0' }, none],
  // No range, or several: everything.
  [{ range: 'bytes=-' }, whole],
  [{ range: 'bytes=5-4' }, whole],
  [{ range: 'bytes=0-1,5-6' }, whole],
  [{ range: 'lines=0-1' }, whole],
  [{ range: 'bytes=x' }, whole],
  [{ range: 'bytes=99999999999999999999-' }, whole],

  [{ range: 'bytes=5-9', 'if-range': '"a"' }, part(5, 9)],
  [{ range: 'bytes=5-9', 'if-range': '"b"' }, whole],
  [{ range: 'bytes=5-9', 'if-range': 'W/"a"' }, whole],
  [{ range: 'bytes=5-9', 'if-range': then }, part(5, 9)],
  [{ range: 'bytes=5-9', 'if-range': before }, whole],
  [{ range: 'bytes=5-9', 'if-range': after }, whole],
  [{ range: 'bytes=5-9', 'if-range': 'tomorrow' }, whole],
  [{ range: 'bytes=5000-', 'if-range': '"b"' }, whole],

  [{ 'if-none-match': '"a"' }, { status: 304 }],
  [{ 'if-none-match': 'W/"a"' }, { status: 304 }],
  [{ 'if-none-match': '"x, y", W/"b" , "a"' }, { status: 304 }],
  [{ 'if-none-match': '*' }, { status: 304 }],
  [{ 'if-none-match': '"b"' }, whole],
  [{ 'if-none-match': '"b"', 'if-modified-since': after }, whole],
  [{ 'if-none-match': '"a"', range: 'bytes=5-9' }, { status: 304 }],
  [{ 'if-none-match': '"b"', range: 'bytes=5-9' }, part(5, 9)],
  [{ 'if-modified-since': then }, { status: 304 }],
  [{ 'if-modified-since': after }, { status: 304 }],
  [{ 'if-modified-since': before }, whole],
  [{ 'if-modified-since': 'x' }, whole],

  [{ 'if-match': '"a"' }, whole],
  [{ 'if-match': '*' }, whole],
  [{ 'if-match': '"b", "a"', range: 'bytes=5-9' }, part(5, 9)],
  [{ 'if-match': '"b"' }, { status: 412 }],
  [{ 'if-match': 'W/"a"' }, { status: 412 }],
  [{ 'if-match': '"b"', 'if-none-match': '"a"' }, { status: 412 }],
  [{ 'if-match': '"a"', 'if-unmodified-since': before }, whole],
  [{ 'if-unmodified-since': before }, { status: 412 }],
  [{ 'if-unmodified-since': then }, whole],
]) {
  test(JSON.stringify(headers), () => {
    assert.deepEqual(decide(headers, object), want)
    assert.equal(isConditional(headers), Object.keys(headers).length > 0)
  })
}

test('an object without bytes has no ranges', () => {
  for (const range of ['bytes=0-', 'bytes=-1']) assert.deepEqual(decide({ range }, { ...object, size: 0 }), none)
})

test('an object without a tag or a date matches none', () => {
  const bare = { size: 10 }
  assert.deepEqual(decide({ 'if-none-match': '"undefined"' }, bare), whole)
  assert.deepEqual(decide({ 'if-modified-since': after }, bare), whole)
  assert.deepEqual(decide({ range: 'bytes=1-', 'if-range': '"a"' }, bare), whole)
  assert.deepEqual(decide({ range: 'bytes=1-', 'if-range': after }, bare), whole)
})
