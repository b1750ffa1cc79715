// The page's side of a download against a real server, with what a browser can't
// be made to meet at will.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'

import { Transfer } from '../transfer.mjs'

const content = Buffer.alloc(300_000, 'water under the bridge, ')

function digest(bytes) {
  const sum = Buffer.alloc(4)
  sum.writeUInt32BE(crc32(bytes))
  return `crc32=:${sum.toString('base64')}:`
}

// serve answers each request with the next turn and keeps its headers.
async function serve(t, ...turns) {
  const asked = []
  const server = createServer((request, response) => {
    asked.push(request.headers)
    turns.shift()(response, transfer)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close().closeAllConnections())
  const transfer = new Transfer(`http://127.0.0.1:${server.address().port}/`, content.length, () => {})
  return { transfer, asked }
}

const head = (etag, bytes = content) => ({ etag, 'repr-digest': digest(bytes), 'x-object-size': String(bytes.length) })

const until = condition => new Promise(resolve => {
  const look = () => condition() ? resolve() : setImmediate(look)
  look()
})

// breaks sends bytes and cuts the connection when they have arrived.
const breaks = (headers, bytes) => async (response, transfer) => {
  response.writeHead(200, headers).write(bytes)
  await until(() => transfer.received === bytes.length)
  response.destroy()
}

test('what broke off goes on where it was, if it is the same object', async t => {
  const { transfer, asked } = await serve(t, breaks(head('"1"'), content.subarray(0, 100_000)), response => {
    response.writeHead(206, { ...head('"1"'), 'content-range': `bytes 100000-299999/300000` }).end(content.subarray(100_000))
  })
  await transfer.run()
  assert.equal(transfer.state, 'failed')
  assert.equal(transfer.message, 'The response broke off. What has arrived is kept: Resume gets the rest.')
  assert.equal(transfer.received, 100_000)
  await transfer.run()
  assert.equal(transfer.state, 'complete')
  assert.equal(transfer.verdict.kind, 'verified')
  assert.deepEqual(Buffer.from(await transfer.blob.arrayBuffer()), content)
  assert.equal(asked[0].range, undefined)
  assert.equal(asked[1].range, 'bytes=100000-')
  assert.equal(asked[1]['if-range'], '"1"')
  assert.equal(transfer.resumed.length, 1)
})

test('an object that was replaced begins anew', async t => {
  const other = Buffer.from('another object')
  const { transfer } = await serve(t, breaks(head('"1"'), content.subarray(0, 100_000)), response => response.writeHead(200, head('"2"', other)).end(other))
  await transfer.run()
  await transfer.run()
  assert.equal(transfer.verdict.kind, 'verified')
  assert.equal(await transfer.blob.text(), 'another object')
  assert.equal(transfer.size, other.length)
})

test('without a strong tag there is nothing to go on from', async t => {
  const { transfer, asked } = await serve(t, breaks(head('W/"1"'), content.subarray(0, 100_000)), response => response.writeHead(200, head('W/"1"')).end(content))
  await transfer.run()
  await transfer.run()
  assert.equal(asked[1].range, undefined)
  assert.equal(transfer.verdict.kind, 'verified')
})

test('what broke at its very end begins anew', async t => {
  const { transfer, asked } = await serve(t, breaks(head('"1"'), content), response => response.writeHead(200, head('"1"')).end(content))
  await transfer.run()
  assert.match(transfer.message, /at its very end/)
  await transfer.run()
  assert.equal(asked[1].range, undefined)
  assert.equal(transfer.verdict.kind, 'verified')
})

test('a response that breaks at a quota of Lambda says so, one that is resumed as well', async t => {
  const MB = 1024 * 1024, large = Buffer.alloc(41 * MB, 'water'), headers = head('"1"', large)
  const { transfer } = await serve(t, breaks(headers, large.subarray(0, 20 * MB)), async (response, transfer) => {
    response.writeHead(206, headers).write(large.subarray(20 * MB, 40 * MB - 1000))
    await until(() => transfer.received === 40 * MB - 1000)
    response.destroy()
  }, response => response.destroy())
  for (let turn = 0; turn < 2; turn++) {
    await transfer.run()
    assert.match(transfer.message, /broke off at 20 MB, Lambda's quota/)
  }
  await transfer.run()
  assert.doesNotMatch(transfer.message, /Lambda/)
})

test('a connection that fails is not called a response', async t => {
  const { transfer } = await serve(t, response => response.destroy())
  await transfer.run()
  assert.equal(transfer.message, 'The connection broke before anything arrived.')
})

test('a checksum that the browser refuses to compute is no failure', async t => {
  t.mock.method(crypto.subtle, 'digest', () => Promise.reject(new DOMException('too large')))
  const { transfer } = await serve(t, response => response.writeHead(200, { ...head('"1"'), 'repr-digest': 'sha-256=:AA==:' }).end(content))
  await transfer.run()
  assert.equal(transfer.state, 'complete')
  assert.deepEqual(transfer.verdict, { kind: 'unchecked', text: "Not checked: this browser can't compute its SHA-256 here." })
})

test('a response that ends too early is not complete', async t => {
  const { transfer } = await serve(t, response => response.writeHead(200, head('"1"')).end(content.subarray(0, 50)))
  await transfer.run()
  assert.equal(transfer.state, 'failed')
  assert.match(transfer.message, /before it was complete/)
})

test('bytes that differ are damaged', async t => {
  const { transfer } = await serve(t, response => {
    const damaged = Buffer.from(content)
    damaged[200_000] ^= 1
    response.writeHead(200, head('"1"')).end(damaged)
  })
  await transfer.run()
  assert.equal(transfer.verdict.kind, 'damaged')
})

test('a pause keeps what is there, and the clock stands still', async t => {
  const { transfer, asked } = await serve(t, response => {
    response.writeHead(200, head('"1"'))
    response.write(content.subarray(0, 1000)) // and nothing more
  }, response => response.writeHead(206, head('"1"')).end(content.subarray(1000)))
  const running = transfer.run()
  await until(() => transfer.received > 0)
  transfer.pause()
  await running
  const { elapsed, received } = transfer
  assert.equal(transfer.state, 'paused')
  await transfer.run()
  assert.equal(asked[1].range, `bytes=${received}-`)
  assert.equal(transfer.verdict.kind, 'verified')
  assert.ok(transfer.elapsed >= elapsed)
})

test('a refusal is shown in the words of the function', async t => {
  const { transfer } = await serve(t, response => response.writeHead(404).end('{"error":{"message":"There is no such object."}}'))
  await transfer.run()
  assert.equal(transfer.message, 'There is no such object.')
})

test('what the browser unpacks is not checked, nor gone on with', async t => {
  const { transfer } = await serve(t, response => response.writeHead(200, { ...head('"1"'), 'content-encoding': 'identity' }).end('unpacked'))
  await transfer.run()
  assert.equal(transfer.state, 'complete')
  assert.equal(transfer.verdict.kind, 'unchecked')
})
