import assert from 'node:assert/strict'
import test from 'node:test'
import { address, empty, event, parse } from '../assets/request.mjs'
import { verdict } from '../assets/stream.mjs'

test('reads headers, and says which line is wrong', () => {
  assert.deepEqual(parse('X-One: 1\n\n  accept :  a, b  '), [['x-one', '1'], ['accept', 'a, b']])
  assert.throws(() => parse('a: b\nnonsense'), /Line 2/)
  assert.throws(() => parse('Cookie: a=b'), /the header Cookie/)
  assert.throws(() => parse('x: ☂'), /The header x/)
})

test('finds the path form of a Function URL', () => {
  const request = { ...empty, path: 'a/b', query: '?x=1' }
  assert.equal(address('f', { FunctionArn: 'arn:aws:lambda:us-east-1:123456789012:function:f' }, request), '/lambda-url/f/a/b?x=1')
  assert.equal(address('f', { FunctionArn: 'arn:aws:lambda:us-east-1:123456789012:function:f:live' }, empty), '/lambda-url/f:live/')
})

test('makes the event that a Function URL makes', () => {
  const made = event({ method: 'POST', path: 'a', query: 'x=1&x=2&y=', headers: 'X-One: 1\nx-one: 2\nUser-Agent: me', body: 'text' })
  assert.deepEqual(
    [made.rawPath, made.rawQueryString, made.queryStringParameters, made.headers, made.requestContext.http.method, made.requestContext.http.userAgent, made.body],
    ['/a', 'x=1&x=2&y=', { x: '1,2', y: '' }, { accept: '*/*', 'user-agent': 'me', 'x-one': '1,2' }, 'POST', 'me', 'text'],
  )
  assert.deepEqual(['body' in event({ ...empty, body: 'x' }), 'queryStringParameters' in event(empty)], [false, false])
})

test('says what streaming was good for', () => {
  const m = (first, end, chunks, ending = 'complete') => ({ first, end, chunks: Array(chunks).fill({}), ending, bytes: 1, details: '' })
  assert.match(verdict(m(100, 2000, 9), m(2000, 2010, 1)), /1.90 s earlier: after 100 ms instead of 2.00 s/)
  assert.match(verdict(m(1990, 2000, 1), m(2000, 2010, 1)), /no difference here: the handler/)
  assert.match(verdict(m(100, 101, 1), m(400, 401, 1)), /no difference/) // the other one started cold
  assert.match(verdict(m(1990, 2000, 9), m(2000, 2010, 1)), /no difference here: the response/)
  assert.match(verdict(m(100, 2000, 9), m(null, 10, 0, 'refused')), /Buffered: Ended: refused/)
  assert.match(verdict(m(100, 2000, 9), { ...m(5, 10, 1, 'function error'), details: 'Type: A sentence.' }), /function error, Type: A sentence\.$/)
})
