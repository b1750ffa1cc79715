// The connection to the Runtime API: replies in any segmentation, broken
// connections, refusals (docs/contract/runtime-api.md §2-4).

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProtocolError, ReplyParser } from '../replies.mjs'
import { start } from './support/harness.mjs'

const NEXT = '/2018-06-01/runtime/invocation/next'
const stream = body => `
  const sleep = ms => new Promise(resolve => setTimeout(resolve, ms))
  export const handler = awslambda.streamifyResponse(async (event, s) => { if (event.ok) return s.end('ok'); ${body} })`

function parse(pieces, end = false) {
  const replies = []
  const parser = new ReplyParser(reply => replies.push([reply.status, Object.fromEntries(reply.headers), reply.body.toString()]))
  for (const piece of pieces) parser.push(Buffer.from(piece))
  if (end) parser.end()
  return replies
}

const WIRE = 'HTTP/1.1 100 Continue\r\n\r\n' +
  'HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nCONTENT-LENGTH: 4\r\n\r\n"ok"' +
  'HTTP/1.1 204\r\nX: :y\r\n\r\n' +
  'HTTP/1.0 202 \r\nContent-Length: 0\r\n\r\n' +
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nE:\r\n\r\n2;x=y\r\nżé'.replace('2;', '4;') + '\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n' +
  'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}'
const REPLIES = [
  [202, { 'content-type': 'application/json', 'content-length': '4' }, '"ok"'],
  [204, { x: ':y' }, ''],
  [202, { 'content-length': '0' }, ''],
  [200, { 'transfer-encoding': 'chunked', e: '' }, 'żé0123456789'],
  [200, { 'content-length': '2' }, '{}'],
]

test('replies are parsed at any split', () => {
  const wire = Buffer.from(WIRE)
  assert.deepEqual(parse([wire]), REPLIES)
  assert.deepEqual(parse([...wire].map(byte => [byte])), REPLIES)
  for (let at = 1; at < wire.length; at++) assert.deepEqual(parse([wire.subarray(0, at), wire.subarray(at)]), REPLIES)
})

test('a reply without a length lasts until the connection closes', () => {
  assert.deepEqual(parse(['HTTP/1.1 200 OK\r\n\r\nab', 'c']), [])
  assert.deepEqual(parse(['HTTP/1.1 200 OK\r\n\r\nab', 'c'], true), [[200, {}, 'abc']])
})

test('what is not HTTP is refused', () => {
  for (const wire of [
    'SSH-2.0-OpenSSH\r\n\r\n', 'HTTP/2 200\r\n\r\n', 'HTTP/1.1 20 OK\r\n\r\n', 'HTTP/1.1 200 OK\r\nno colon\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n', 'HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n', 'x'.repeat((1 << 20) + 1),
  ]) assert.throws(() => parse([wire]), ProtocolError, wire.slice(0, 80))
})

test('random bytes never do worse than a ProtocolError', () => {
  let seed = 1
  const random = n => (seed = (seed * 48271) % 2147483647) % n
  for (let round = 0; round < 3000; round++) {
    const wire = Buffer.from(WIRE)
    for (let i = random(8); i >= 0; i--) wire[random(wire.length)] = random(256)
    const pieces = []
    for (let at = 0; at < wire.length;) pieces.push(wire.subarray(at, at += 1 + random(40)))
    try {
      parse(pieces, true)
    } catch (error) {
      assert.ok(error instanceof ProtocolError, error.stack)
    }
  }
})

test('an event that arrives byte by byte', async t => {
  const fn = await start(t, 'export const handler = async e => e', {
    onRequest(request) {
      if (request.path !== NEXT || fn.served) return false
      fn.served = true
      const { socket } = request.connection
      const wire = Buffer.from('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nlambda-runtime-aws-request-id: id-1\r\nContent-Length: 9\r\n\r\n{"a":"ż"}'.replace('9', '10'))
      void (async () => {
        for (const byte of wire) {
          socket.write(Buffer.from([byte]))
          await new Promise(resolve => setImmediate(resolve))
        }
      })()
      return true
    },
  })
  const request = await fn.api.request(r => r.path.endsWith('/id-1/response'))
  assert.equal((await request.done).text, '{"a":"ż"}')
})

test('a connection that breaks in /next is opened again', async t => {
  const fn = await start(t, 'export const handler = async e => e')
  await fn.api.parked()
  for (const connection of fn.api.connections) connection.socket.destroy()
  while (fn.api.accepted < 2 || [...fn.api.connections].some(connection => connection.closed)) await fn.api.changed()
  assert.deepEqual((await fn.run({ again: true })).json, { again: true })
  assert.equal(fn.api.accepted, 2)
})

test('a connection that breaks while the handler runs is opened again for its result', async t => {
  const fn = await start(t, 'export const handler = async e => { await new Promise(resolve => setTimeout(resolve, 100)); return e }')
  await fn.api.parked()
  const call = fn.invoke({ a: 1 })
  setTimeout(() => { for (const connection of fn.api.connections) connection.socket.destroy() }, 20)
  assert.deepEqual((await call.done).json, { a: 1 })
})

test('a Runtime API that closes every connection ends the process', async t => {
  const fn = await start(t, 'export const handler = async e => e', {
    onRequest(request) {
      request.connection.socket.destroy()
      return true
    },
  })
  assert.equal(await fn.exit, 129)
  assert.match(fn.stderr, /^\[sluice\] the Runtime API at .* is gone: /)
  assert.equal(fn.api.accepted, 3)
})

test('a Runtime API that stops ends the process', async t => {
  for (const [generation, code] of [[3, 129], [4, 1]]) {
    const fn = await start(t, 'export const handler = async e => e', { generation })
    await fn.run()
    fn.api.close()
    assert.equal(await fn.exit, code)
    assert.match(fn.stderr, /^\[sluice\] the Runtime API at .* is gone: .*\n$/)
  }
})

test('a refused /next: generation 3 reports an init error and exits with 129, generation 4 exits with 1', async t => {
  const onRequest = fn => request => {
    if (request.path !== NEXT) return false
    fn().api.reply(request.connection, 403, {}, '{"errorMessage":"no","errorType":"InvalidStateTransition"}')
    return true
  }
  const three = await start(t, 'export const handler = async e => e', { onRequest: onRequest(() => three) })
  assert.equal(await three.exit, 129)
  assert.ok(three.api.requests.some(r => r.path.endsWith('/init/error')))
  assert.match(three.stderr, /refused to give an event: 403 .*InvalidStateTransition/)
  const four = await start(t, 'export const handler = async e => e', { generation: 4, onRequest: onRequest(() => four) })
  assert.equal(await four.exit, 1)
  assert.ok(!four.api.requests.some(r => r.path.endsWith('/init/error')))
})

test('an event without a request id ends the process with a line', async t => {
  const fn = await start(t, 'export const handler = async e => e')
  fn.invoke({}, { 'Lambda-Runtime-Aws-Request-Id': '' })
  assert.equal(await fn.exit, 129)
  assert.match(fn.stderr, /without a usable Lambda-Runtime-Aws-Request-Id/)
})

test('an event without Content-Type is no problem', async t => {
  const fn = await start(t, 'export const handler = async e => e')
  assert.deepEqual((await fn.run({ a: 1 }, { 'Content-Type': undefined })).json, { a: 1 })
})

for (const generation of [3, 4]) {
  test(`generation ${generation}: the platform answers early and closes: writes are dropped, close fires, life goes on`, async t => {
    const fn = await start(t, stream(`
      s.on('close', () => console.log('closed', s.destroyed, s.writableFinished))
      s.write('a'); await sleep(50)
      for (let i = 0; i < 20; i++) { s.write('x'.repeat(1000)); await sleep(1) }
      s.end()`), { generation })
    const { connection } = await fn.invoke().began
    fn.api.reply(connection, 413, {}, '{}')
    connection.socket.end()
    assert.equal((await fn.run({ ok: true })).text, 'ok')
    await fn.settled()
    assert.match(fn.log, /closed true false/)
    assert.deepEqual(fn.hints, [])
    assert.equal(fn.stderr, '')
  })

  test(`generation ${generation}: the platform answers early and reads on: everything is sent`, async t => {
    const fn = await start(t, stream("s.write('a'); await sleep(50); s.write('b'); s.end()"), { generation })
    const call = fn.invoke()
    const { connection } = await call.began
    let replied = false
    fn.api.onRequest = request => request.path.endsWith('/response') && !replied && (replied = true)
    fn.api.reply(connection, 413, {}, '{}')
    assert.equal((await call.done).text, 'ab')
    fn.api.onRequest = null
    assert.equal((await fn.run({ ok: true })).text, 'ok')
    assert.equal(fn.stderr, '')
  })

  const cut = "s.on('close', () => console.log('closed')); s.write('a'); await sleep(50); s.write('b'); s.end()"
  test(`connectionLost, generation ${generation}: the process ends, with a hint`, async t => {
    const fn = await start(t, stream(cut), { generation })
    const call = fn.invoke()
    const { connection } = await call.began
    connection.socket.destroy()
    assert.equal(await fn.exit, generation === 4 ? 1 : 128)
    assert.match(fn.hints.join(), /closed in the middle of the response/)
    const error = fn.api.requests.find(r => r.path.endsWith(`${call.id}/error`))
    if (generation === 4) assert.equal(error, undefined)
    else assert.equal(error.json.errorMessage, 'Error: socket hang up')
  })

  test(`connectionLost, generation ${generation}, fixed: writes are dropped, life goes on`, async t => {
    const fn = await start(t, stream(cut), { generation, quirks: 'fixed' })
    const { connection } = await fn.invoke().began
    connection.socket.destroy()
    assert.equal((await fn.run({ ok: true })).text, 'ok')
    await fn.settled()
    assert.match(fn.log, /closed/)
    assert.deepEqual(fn.hints, [])
  })
}
