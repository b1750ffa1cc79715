// The POST of one streamed response: head, chunks, end. The head leaves together
// with the first chunk, every chunk at once, and the end together with the
// following GET /next when the invocation is over by then.
// docs/contract/streaming-clients.md §1.

const TRAILERS = 'Trailer: Lambda-Runtime-Function-Error-Type\r\nTrailer: Lambda-Runtime-Function-Error-Body\r\n'

// Up to this many bytes, copying chunks into one buffer is cheaper than handing
// the system a list.
const COPY_LIMIT = 8192

export class ResponsePost {
  contentType = 'application/octet-stream'
  /** True when the platform broke the response off; what is sent is dropped. */
  broken = false
  /** Called once when that happens; replied tells whether it had answered. */
  onBroken = _replied => {}
  #api
  #head
  #connection = null
  #replied = false
  #ending = null // { trailers, done } from finish until the end has left
  #ended = false
  #followed = false

  constructor(api, head) {
    this.#api = api
    this.#head = head
  }

  /** Sends chunks (Buffers; empty ones send the head only). */
  send(chunks, done) {
    if (this.broken) return done()
    const head = this.#begin()
    const connection = this.#connection
    let size = 0
    for (const chunk of chunks) size += chunk.length
    if (size === 0) {
      if (head === '') done()
      else connection.write(head, () => done())
    } else if (size <= COPY_LIMIT) {
      connection.write(frame(head, chunks, size), () => done())
    } else {
      connection.together(() => {
        let before = head
        for (const chunk of chunks) {
          if (chunk.length === 0) continue
          connection.write(`${before}${chunk.length.toString(16)}\r\n`)
          connection.write(chunk)
          before = '\r\n'
        }
        connection.write(before, () => done())
      })
    }
  }

  /**
   * Ends the response. The end leaves once the current turn is over, so that a
   * handler that returns right after it takes the GET /next along.
   * @param {() => string} trailers lines of the trailer, asked for at the last moment
   */
  finish(trailers, done) {
    if (this.broken) return done()
    this.#ending = { trailers, done }
    if (this.#followed) this.#end()
    else process.nextTick(queueMicrotask, () => this.#end())
  }

  /** True while the end is due but has not left, so that trailers still may change. */
  get ending() {
    return this.#ending !== null
  }

  /** Asks for the next event, right behind the end of this response. */
  follow() {
    if (this.#followed) return
    this.#followed = true
    if (this.#ending) this.#end()
    else if (this.#ended || this.broken) this.#api.askNext()
  }

  /** Drops the connection without an end. */
  abort() {
    if (this.broken || this.#ended) return
    this.broken = true
    if (this.#connection === null) return
    this.#release()
    this.#api.discard(this.#connection)
  }

  #begin() {
    if (this.#connection) return ''
    const connection = this.#connection = this.#api.connection()
    this.#api.bodyOpen(true)
    connection.expect(() => { this.#replied = true }, () => {})
    connection.onBroken = () => this.#lost()
    return `${this.#head}Lambda-Runtime-Function-Response-Mode: streaming\r\n${TRAILERS}` +
      `Content-Type: ${this.contentType}\r\nTransfer-Encoding: chunked\r\n\r\n`
  }

  #end() {
    if (this.#ending === null) return
    const { trailers, done } = this.#ending
    this.#ending = null
    if (this.broken) {
      if (this.#followed) this.#api.askNext()
      return done()
    }
    const tail = `${this.#begin()}0\r\n${trailers()}\r\n`
    this.#ended = true
    this.#release()
    if (this.#followed) {
      this.#api.askNext((ask, next) => {
        ask()
        this.#connection.write(tail + next, () => done())
      })
    } else {
      this.#connection.write(tail, () => done())
    }
  }

  #release() {
    this.#connection.onBroken = null
    this.#api.bodyOpen(false)
  }

  #lost() {
    if (this.#ended || this.broken) return
    this.#release()
    this.broken = true
    this.onBroken(this.#replied)
    if (this.#ending) this.#end()
    else if (this.#followed) this.#api.askNext()
  }
}

function frame(head, chunks, size) {
  const out = Buffer.allocUnsafe(Buffer.byteLength(head) + size + chunks.length * 8)
  let at = out.write(head)
  for (const chunk of chunks) {
    if (chunk.length === 0) continue
    at += out.latin1Write(chunk.length.toString(16), at)
    at += out.latin1Write('\r\n', at)
    out.set(chunk, at)
    at += chunk.length
    at += out.latin1Write('\r\n', at)
  }
  return out.subarray(0, at)
}
