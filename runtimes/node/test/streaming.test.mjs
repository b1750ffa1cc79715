// docs/contract/node-runtime.md §4.1-4.3 and streaming-clients.md §1: what a
// streaming handler puts on the wire.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { start } from './support/harness.mjs'

const INTEGRATION = 'application/vnd.awslambda.http-integration-response'
const NUL8 = '\0'.repeat(8)
const stream = body => `
  const sleep = ms => new Promise(resolve => setTimeout(resolve, ms))
  const from = (s, prelude) => awslambda.HttpResponseStream.from(s, prelude)
  export const handler = awslambda.streamifyResponse(async (event, s, context) => { ${body} })`

// What follows does not depend on quirks, and hardly on the generation.
for (const generation of [3, 4]) {
  for (const quirks of [generation === 3 ? 'aws' : 'fixed']) {
    const check = (name, body, want) => test(`generation ${generation}, ${quirks}: ${name}`, async t => {
      const fn = await start(t, stream(body), { generation, quirks })
      const request = await fn.run({ n: 1 })
      assert.ok(request.complete)
      assert.deepEqual(request.trailers, [])
      assert.equal(request.header('Lambda-Runtime-Function-Response-Mode'), 'streaming')
      if (typeof want === 'function') await want(request, fn)
      else assert.deepEqual(request.chunks.map(String), want)
      await fn.settled()
      assert.deepEqual(fn.hints, [])
      assert.equal(fn.stderr, '')
    })

    check('writes with pauses, then end', "s.write('a'); await sleep(20); s.write('b'); await sleep(20); s.end('c')", ['a', 'b', 'c'])
    check('default content type', "s.end('x')", request => assert.equal(request.header('Content-Type'), 'application/octet-stream'))
    check('setContentType only', "s.setContentType('text/event-stream'); s.write('data: 1\\n\\n'); s.end()", request => {
      assert.equal(request.header('Content-Type'), 'text/event-stream')
      assert.equal(request.text, 'data: 1\n\n')
    })
    check('prelude, then chunks', "s = from(s, { statusCode: 201, headers: { a: 'b' }, cookies: ['k=v'] }); s.write('a'); s.write('b'); s.end()", request => {
      assert.equal(request.header('Content-Type'), INTEGRATION)
      assert.deepEqual(request.chunks.map(String), ['{"statusCode":201,"headers":{"a":"b"},"cookies":["k=v"]}', NUL8, 'a', 'b'])
    })
    check("write('') sends the prelude alone", "s = from(s, { statusCode: 204 }); s.write(''); s.end()", ['{"statusCode":204}', NUL8])
    check('prelude late', "s = from(s, { statusCode: 200 }); await sleep(50); s.write('late'); s.end()", ['{"statusCode":200}', NUL8, 'late'])
    check('a bare end is an empty response', 's.end()', [])
    check('empty writes add no chunk', "s.write(''); s.write('a'); s.write(Buffer.alloc(0)); s.write('b'); s.end('')", ['a', 'b'])
    check('objects are JSON', 's.write({ a: 1 }); s.write([1]); s.write(2); s.write(null); s.end()', ['{"a":1}', '[1]', '2', 'null'])
    check('encodings', "s.write('6869', 'hex'); s.write('aG8=', 'base64'); s.write('\\xff', 'latin1'); s.end('7a', 'hex')",
      request => assert.deepEqual(request.body, Buffer.from([0x68, 0x69, 0x68, 0x6f, 0xff, 0x7a])))
    check('UTF-8 split across chunks', "const b = Buffer.from('🐢ż'); for (const x of b) { s.write(Buffer.from([x])); await sleep(1) } s.end()", request => {
      assert.equal(request.text, '🐢ż')
      assert.equal(request.chunks.length, 6)
    })
    check('binary', 's.write(Uint8Array.from({ length: 256 }, (_, i) => i)); s.end(Buffer.from([0, 255]))',
      request => assert.deepEqual([...request.body], [...Array(256).keys(), 0, 255]))
    check('many headers and cookies', `
      const headers = Object.fromEntries(Array.from({ length: 500 }, (_, i) => ['x-' + i, 'v'.repeat(100)]))
      s = from(s, { statusCode: 200, headers, cookies: Array.from({ length: 50 }, (_, i) => 'c' + i + '=1') }); s.write('x'); s.end()`, request => {
      const prelude = JSON.parse(request.chunks[0])
      assert.equal(Object.keys(prelude.headers).length, 500)
      assert.equal(prelude.cookies.length, 50)
      assert.equal(request.chunks.at(-1).toString(), 'x')
    })
    check('end with encoding and callback calls back', `
      await new Promise(resolve => s.end('6869', 'hex', resolve)); console.log('called back')`, async (request, fn) => {
      assert.equal(request.text, 'hi')
      await fn.settled()
      assert.match(fn.log, /called back/)
    })
    check('write and end call back', `
      await new Promise(resolve => s.write('a', resolve)); await new Promise(resolve => s.write('b', 'utf8', resolve))
      await new Promise(resolve => s.end(resolve))`, ['a', 'b'])
    check('ended by a timer after the handler returned', "s.write('a'); setTimeout(() => s.end('b'), 30)", ['a', 'b'])
    check('an async generator through pipeline', `
      const { pipeline } = await import('node:stream/promises')
      await pipeline(async function * () { yield 'a'; await sleep(5); yield 'b' }, s)`, ['a', 'b'])
    check('Readable.from and pipe', `
      const { Readable } = await import('node:stream')
      Readable.from(['a', 'b']).pipe(s); await new Promise(resolve => s.on('finish', resolve))`, ['a', 'b'])
    check('a web stream through pipeline', `
      const { Readable } = await import('node:stream'); const { pipeline } = await import('node:stream/promises')
      await pipeline(Readable.fromWeb(new Response('from the web').body), s)`, request => assert.equal(request.text, 'from the web'))
    check('Writable.toWeb', `
      const { Writable } = await import('node:stream')
      const writer = Writable.toWeb(s).getWriter(); await writer.write(Buffer.from('a')); await writer.close()`, ['a'])
    check('pipeline into the stream with a prelude', `
      const { Readable } = await import('node:stream'); const { pipeline } = await import('node:stream/promises')
      await pipeline(Readable.from(['a']), from(s, { statusCode: 200 }))`, ['{"statusCode":200}', NUL8, 'a'])
    check('cork and uncork', "s.cork(); s.write('a'); s.write('b'); s.uncork(); s.end()", ['a', 'b'])
    check('events', `
      const seen = []; for (const name of ['finish', 'close', 'error']) s.on(name, () => seen.push(name))
      s.write('a'); s.end(); await sleep(20); console.log(seen.join())`, async (request, fn) => assert.match(fn.log, /\tfinish,close\n/))
    check('settable _onBeforeFirstWrite', "s._onBeforeFirstWrite = write => { write('first'); write(Buffer.from([1])) }; s.write('a'); s.write('b'); s.end()",
      ['first', '\x01', 'a', 'b'])
  }

  test(`generation ${generation}: the stream is a Writable with Node's members`, async t => {
    const fn = await start(t, `import { Writable } from 'node:stream'\n` + stream(`
      const before = [s instanceof Writable, s.writableHighWaterMark, s.writable, s.destroyed, s.writableEnded, s.writableFinished,
        s.writableNeedDrain, s.writableCorked, s.writableLength, s.writableObjectMode]
      s.end(JSON.stringify(before)); await sleep(20)
      console.log(JSON.stringify([s.writable, s.writableEnded, s.writableFinished, s.destroyed]))`), { generation })
    assert.deepEqual((await fn.run()).json, [true, 16384, true, false, false, false, false, 0, 0, false])
    assert.match(fn.log, /\[false,true,true,true\]/)
  })

  test(`generation ${generation}: a return value is ignored with a warning`, async t => {
    const fn = await start(t, stream("s.end('x'); return 5"), { generation })
    assert.equal((await fn.run()).text, 'x')
    assert.match(fn.log, /WARN\tStreaming handlers ignore return values\./)
  })

  test(`generation ${generation}: a chunk is out while the handler sleeps`, async t => {
    const fn = await start(t, stream("s.write('now'); const alive = setInterval(() => {}, 1000); await new Promise(resolve => process.once('SIGUSR2', resolve)); clearInterval(alive); s.end('later')"), { generation })
    const request = await fn.invoke().began
    await request.until(r => r.text === 'now')
    fn.child.kill('SIGUSR2')
    await request.done
  })
}

test('head, prelude and first chunk are one read; end and GET /next another', async t => {
  const fn = await start(t, stream("s = from(s, { statusCode: 200 }); s.write('hello'); await sleep(30); s.end()"), { generation: 4 })
  await fn.api.parked()
  const request = await fn.run()
  const reads = request.connection.reads.map(String)
  assert.equal(reads.length, 3)
  assert.match(reads[1], /^POST [^]*\r\n\r\n12\r\n\{"statusCode":200\}\r\n8\r\n\0{8}\r\n5\r\nhello\r\n$/)
  assert.match(reads[2], /^0\r\n\r\nGET \/2018-06-01\/runtime\/invocation\/next HTTP\/1\.1\r\n/)
})

test('generation 3 pipelines GET /next as well when the event loop is empty', async t => {
  const fn = await start(t, stream("s.write('hello'); await sleep(30); s.end()"))
  const request = await fn.run()
  assert.match(String(request.connection.reads.at(-1)), /^0\r\n\r\nGET /)
})

test('a response is complete at end(), though the handler goes on', async t => {
  for (const generation of [3, 4]) {
    const fn = await start(t, stream("s.end('x'); await sleep(150); console.log('still here')"), { generation })
    const request = await fn.invoke().done
    await fn.settled()
    assert.equal(request.text, 'x')
    assert.ok(!fn.log.includes('still here'))
    await fn.api.parked()
    await fn.settled()
    assert.ok(fn.log.includes('still here'))
  }
})

test('1000 streams on one process use one connection and leave nothing behind', async t => {
  const fn = await start(t, stream(`
    const count = process.eventNames().reduce((n, name) => n + process.listenerCount(name), 0)
    s = from(s, { statusCode: 200 }); s.write(String(count)); s.end()`))
  const first = (await fn.run()).text
  let last
  for (let i = 0; i < 999; i++) last = await fn.invoke({ i }).done
  assert.equal(last.text, first)
  assert.equal(fn.api.accepted, 1)
  assert.equal(fn.stderr, '')
})
