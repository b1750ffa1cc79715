// One connection to the Runtime API: a raw socket and the replies that are due
// on it, in order. It knows HTTP's framing and nothing of its meaning.

import net from 'node:net'
import { ProtocolError, ReplyParser } from './replies.mjs'

export class Connection {
  /** Why the connection is gone; undefined while it is usable. */
  lost
  /** True once it was connected. */
  connected = false
  /** Called when it breaks, for whoever is in the middle of a request. */
  onBroken = null
  #socket
  #due = []
  #onLost

  /**
   * Starts to connect; requests may be written at once.
   * @param {{path?: string, host?: string, port?: number}} endpoint
   * @param {(connection: Connection) => void} onLost called once, after the
   *   failures of all replies that were due
   */
  constructor(endpoint, onLost) {
    this.#onLost = onLost
    const parser = new ReplyParser(reply => this.#replied(reply))
    const socket = endpoint.path ? net.connect(endpoint.path) : net.connect(endpoint.port, endpoint.host)
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('connect', () => { this.connected = true })
    socket.on('data', data => {
      try {
        parser.push(data)
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error
        socket.destroy(error)
      }
    })
    socket.on('end', () => parser.end())
    let cause
    socket.on('error', error => { cause = error })
    socket.on('close', () => this.#closed(cause))
  }

  /**
   * Registers the request that is about to be written. Exactly one of the two
   * is called, replies in the order of the requests.
   * @param {(reply: import('./replies.mjs').Reply) => void} onReply
   * @param {(error: Error) => void} onLost
   */
  expect(onReply, onLost) {
    this.#due.push({ onReply, onLost })
  }

  /** Writes text or bytes; done is called when the system has them, or never will. */
  write(data, done) {
    if (typeof data === 'string') this.#socket.write(data, 'utf8', done)
    else this.#socket.write(data, done)
  }

  /** Lets the writes of fill leave in one piece. */
  together(fill) {
    this.#socket.cork()
    try {
      fill()
    } finally {
      this.#socket.uncork()
    }
  }

  /** Whether this connection alone keeps the process alive. */
  keepAlive(yes) {
    if (yes) this.#socket.ref()
    else this.#socket.unref()
  }

  destroy() {
    this.#socket.destroy()
  }

  #replied(reply) {
    const request = this.#due.shift()
    if (request) request.onReply(reply)
    else this.#socket.destroy(new ProtocolError(`reply ${reply.status} without a request`))
  }

  #closed(cause) {
    this.lost = cause ?? Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' })
    const due = this.#due
    this.#due = []
    this.onBroken?.()
    for (const request of due) request.onLost(this.lost)
    this.#onLost(this)
  }
}
