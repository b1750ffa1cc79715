// Frames of application/vnd.amazon.eventstream, in which a streamed response
// travels: lengths, headers, payload, and two checksums.

const overhead = 16 // two lengths, two checksums
const maxHeaders = 128 << 10
const maxPayload = 16 << 20

const table = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1
  return n
})

// crc32 is the IEEE checksum.
export function crc32(bytes) {
  let crc = 0xffffffff
  for (let i = 0; i < bytes.length; i++) crc = table[(crc ^ bytes[i]) & 0xff] ^ (crc >>> 8)
  return (crc ^ 0xffffffff) >>> 0
}

// Decoder takes bytes as the network cuts them and returns whole frames,
// {headers, payload}. It throws at the first frame that is not right; what follows
// can't be trusted.
export class Decoder {
  #held = [] // pieces of a frame that is not complete
  #size = 0
  #need = 0 // bytes without which looking again is in vain

  push(bytes) {
    if (bytes.length > 0) this.#held.push(bytes)
    this.#size += bytes.length
    if (this.#size < Math.max(this.#need, 12)) return []
    let rest = join(this.#held, this.#size)
    const frames = []
    this.#need = 0
    while (rest.length >= 12) {
      const view = new DataView(rest.buffer, rest.byteOffset, rest.length)
      const total = view.getUint32(0)
      const headersLength = view.getUint32(4)
      if (crc32(rest.subarray(0, 8)) !== view.getUint32(8)) throw new Error('the checksum of a frame’s lengths is wrong')
      const payloadLength = total - headersLength - overhead
      if (payloadLength < 0 || payloadLength > maxPayload || headersLength > maxHeaders) throw new Error(`a frame has impossible lengths: ${total} and ${headersLength}`)
      if (rest.length < total) {
        this.#need = total
        break
      }
      if (crc32(rest.subarray(0, total - 4)) !== view.getUint32(total - 4)) throw new Error('the checksum of a frame is wrong')
      frames.push({
        headers: parseHeaders(rest.subarray(12, 12 + headersLength)),
        payload: rest.subarray(12 + headersLength, total - 4),
      })
      rest = rest.subarray(total)
    }
    this.#held = rest.length > 0 ? [rest] : []
    this.#size = rest.length
    return frames
  }

  // end throws if the stream broke off inside a frame.
  end() {
    if (this.#size > 0) throw new Error(`the stream broke off inside a frame, ${this.#size} bytes into it`)
  }
}

function join(pieces, size) {
  if (pieces.length === 1) return pieces[0]
  const whole = new Uint8Array(size)
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}

// Values of other types than strings have these sizes; -1 has its own length.
const sizes = { 0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 6: -1, 7: -1, 8: 8, 9: 16 }

function parseHeaders(bytes) {
  const headers = {}
  const utf8 = new TextDecoder()
  let at = 0
  const take = (n) => {
    if (at + n > bytes.length) throw new Error('a header of a frame is cut off')
    at += n
    return bytes.subarray(at - n, at)
  }
  while (at < bytes.length) {
    const name = utf8.decode(take(take(1)[0]))
    const type = take(1)[0]
    let size = sizes[type]
    if (size === undefined) throw new Error(`a header of a frame has the unknown type ${type}`)
    if (size < 0) {
      const [high, low] = take(2)
      size = (high << 8) | low
    }
    const value = take(size)
    headers[name] = type === 7 ? utf8.decode(value) : value
  }
  return headers
}
