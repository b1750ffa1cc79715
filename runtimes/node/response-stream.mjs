// The responseStream of a streaming handler: a stream.Writable whose bytes are
// the body of POST /response. docs/contract/node-runtime.md §4.2-4.4.

import { Writable } from 'node:stream'
import { types } from 'node:util'
import { InvalidStreamingOperation, StreamDestroyed, errorDocument, headerText } from './errors.mjs'

const HIGH_WATER_MARK = 16384

/**
 * Fails the response: what was written leaves first, then the error as
 * trailers. With late, an end that was called but has not left yet gets them
 * too. Does nothing when the response is over or broken.
 * @type {(stream: ResponseStream, thrown: unknown, late: boolean) => void}
 */
export let failResponse

export class ResponseStream extends Writable {
  /** Called with write(data) right before the first write(); see HttpResponseStream. */
  _onBeforeFirstWrite = undefined
  #post
  #options
  #written = false // write() was called: too late for headers
  #completing = false // everything was handed to the post, the end included
  #failed = false
  #trailers = ''

  static {
    failResponse = (stream, thrown, late) => stream.#fail(thrown, late)
  }

  /**
   * @param {import('./response-post.mjs').ResponsePost} post
   * @param {object} options
   * @param {import('./quirks.mjs').Quirks} options.quirks
   * @param {number} options.generation
   * @param {() => void} options.onEnded nothing follows from the function
   * @param {(reason: Error) => void} options.onMisused what ends the process on AWS
   */
  constructor(post, options) {
    super({ highWaterMark: HIGH_WATER_MARK })
    this.#post = post
    this.#options = options
    post.onBroken = replied => this.#broken(replied)
    // As on AWS, an error that nobody listens for is not an uncaught exception.
    this.on('error', () => {})
  }

  /** @throws {InvalidStreamingOperation} after the first write */
  setContentType(contentType) {
    if (this.#written) {
      this.#options.quirks.hint('contentTypeTooLate')
      throw new InvalidStreamingOperation('Cannot set content-type, too late.')
    }
    const text = String(contentType)
    if (/[^\t\x20-\x7e\x80-\xff]/.test(text)) {
      throw Object.assign(new TypeError('Invalid character in header content ["Content-Type"]'), { code: 'ERR_INVALID_CHAR' })
    }
    this.#post.contentType = text
  }

  write(chunk, encoding, callback) {
    if (typeof encoding === 'function') [encoding, callback] = [undefined, encoding]
    if (this.writableEnded) return this.#writeAfterEnd(callback)
    const data = this.#data(chunk)
    if (!this.#begin()) return super.write(data, encoding, callback)
    try {
      return super.write(data, encoding, callback)
    } finally {
      this.uncork()
    }
  }

  end(chunk, encoding, callback) {
    if (typeof chunk === 'function') [chunk, encoding, callback] = [undefined, undefined, chunk]
    else if (typeof encoding === 'function') [encoding, callback] = [undefined, encoding]
    const empty = chunk === undefined || chunk === null
    if (this.writableEnded && !empty) {
      this.#writeAfterEnd(callback)
      return this
    }
    if (!this.#written && !this.writableEnded && typeof this._onBeforeFirstWrite === 'function') {
      if (this.#options.quirks.fixed) this.#begin() // end() uncorks
      else this.#options.quirks.hint('preludeLost', !empty)
    }
    this.#written = true
    // AWS's end() refuses what its write() would turn into JSON; so does Writable.
    if (!empty && this.#options.quirks.fixed) chunk = this.#data(chunk)
    return super.end(chunk, encoding, callback)
  }

  // Before the first write the hook gets its turn. Returns true when it wrote:
  // the stream is corked then, so that all of it leaves together.
  #begin() {
    if (this.#written) return false
    this.#written = true
    if (typeof this._onBeforeFirstWrite !== 'function') return false
    this.cork()
    this._onBeforeFirstWrite(data => super.write(this.#data(data)))
    return true
  }

  #data(chunk) {
    if (typeof chunk === 'string' || Buffer.isBuffer(chunk)) return chunk
    const { quirks, generation } = this.#options
    if (generation >= 4 ? chunk instanceof Uint8Array : chunk?.constructor === Uint8Array) return chunk
    if (ArrayBuffer.isView(chunk)) {
      if (quirks.fixed) return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
      quirks.hint('bytesAsJson', chunk.constructor?.name)
    } else if (types.isAnyArrayBuffer(chunk)) {
      if (quirks.fixed) return Buffer.from(chunk)
      quirks.hint('bytesAsJson', chunk.constructor?.name)
    }
    return JSON.stringify(chunk)
  }

  #writeAfterEnd(callback) {
    const error = Object.assign(new Error('write after end'), { code: 'ERR_STREAM_WRITE_AFTER_END' })
    if (callback) process.nextTick(callback, error)
    // Whoever was still writing when the response failed did nothing wrong.
    if (this.#failed || this.#post.broken) return false
    process.nextTick(() => this.emit('error', error))
    if (!this.#options.quirks.fixed) {
      this.#options.quirks.hint('writeAfterEnd')
      this.#options.onMisused(error)
    }
    return false
  }

  _write(chunk, _encoding, callback) {
    this.#post.send([chunk], callback)
  }

  _writev(items, callback) {
    this.#post.send(items.map(item => item.chunk), callback)
  }

  _final(callback) {
    this.#completing = true
    this.#post.finish(() => this.#trailers, callback)
    this.#options.onEnded()
  }

  _destroy(error, callback) {
    if (!this.#completing && !this.#post.broken) this.#destroyed(error)
    callback(error)
  }

  // By the function, or by a pipeline whose source failed.
  #destroyed(error) {
    const { quirks, onEnded, onMisused } = this.#options
    this.#completing = true
    if (quirks.fixed) {
      this.#failed = true
      this.#trailers = errorTrailers(error ?? new StreamDestroyed('The response stream was destroyed before its end.'))
      this.#post.finish(() => this.#trailers, () => {})
    } else {
      quirks.hint('streamDestroyed')
      this.#post.abort()
      onMisused(error ?? Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' }))
    }
    onEnded()
  }

  #broken(replied) {
    const { quirks, onEnded, onMisused } = this.#options
    const completing = this.#completing
    this.destroy()
    if (!replied && !completing && !quirks.fixed) {
      quirks.hint('connectionLost')
      onMisused(Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' }))
    }
    onEnded()
  }

  #fail(thrown, late) {
    if (this.#post.broken) return
    if (this.writableEnded) {
      if (late && (!this.#completing || this.#post.ending)) this.#trailers = errorTrailers(thrown)
    } else if (!this.destroyed) {
      this.#failed = true
      this.#written = true
      this.#trailers = errorTrailers(thrown)
      super.end()
    }
  }
}

function errorTrailers(thrown) {
  const document = errorDocument(thrown)
  const body = Buffer.from(JSON.stringify(document)).toString('base64')
  return `Lambda-Runtime-Function-Error-Type: ${headerText(document.errorType) || 'Error'}\r\n` +
    `Lambda-Runtime-Function-Error-Body: ${body}\r\n`
}
