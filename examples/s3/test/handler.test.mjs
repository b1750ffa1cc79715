// The handler with streams that break on either side at a moment of our choosing:
// a response stream that fails, which no client can bring about, and an S3 that
// answers with what it is told to.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { Writable } from 'node:stream'
import { after, before, test } from 'node:test'

const MB = 1024 * 1024
let handler
let answer // of S3, for the next requests
const server = createServer((request, response) => answer(request, response))

after(() => server.close().closeAllConnections())
before(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  Object.assign(process.env, {
    S3_BUCKET: 'bucket', S3_ENDPOINT: `http://127.0.0.1:${server.address().port}`,
    AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret', AWS_REGION: 'us-east-1', AWS_MAX_ATTEMPTS: '1',
  })
  globalThis.awslambda = {
    streamifyResponse: handler => handler,
    HttpResponseStream: { from: (stream, prelude) => Object.assign(stream, { prelude }) },
  }
  handler = (await import('../index.mjs')).handler
})

const event = headers => ({ rawPath: '/objects/a', requestContext: { http: { method: 'GET' } }, headers })

// A response whose reader takes what it is asked to take.
function reader(options) {
  const stream = new Writable({ write(piece, _encoding, done) { stream.bytes += piece.length; done() }, ...options })
  stream.bytes = 0
  stream.on('error', () => {}) // as in the runtime
  return stream
}

const begins = response => response.writeHead(200, { 'content-length': 64 * MB, etag: '"1"' })

// pours writes until its reader stops it, and says how much that took.
function pours(response, most) {
  let sent = 0
  const piece = Buffer.alloc(64 * 1024)
  const pour = () => {
    while (sent < most) {
      sent += piece.length
      if (!response.write(piece)) return response.once('drain', pour)
    }
  }
  pour()
  return () => sent
}

test('S3 is hung up on when the response breaks', async t => {
  const log = t.mock.method(console, 'log', () => {})
  const closed = new Promise(resolve => {
    answer = (_request, response) => {
      begins(response)
      response.on('close', () => resolve(response.writableFinished))
      pours(response, 64 * MB)
    }
  })
  const stream = reader({ write(piece, _encoding, done) {
    stream.bytes += piece.length
    if (stream.bytes > MB) stream.destroy(new Error('socket hang up'))
    done()
  } })
  await handler(event({}), stream)
  assert.equal(await closed, false)
  assert.deepEqual(log.mock.calls.map(call => call.arguments[0]), ['stopped: a: the response broke off'])
})

test('S3 waits for a reader that is behind', async () => {
  let sent
  answer = (_request, response) => {
    begins(response)
    sent = pours(response, 64 * MB)
  }
  const stream = reader({ highWaterMark: 16 * 1024, write() {} }) // nothing is ever taken
  const handled = handler(event({}), stream)
  // The sockets between the two are full when nothing moves any more.
  for (let last = -1, still = 0; still < 20;) {
    await new Promise(resolve => setTimeout(resolve, 25))
    const now = sent?.() ?? -1
    still = now > 0 && now === last ? still + 1 : 0
    last = now
  }
  assert.ok(sent() < 32 * MB, `${sent()} bytes were read`)
  stream.destroy()
  await handled
})

test('the response breaks when S3 breaks off', async () => {
  answer = (_request, response) => {
    begins(response)
    response.write(Buffer.alloc(MB), () => response.destroy())
  }
  const stream = reader()
  await assert.rejects(handler(event({}), stream), /S3 broke off/)
  assert.equal(stream.prelude.statusCode, 200)
  assert.ok(!stream.writableEnded)
  // What is thrown breaks the response; destroying it would end the process too.
  assert.ok(!stream.destroyed)
})

test('an object that is replaced between the look and the read is asked for again', async () => {
  answer = (request, response) => {
    if (request.method === 'HEAD') return response.writeHead(200, { 'content-length': 10, etag: '"1"', 'last-modified': new Date(0).toUTCString() }).end()
    assert.equal(request.headers['if-match'], '"1"')
    response.writeHead(412).end('<Error><Code>PreconditionFailed</Code></Error>')
  }
  const stream = reader()
  await handler(event({ range: 'bytes=1-2' }), stream)
  assert.equal(stream.prelude.statusCode, 503)
  assert.equal(stream.prelude.headers['retry-after'], '1')
})

for (const [status, code, want] of [
  [403, 'AccessDenied', 403],
  [403, 'InvalidObjectState', 409],
  [403, 'InvalidAccessKeyId', 502],
  [404, 'NoSuchKey', 404],
  [404, 'NoSuchBucket', 502],
  [500, 'InternalError', 502],
  [503, 'SlowDown', 503],
]) {
  test(`S3's ${code} becomes ${want}, and its words stay in the log`, async t => {
    const log = t.mock.method(console, 'error', () => {})
    answer = (_request, response) => response.writeHead(status, { 'content-type': 'application/xml' }).end(`<Error><Code>${code}</Code><Message>bucket-4711</Message></Error>`)
    let body = ''
    const stream = reader({ decodeStrings: false, write(piece, _encoding, done) { body += piece; done() } })
    await handler(event({}), stream)
    assert.equal(stream.prelude.statusCode, want)
    assert.ok(JSON.parse(body).error.message.endsWith('.'))
    assert.ok(!body.includes('4711'))
    assert.equal(log.mock.callCount() > 0, ![404, 409].includes(want))
  })
}
