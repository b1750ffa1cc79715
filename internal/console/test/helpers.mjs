// What several tests need.

import * as zlib from 'node:zlib'

const utf8 = new TextEncoder()

export const bytes = (text) => utf8.encode(text)

export function concat(...pieces) {
  return new Uint8Array(Buffer.concat(pieces.map((piece) => Uint8Array.from(piece))))
}

// frame encodes one event-stream frame, with string headers.
export function frame(headers, payload) {
  const parts = Object.entries(headers).map(([name, value]) => {
    const [n, v] = [bytes(name), bytes(value)]
    return concat([n.length], n, [7, v.length >> 8, v.length & 0xff], v)
  })
  return rawFrame(concat(...parts), payload)
}

export function rawFrame(head, payload) {
  const out = Buffer.alloc(16 + head.length + payload.length)
  out.writeUInt32BE(out.length, 0)
  out.writeUInt32BE(head.length, 4)
  out.writeUInt32BE(sum(out.subarray(0, 8)), 8)
  out.set(head, 12)
  out.set(payload, 12 + head.length)
  out.writeUInt32BE(sum(out.subarray(0, -4)), out.length - 4)
  return new Uint8Array(out)
}

// sum is CRC-32 bit by bit where this Node.js has none.
export const sum =
  zlib.crc32 ??
  ((data) => {
    let crc = ~0
    for (const byte of data) {
      crc ^= byte
      for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
    }
    return ~crc >>> 0
  })

export const chunk = (text) => frame({ ':message-type': 'event', ':event-type': 'PayloadChunk', ':content-type': 'application/octet-stream' }, bytes(text))

export const complete = (document) => frame({ ':message-type': 'event', ':event-type': 'InvokeComplete', ':content-type': 'application/json' }, bytes(JSON.stringify(document)))
