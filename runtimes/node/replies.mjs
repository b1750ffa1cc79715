// An incremental parser for the HTTP/1.1 replies of the Runtime API. It takes
// the bytes of one connection in pieces of any size and hands over each reply
// as soon as its last byte is there.

const HEAD_LIMIT = 1 << 20
const END_OF_HEAD = '\r\n\r\n'

/** The peer does not speak HTTP/1.1; the connection can't be used further. */
export class ProtocolError extends Error {}

/**
 * @typedef {object} Reply
 * @property {number} status
 * @property {Map<string, string>} headers by lower-case name; the last one wins
 * @property {Buffer} body
 */

export class ReplyParser {
  #onReply
  #step = this.#head
  #rest = null // bytes of an unfinished head or line
  #reply = null
  #parts = [] // of the body
  #missing = 0 // bytes of the body, or of the current chunk

  /** @param {(reply: Reply) => void} onReply */
  constructor(onReply) {
    this.#onReply = onReply
  }

  /**
   * Takes the next bytes of the connection.
   * @throws {ProtocolError}
   */
  push(data) {
    let left = data
    while (left !== null && left.length > 0) left = this.#step(left)
  }

  /** Takes the end of the connection; a body without a length is complete now. */
  end() {
    if (this.#step === this.#untilClose) this.#deliver()
  }

  #head(data) {
    const from = this.#rest ? Math.max(0, this.#rest.length - END_OF_HEAD.length + 1) : 0
    const all = this.#join(data)
    const end = all.indexOf(END_OF_HEAD, from, 'latin1')
    if (end < 0) return this.#keep(all)
    this.#reply = parseHead(all.utf8Slice(0, end))
    const left = all.subarray(end + END_OF_HEAD.length)
    const { status, headers } = this.#reply
    if (status < 200) {
      this.#reply = null
      return left
    }
    const coding = headers.get('transfer-encoding')
    if (coding !== undefined) {
      if (coding.toLowerCase() !== 'chunked') throw new ProtocolError(`reply with Transfer-Encoding ${JSON.stringify(coding)}`)
      this.#step = this.#chunkSize
    } else if (status === 204 || status === 304) {
      this.#deliver()
    } else if (headers.has('content-length')) {
      const length = headers.get('content-length')
      if (!/^\d{1,15}$/.test(length)) throw new ProtocolError(`reply with Content-Length ${JSON.stringify(length)}`)
      this.#missing = Number(length)
      if (this.#missing === 0) this.#deliver()
      else this.#step = this.#body
    } else {
      this.#step = this.#untilClose
    }
    return left
  }

  #body(data) {
    const left = this.#take(data)
    if (this.#missing === 0) this.#deliver()
    return left
  }

  #untilClose(data) {
    this.#parts.push(data)
    return null
  }

  #chunkSize(data) {
    return this.#line(data, text => {
      const size = /^([0-9a-f]{1,13})\s*(?:;|$)/i.exec(text)
      if (!size) throw new ProtocolError(`reply with chunk size ${JSON.stringify(text)}`)
      this.#missing = parseInt(size[1], 16)
      this.#step = this.#missing === 0 ? this.#trailer : this.#chunk
    })
  }

  #chunk(data) {
    const left = this.#take(data)
    if (this.#missing === 0) this.#step = this.#chunkEnd
    return left
  }

  #chunkEnd(data) {
    return this.#line(data, text => {
      if (text !== '') throw new ProtocolError('reply with a chunk longer than its size')
      this.#step = this.#chunkSize
    })
  }

  #trailer(data) {
    return this.#line(data, text => {
      if (text === '') this.#deliver()
    })
  }

  #line(data, use) {
    const all = this.#join(data)
    const end = all.indexOf(10)
    if (end < 0) return this.#keep(all)
    use(all.latin1Slice(0, end).replace(/\r$/, ''))
    return all.subarray(end + 1)
  }

  #take(data) {
    const part = data.length > this.#missing ? data.subarray(0, this.#missing) : data
    this.#parts.push(part)
    this.#missing -= part.length
    return data.subarray(part.length)
  }

  #join(data) {
    if (this.#rest === null) return data
    const all = Buffer.concat([this.#rest, data])
    this.#rest = null
    return all
  }

  #keep(rest) {
    if (rest.length > HEAD_LIMIT) throw new ProtocolError(`reply with a head of more than ${HEAD_LIMIT} bytes`)
    this.#rest = rest
    return null
  }

  #deliver() {
    const reply = this.#reply
    reply.body = this.#parts.length === 1 ? this.#parts[0] : Buffer.concat(this.#parts)
    this.#reply = null
    this.#parts = []
    this.#step = this.#head
    this.#onReply(reply)
  }
}

function parseHead(text) {
  const lines = text.split('\r\n')
  const status = /^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(lines[0])
  if (!status) throw new ProtocolError(`reply that starts with ${JSON.stringify(lines[0].slice(0, 80))}`)
  const headers = new Map()
  for (let i = 1; i < lines.length; i++) {
    const colon = lines[i].indexOf(':')
    if (colon <= 0) throw new ProtocolError(`reply with the header line ${JSON.stringify(lines[i].slice(0, 80))}`)
    headers.set(lines[i].slice(0, colon).toLowerCase(), lines[i].slice(colon + 1).trim())
  }
  return { status: Number(status[1]), headers, body: null }
}
