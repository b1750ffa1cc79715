// The Runtime API as the runtime uses it (docs/contract/runtime-api.md §2). One
// connection carries everything in order: /next, then /response or /error with
// the following /next right behind it. A report that must not wait for that
// order (a fatal error while a response is open) takes a connection of its own.

import { Connection } from './connection.mjs'
import { errorDocument, headerText, xrayCause } from './errors.mjs'
import { ResponsePost } from './response-post.mjs'

const INVOCATION = '/2018-06-01/runtime/invocation/'
const INIT_ERROR = '/2018-06-01/runtime/init/error'

// How often the connection may break in /next, without any reply in between,
// before the Runtime API counts as gone.
const RETRIES = 3
// How long a dying process waits for the answer to its last words.
const REPORT_MILLIS = 3000

/** The Runtime API can't be reached, or refuses to give events. */
export class RuntimeApiGone extends Error {
  /** @param {number} [status] of the refusal, if there was one */
  constructor(message, status) {
    super(message)
    this.status = status
  }
}

export class RuntimeApi {
  #endpoint
  #host
  #connection = null
  #next
  #waiter = null // whoever waits in next()
  #asked = false // a GET /next is on its way
  #event = null // an event, or the error instead of one, that nobody waits for yet
  #broken = 0
  #bodyOpen = false // a request body is being written on the connection

  /** @param {{path?: string, host?: string, port?: number, authority: string}} endpoint */
  constructor(endpoint) {
    this.#endpoint = endpoint
    this.#host = `Host: ${endpoint.authority}\r\n`
    this.#next = `GET ${INVOCATION}next HTTP/1.1\r\n${this.#host}User-Agent: sluice-node/${process.versions.node}\r\n\r\n`
  }

  /** Connects ahead of the first request, so that it overlaps with loading the function. */
  connect() {
    this.connection().keepAlive(false)
  }

  /** The connection for the next request; a new one when the last one broke. */
  connection() {
    return this.#connection ??= new Connection(this.#endpoint, lost => {
      if (this.#connection === lost) this.#connection = null
    })
  }

  /** Drops a connection; the next request opens another one. */
  discard(connection) {
    if (this.#connection === connection) this.#connection = null
    connection.destroy()
  }

  /**
   * Waits for the next event, which somebody asks for: askNext, respond, fail,
   * or the end of a streamed response that is followed.
   * @returns {Promise<Event>}
   * @throws {RuntimeApiGone}
   */
  next() {
    return new Promise((resolve, reject) => {
      this.#waiter = { resolve, reject }
      if (this.#event) this.#hand()
    })
  }

  /**
   * Asks for the next event.
   * @param {(request: string) => void} [send] writes the request behind what
   *   it has to write first; all of it on connection()
   */
  askNext(send) {
    const connection = this.connection()
    this.#asked = true
    connection.keepAlive(true)
    const ask = () => connection.expect(reply => this.#arrived(connection, reply), error => this.#lost(connection, error))
    if (send) {
      send(ask, this.#next)
    } else {
      ask()
      connection.write(this.#next)
    }
  }

  /**
   * Posts a buffered result and asks for the next event in the same write.
   * @param {Event} event
   * @param {string} body JSON
   * @param {(problem: string) => void} onRefused
   */
  respond(event, body, onRefused) {
    this.#postThenNext(event, 'response', 'Content-Type: application/json\r\n', body, onRefused)
  }

  /** Posts a failed invocation and asks for the next event in the same write. */
  fail(event, thrown, onRefused) {
    this.#postThenNext(event, 'error', errorHeaders(thrown), JSON.stringify(errorDocument(thrown)), onRefused)
  }

  #postThenNext(event, what, headers, body, onRefused) {
    const request = this.#request(`${INVOCATION}${event.id}/${what}`, echo(event) + headers, body)
    this.askNext((ask, next) => {
      const connection = this.connection()
      connection.expect(
        reply => { if (reply.status < 200 || reply.status > 299) onRefused(`Http response code: ${reply.status}.`) },
        error => onRefused(`${error.message}.`))
      ask()
      connection.write(request + next)
    })
  }

  /** Opens a streamed response; nothing is sent before its first byte. */
  openResponse(event) {
    return new ResponsePost(this, `POST ${INVOCATION}${event.id}/response HTTP/1.1\r\n${this.#host}${echo(event)}`)
  }

  /** Marks that a request body is open on connection(), see report. */
  bodyOpen(open) {
    this.#bodyOpen = open
  }

  /** Reports a failed invocation without asking for another event; see initError. */
  reportError(event, thrown) {
    const path = `${INVOCATION}${event.id}/error`
    return this.#report(path, echo(event) + errorHeaders(thrown), thrown)
  }

  /** Reports a failed init. Resolves when the report was answered or can't be. */
  initError(thrown) {
    const type = headerText(errorDocument(thrown).errorType) || 'Error'
    return this.#report(INIT_ERROR, `Content-Type: application/json\r\nLambda-Runtime-Function-Error-Type: ${type}\r\n`, thrown)
  }

  #report(path, headers, thrown) {
    return new Promise(resolve => {
      const busy = this.#bodyOpen || this.#asked
      const connection = busy ? new Connection(this.#endpoint, () => {}) : this.connection()
      connection.keepAlive(true)
      connection.expect(resolve, resolve)
      connection.write(this.#request(path, headers, JSON.stringify(errorDocument(thrown))))
      setTimeout(resolve, REPORT_MILLIS)
    })
  }

  #request(path, headers, body) {
    return `POST ${path} HTTP/1.1\r\n${this.#host}${headers}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  }

  #arrived(connection, reply) {
    this.#asked = false
    this.#broken = 0
    connection.keepAlive(false)
    this.#event = readEvent(reply)
    this.#hand()
  }

  // Asking again is safe: an event that was handed out and not answered is
  // handed out again.
  #lost(connection, error) {
    this.#asked = false
    if (this.#connection === connection) this.#connection = null
    if (connection.connected && ++this.#broken < RETRIES) {
      this.askNext()
      return
    }
    const at = this.#endpoint.path ?? this.#endpoint.authority
    this.#event = new RuntimeApiGone(`the Runtime API at ${at} is gone: ${error.message}`)
    this.#hand()
  }

  #hand() {
    if (!this.#waiter) return
    const { resolve, reject } = this.#waiter
    const event = this.#event
    this.#waiter = this.#event = null
    if (event instanceof Error) reject(event)
    else resolve(event)
  }
}

/**
 * One invocation as /next describes it. Absent headers are undefined.
 * @typedef {object} Event
 * @property {string} id
 * @property {number} deadline Unix time in milliseconds
 * @property {string} arn
 * @property {string} [traceId]
 * @property {string} [clientContext] JSON
 * @property {string} [identity] JSON
 * @property {string} [tenantId]
 * @property {string} [attempt] Lambda-Runtime-Invocation-Id, echoed in replies
 * @property {Buffer} payload JSON
 */

/** @returns {Event | RuntimeApiGone} */
function readEvent({ status, headers, body }) {
  if (status !== 200) {
    return new RuntimeApiGone(`the Runtime API refused to give an event: ${status} ${body.toString().trim().slice(0, 500)}`, status)
  }
  const id = headers.get('lambda-runtime-aws-request-id')
  if (!id || !/^[\x21-\x7e]+$/.test(id)) {
    return new RuntimeApiGone('the Runtime API gave an event without a usable Lambda-Runtime-Aws-Request-Id')
  }
  const optional = name => headers.get(name) || undefined
  return {
    id,
    deadline: Number(headers.get('lambda-runtime-deadline-ms')),
    arn: headers.get('lambda-runtime-invoked-function-arn'),
    traceId: optional('lambda-runtime-trace-id'),
    clientContext: optional('lambda-runtime-client-context'),
    identity: optional('lambda-runtime-cognito-identity'),
    tenantId: optional('lambda-runtime-aws-tenant-id'),
    attempt: optional('lambda-runtime-invocation-id'),
    payload: body,
  }
}

function echo(event) {
  return event.attempt ? `Lambda-Runtime-Invocation-Id: ${event.attempt}\r\n` : ''
}

function errorHeaders(thrown) {
  const cause = xrayCause(thrown)
  return 'Content-Type: application/json\r\n' + (cause && `Lambda-Runtime-Function-XRay-Error-Cause: ${cause}\r\n`)
}
