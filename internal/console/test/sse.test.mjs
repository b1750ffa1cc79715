import assert from 'node:assert/strict'
import test from 'node:test'
import { Parser } from '../assets/sse.mjs'

const parse = (...texts) => {
  const parser = new Parser()
  return texts.flatMap((text) => parser.push(text))
}

const text = '\ufeff: hi\nevent: token\r\ndata: a\r\ndata:b\r\rid: 7\ndata\n\nevent: none\n\ndata:  two spaces\nretry: 5\nunknown: x\n\ndata: not complete\n'

const expected = [
  { event: 'token', data: 'a\nb', id: '' },
  { event: 'message', data: '', id: '7' },
  { event: 'message', data: ' two spaces', id: '7' },
]

test('parses events with every kind of line end', () => {
  assert.deepEqual(parse(text), expected)
})

test('parses a text that is cut in two anywhere', () => {
  for (let cut = 0; cut <= text.length; cut++) assert.deepEqual(parse(text.slice(0, cut), text.slice(cut)), expected, `cut at ${cut}`)
})

test('parses character by character', () => {
  assert.deepEqual(parse(...text), expected)
})
