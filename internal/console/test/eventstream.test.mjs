import assert from 'node:assert/strict'
import test from 'node:test'
import { Decoder, crc32 } from '../assets/eventstream.mjs'
import { bytes, chunk, complete, concat, frame, rawFrame, sum } from './helpers.mjs'

const stream = concat(chunk('Hello, '), chunk(''), chunk('wörld\0'), complete({ ErrorCode: 'Unhandled' }))

const flat = (frames) => frames.map(({ headers, payload }) => [headers[':event-type'], Buffer.from(payload).toString()])

const expected = [
  ['PayloadChunk', 'Hello, '],
  ['PayloadChunk', ''],
  ['PayloadChunk', 'wörld\0'],
  ['InvokeComplete', '{"ErrorCode":"Unhandled"}'],
]

test('computes CRC-32', () => {
  assert.equal(crc32(bytes('123456789')), 0xcbf43926)
  assert.equal(crc32(stream), sum(stream))
})

test('decodes a stream that is cut in two anywhere', () => {
  for (let cut = 0; cut <= stream.length; cut++) {
    const decoder = new Decoder()
    const frames = [...decoder.push(stream.subarray(0, cut)), ...decoder.push(stream.subarray(cut))]
    decoder.end()
    assert.deepEqual(flat(frames), expected, `cut at ${cut}`)
  }
})

test('decodes a stream byte by byte', () => {
  const decoder = new Decoder()
  const frames = []
  for (const byte of stream) frames.push(...decoder.push(Uint8Array.of(byte)))
  decoder.end()
  assert.deepEqual(flat(frames), expected)
})

test('refuses a stream with any one bit wrong', () => {
  for (let at = 0; at < stream.length; at++) {
    const broken = stream.slice()
    broken[at] ^= 0x10
    assert.throws(() => {
      const decoder = new Decoder()
      decoder.push(broken)
      decoder.end()
    }, `bit of byte ${at}`)
  }
})

test('hands out the frames before a broken one when they came before', () => {
  const decoder = new Decoder()
  assert.equal(decoder.push(chunk('good')).length, 1)
  const broken = chunk('bad')
  broken[broken.length - 1] ^= 1
  assert.throws(() => decoder.push(broken), /checksum/)
})

test('refuses impossible lengths though their checksum is right', () => {
  for (const [total, headers] of [
    [15, 0],
    [16, 1],
    [0xffffffff, 0],
    [0x40000, 0x30000],
  ]) {
    const head = Buffer.alloc(12)
    head.writeUInt32BE(total, 0)
    head.writeUInt32BE(headers, 4)
    head.writeUInt32BE(sum(head.subarray(0, 8)), 8)
    assert.throws(() => new Decoder().push(new Uint8Array(head)), /impossible/, `${total} ${headers}`)
  }
})

test('refuses headers that are cut off or unknown', () => {
  assert.throws(() => new Decoder().push(rawFrame(bytes('\x05ab'), bytes(''))), /cut off/)
  assert.throws(() => new Decoder().push(rawFrame(bytes('\x01a\x0b'), bytes(''))), /type 11/)
})

test('passes over headers of other types', () => {
  const head = concat(bytes('\x01a\x00'), bytes('\x01b\x04abcd'), bytes('\x01c\x06\x00\x02hi'), bytes('\x01d\x07\x00\x02ok'))
  assert.equal(new Decoder().push(rawFrame(head, bytes('x')))[0].headers.d, 'ok')
})

test('says when a stream broke off', () => {
  const decoder = new Decoder()
  decoder.push(frame({}, bytes('x')).subarray(0, 9))
  assert.throws(() => decoder.end(), /9 bytes into it/)
})
