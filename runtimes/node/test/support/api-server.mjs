// A Runtime API for tests: raw sockets, so that tests see what is really on the
// wire (reads, chunks, trailers, connections) and can misbehave on request.

import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { randomUUID } from 'node:crypto'

const NEXT = '/2018-06-01/runtime/invocation/next'

/** One request of the runtime. */
class Request {
  head = ''
  method = ''
  path = ''
  headers = []
  chunks = []
  trailers = []
  complete = false
  constructor(connection) {
    this.connection = connection
    this.done = new Promise(resolve => { this.finish = resolve })
    this.watchers = new Set()
  }

  header(name) {
    return this.headers.find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1]
  }

  trailer(name) {
    return this.trailers.find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1]
  }

  get body() {
    return Buffer.concat(this.chunks)
  }

  get text() {
    return this.body.toString()
  }

  get json() {
    return JSON.parse(this.text)
  }

  /** The error of the trailers, decoded. */
  get trailerError() {
    const body = this.trailer('Lambda-Runtime-Function-Error-Body')
    return body && JSON.parse(Buffer.from(body, 'base64').toString())
  }

  /** Resolves when test() holds, at the latest when the request is over. */
  async until(test) {
    while (!test(this)) {
      if (this.over) throw new Error(`the request ended first: ${this.text.slice(0, 300)}`)
      await new Promise(resolve => this.watchers.add(resolve))
    }
    return this
  }

  changed() {
    const watchers = [...this.watchers]
    this.watchers.clear()
    for (const watcher of watchers) watcher()
  }

  close(complete) {
    if (this.over) return
    this.over = true
    this.complete = complete
    this.changed()
    this.finish(this)
  }
}

/** One connection; parses its requests byte-exactly and in order. */
class Connection {
  buffer = Buffer.alloc(0)
  reads = []
  request = null
  step = this.readHead
  constructor(server, socket) {
    this.server = server
    this.socket = socket
    socket.on('data', data => {
      this.reads.push(data)
      this.buffer = this.buffer.length ? Buffer.concat([this.buffer, data]) : data
      while (this.step()) { /* as far as the bytes go */ }
      this.request?.changed()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      this.closed = true
      this.request?.close(false)
      server.connections.delete(this)
    })
  }

  take(length) {
    const part = this.buffer.subarray(0, length)
    this.buffer = this.buffer.subarray(length)
    return part
  }

  line() {
    const end = this.buffer.indexOf('\r\n')
    return end < 0 ? null : this.take(end + 2).toString('latin1').slice(0, -2)
  }

  readHead() {
    const end = this.buffer.indexOf('\r\n\r\n')
    if (end < 0) return false
    const request = this.request = new Request(this)
    request.read = this.reads.length
    request.head = this.take(end + 4).toString('latin1')
    const [first, ...lines] = request.head.trimEnd().split('\r\n')
    ;[request.method, request.path] = first.split(' ')
    request.headers = lines.map(line => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()])
    this.missing = Number(request.header('content-length') ?? 0)
    this.step = request.header('transfer-encoding') === 'chunked' ? this.readSize : this.readBody
    this.server.began(request)
    return true
  }

  readBody() {
    if (this.buffer.length < this.missing) return false
    if (this.missing) this.request.chunks.push(this.take(this.missing))
    return this.end()
  }

  readSize() {
    const line = this.line()
    if (line === null) return false
    if (!/^[0-9a-f]+$/.test(line)) throw new Error(`bad chunk size ${JSON.stringify(line)}`)
    this.missing = parseInt(line, 16)
    this.step = this.missing ? this.readChunk : this.readTrailer
    return true
  }

  readChunk() {
    if (this.buffer.length < this.missing + 2) return false
    this.request.chunks.push(Buffer.from(this.take(this.missing)))
    if (this.take(2).toString() !== '\r\n') throw new Error('chunk without its end')
    this.step = this.readSize
    return true
  }

  readTrailer() {
    const line = this.line()
    if (line === null) return false
    if (line === '') return this.end()
    this.request.trailers.push([line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()])
    return true
  }

  end() {
    const request = this.request
    this.request = null
    this.step = this.readHead
    request.endRead = this.reads.length
    this.server.ended(request)
    request.close(true)
    return true
  }
}

export class ApiServer {
  connections = new Set()
  accepted = 0
  requests = []
  /** Called instead of the usual answer, when set. Returns true if it answered. */
  onRequest = null
  #parked = []
  #queue = []
  #calls = new Map()
  #watchers = new Set()

  static async start({ unix = true } = {}) {
    const api = new ApiServer()
    api.server = net.createServer(socket => {
      api.accepted++
      socket.setNoDelay(true)
      api.connections.add(new Connection(api, socket))
    })
    await new Promise((resolve, reject) => {
      api.server.on('error', reject)
      if (unix) {
        api.path = path.join(os.tmpdir(), `sluice-test-${randomUUID()}.sock`)
        api.server.listen(api.path, resolve)
      } else {
        api.server.listen(0, '127.0.0.1', resolve)
      }
    })
    api.authority = unix ? '127.0.0.1:9001' : `127.0.0.1:${api.server.address().port}`
    return api
  }

  /**
   * Queues an event; the call resolves its posts.
   * @returns {{id: string, began: Promise<Request>, done: Promise<Request>}}
   */
  invoke(event = {}, headers = {}) {
    const id = headers['Lambda-Runtime-Aws-Request-Id'] ?? randomUUID()
    const call = { id, posts: [] }
    call.began = new Promise(resolve => { call.onBegan = resolve })
    call.done = call.began.then(request => request.done)
    this.#calls.set(id, call)
    this.#queue.push({ id, headers, body: typeof event === 'string' ? event : JSON.stringify(event) })
    this.#serve()
    return call
  }

  /** Resolves when the runtime waits for an event. */
  async parked() {
    while (this.#parked.length === 0 || this.#queue.length > 0) await this.changed()
  }

  /** Resolves with the first request that test accepts, seen or to come. */
  async request(test) {
    for (;;) {
      const found = this.requests.find(test)
      if (found) return found
      await this.changed()
    }
  }

  changed() {
    return new Promise(resolve => this.#watchers.add(resolve))
  }

  #change() {
    const watchers = [...this.#watchers]
    this.#watchers.clear()
    for (const watcher of watchers) watcher()
  }

  began(request) {
    this.requests.push(request)
    if (this.requests.length > 200) this.requests.shift()
    const id = /invocation\/([^/]+)\/(?:response|error)$/.exec(request.path)?.[1]
    const call = this.#calls.get(id)
    if (call) {
      call.posts.push(request)
      call.onBegan(request)
      request.done.then(() => this.#calls.delete(id))
    }
    this.#change()
  }

  ended(request) {
    if (this.onRequest?.(request)) return
    if (request.path === NEXT) {
      this.#parked.push(request)
      this.#serve()
    } else {
      this.reply(request.connection, 202, { 'Content-Type': 'application/json' }, '{"status":"OK"}\n')
    }
    this.#change()
  }

  #serve() {
    while (this.#parked.length > 0 && this.#queue.length > 0) {
      const { connection } = this.#parked.shift()
      if (connection.closed) continue
      const { id, headers, body } = this.#queue.shift()
      this.reply(connection, 200, {
        'Content-Type': 'application/json',
        'Lambda-Runtime-Aws-Request-Id': id,
        'Lambda-Runtime-Deadline-Ms': Date.now() + 30_000,
        'Lambda-Runtime-Invoked-Function-Arn': 'arn:aws:lambda:us-east-1:123456789012:function:test',
        'Lambda-Runtime-Trace-Id': 'Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1',
        ...headers,
      }, body)
    }
  }

  reply(connection, status, headers, body) {
    const lines = Object.entries(headers).filter(([, value]) => value !== undefined).map(([name, value]) => `${name}: ${value}\r\n`)
    connection.socket.write(`HTTP/1.1 ${status} Whatever\r\n${lines.join('')}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
  }

  close() {
    this.server.close()
    for (const { socket } of this.connections) socket.destroy()
  }
}
