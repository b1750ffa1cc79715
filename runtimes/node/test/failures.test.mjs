// docs/contract/node-runtime.md §3.2, §4.4: failures while an invocation runs.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { start } from './support/harness.mjs'

const stream = body => `
  const sleep = ms => new Promise(resolve => setTimeout(resolve, ms))
  const from = (s, prelude) => awslambda.HttpResponseStream.from(s, prelude)
  export const handler = awslambda.streamifyResponse(async (event, s, context) => { if (event.ok) return s.end('ok'); ${body} })`

// What follows does not depend on quirks, and hardly on the generation.
for (const generation of [3, 4]) {
  for (const quirks of [generation === 3 ? 'aws' : 'fixed']) {
    const fails = (name, body, chunks, errorType, errorMessage, more) => test(`generation ${generation}, ${quirks}: ${name}`, async t => {
      const fn = await start(t, stream(body), { generation, quirks })
      const request = await fn.run()
      assert.match(request.path, /\/response$/)
      assert.ok(request.complete)
      assert.deepEqual(request.chunks.map(String), chunks)
      assert.equal(request.trailer('Lambda-Runtime-Function-Error-Type'), errorType)
      assert.equal(request.trailerError.errorType, more?.name ?? errorType)
      assert.match(request.trailerError.errorMessage, errorMessage)
      assert.ok(Array.isArray(request.trailerError.trace))
      await fn.settled()
      assert.match(fn.log, /ERROR\tInvoke Error \t\{"errorType"/)
      assert.equal((await fn.run({ ok: true })).text, 'ok')
      assert.equal(fn.api.accepted, 1)
    })
    fails('throw before any byte', 'throw new TypeError("early")', [], 'TypeError', /^early$/)
    fails('throw after from, before any byte', 'from(s, { statusCode: 200 }); throw new TypeError("early")', [], 'TypeError', /^early$/)
    fails('throw after bytes', 's.write("a"); await sleep(10); throw new RangeError("late")', ['a'], 'RangeError', /^late$/)
    fails('throw right behind a write', 's.write("a"); throw new RangeError("late")', ['a'], 'RangeError', /^late$/)
    fails('throw of a string', 's.write("a"); throw "text"', ['a'], 'string', /^text$/)
    fails('name with characters that a header can\'t have', 'throw Object.assign(new Error("x"), { name: "My\\r\\nError: ż" })', [], 'My??Error: ?', /^x$/, { name: 'My\r\nError: ż' })
    fails('message with line breaks', 'throw new Error("a\\r\\nb")', [], 'Error', /^a\r\nb$/)
    fails('writes after a failure are dropped', 'setTimeout(() => { s.write("later"); s.end("x") }, 5); s.write("a"); throw new Error("x")', ['a'], 'Error', /^x$/)
    fails('returns without ending, nothing left', 's.write("a")', ['a'], 'Runtime.StreamNotEnded', /without ending its response stream/)
    fails('returns without writing, nothing left', '', [], 'Runtime.StreamNotEnded', /without ending its response stream/)
    fails('never settles, nothing left', 's.write("a"); await new Promise(() => {})', ['a'], 'Runtime.StreamNotEnded', /a promise that will never settle/)
    fails('waited for until the last timer', 's.write("a"); setTimeout(() => s.write("b"), 50)', ['a', 'b'], 'Runtime.StreamNotEnded', /without ending/)

    test(`generation ${generation}, ${quirks}: a throw after end() is logged, the response is complete`, async t => {
      const fn = await start(t, stream('s.end("all"); throw new Error("too late")'), { generation, quirks })
      const request = await fn.run()
      assert.equal(request.text, 'all')
      assert.deepEqual(request.trailers, [])
      await fn.settled()
      assert.match(fn.log, /Invoke Error \t.*too late/)
    })

    test(`generation ${generation}, ${quirks}: process.exit cuts an open response, nothing else is posted`, async t => {
      const fn = await start(t, stream('s.write("a"); await sleep(10); process.exit(7)'), { generation, quirks })
      const call = fn.invoke()
      const request = await call.done
      assert.equal(request.complete, false)
      assert.equal(request.text, 'a')
      assert.equal(await fn.exit, 7)
      assert.equal(call.id && fn.api.requests.filter(r => r.path.endsWith('/error')).length, 0)
    })
  }
}

const FATAL = [
  ['unhandled rejection', 'Promise.reject(new TypeError("lost"))', 128, 'Runtime.UnhandledPromiseRejection', 'TypeError: lost'],
  ['rejection of a non-error', 'Promise.reject("text")', 128, 'Runtime.UnhandledPromiseRejection', 'text'],
  ['uncaught exception', 'setTimeout(() => { throw new TypeError("thrown") })', 129, 'TypeError', 'thrown'],
]
for (const [name, act, code, errorType, errorMessage] of FATAL) {
  test(`generation 3: ${name} in a buffered handler posts /error and exits with ${code}`, async t => {
    const fn = await start(t, `export const handler = async () => { ${act}; await new Promise(resolve => setTimeout(resolve, 5000)) }`)
    const request = await fn.invoke().done
    assert.match(request.path, /\/error$/)
    assert.equal(request.json.errorType, errorType)
    assert.equal(request.json.errorMessage, errorMessage)
    assert.equal(await fn.exit, code)
    assert.match(fn.log, code === 128 ? /ERROR\tUnhandled Promise Rejection \t/ : /ERROR\tUncaught Exception \t/)
  })

  test(`generation 3: ${name} in a streaming handler posts /error beside the open /response`, async t => {
    const fn = await start(t, stream(`s.write('a'); await sleep(10); ${act}; await sleep(5000)`))
    const call = fn.invoke()
    const response = await call.began
    await response.until(r => r.text === 'a')
    const error = await fn.api.request(r => r.path === `/2018-06-01/runtime/invocation/${call.id}/error`)
    assert.equal((await error.done).json.errorType, errorType)
    assert.notEqual(error.connection, response.connection)
    assert.equal(await fn.exit, code)
    assert.equal((await response.done).complete, false)
  })

  test(`generation 4: ${name} exits with 1, nothing posted`, async t => {
    const fn = await start(t, stream(`s.write('a'); await sleep(10); ${act}; await sleep(5000)`), { generation: 4 })
    const response = await fn.invoke().done
    assert.equal(response.complete, false)
    assert.equal(await fn.exit, 1)
    assert.equal(fn.api.requests.filter(r => r.path.endsWith('/error')).length, 0)
    assert.match(fn.stderr, /lost|text|thrown/)
  })
}

test('generation 3: a user listener runs too, and the process still exits', async t => {
  const fn = await start(t, `process.on('uncaughtException', e => console.log('mine', e.message))
    export const handler = async () => { setTimeout(() => { throw new Error('x') }); await new Promise(r => setTimeout(r, 5000)) }`)
  fn.invoke()
  assert.equal(await fn.exit, 129)
  assert.match(fn.log, /mine x/)
})

test('generation 4: a user listener keeps the process alive', async t => {
  const fn = await start(t, `process.on('uncaughtException', e => console.log('mine', e.message))
    export const handler = async () => { setTimeout(() => { throw new Error('x') }); await new Promise(r => setTimeout(r, 50)); return 'alive' }`, { generation: 4 })
  assert.equal((await fn.run()).json, 'alive')
  assert.match(fn.log, /mine x/)
})

test('an exception between invocations ends generation 3 with 129, nothing posted', async t => {
  const fn = await start(t, 'export const handler = async () => { setTimeout(() => { throw new Error("x") }, 30) }')
  await fn.run()
  assert.equal(await fn.exit, 129)
  assert.equal(fn.api.requests.filter(r => r.path.endsWith('/error')).length, 0)
})

test('SIGTERM ends the process, unless the function listens for it', async t => {
  const plain = await start(t, 'export const handler = async () => 1')
  await plain.run()
  plain.child.kill('SIGTERM')
  assert.equal(await plain.exit, 'SIGTERM')
  const listens = await start(t, 'process.on("SIGTERM", () => { console.log("bye"); process.exit(0) }); export const handler = async () => 1')
  await listens.run()
  listens.child.kill('SIGTERM')
  assert.equal(await listens.exit, 0)
  assert.match(listens.log, /bye/)
})
