// docs/contract/node-runtime.md §3, §3.1: buffered results, callbacks, errors.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { start } from './support/harness.mjs'

for (const generation of [3, 4]) {
  const check = (name, source, want, options = {}) => test(`generation ${generation}: ${name}`, async t => {
    const fn = await start(t, `export const handler = ${source}`, { generation, ...options })
    const request = await fn.run(options.event ?? { n: 1 })
    if (typeof want === 'function') return want(request, fn)
    assert.match(request.path, /\/response$/)
    assert.equal(request.header('Content-Type'), 'application/json')
    assert.equal(request.header('Lambda-Runtime-Function-Response-Mode'), undefined)
    assert.equal(request.text, want)
  })
  const fails = (name, source, errorType, errorMessage, options) => check(name, source, (request, fn) => {
    assert.match(request.path, /\/error$/)
    assert.equal(request.header('Content-Type'), 'application/json')
    assert.equal(request.header('Lambda-Runtime-Function-Error-Type'), undefined)
    assert.equal(request.json.errorType, errorType)
    assert.equal(request.json.errorMessage, errorMessage)
    assert.ok(Array.isArray(request.json.trace))
    assert.match(fn.log, /ERROR\tInvoke Error \t\{"errorType"/)
    assert.ok(!fn.exited)
  }, options)

  check('async value', 'async e => ({ got: e.n })', '{"got":1}')
  check('undefined is null', 'async () => {}', 'null')
  check('function value is null', 'async () => () => {}', 'null')
  check('UTF-8', 'async () => "żółw 🐢"', '"żółw 🐢"')
  check('a thenable', '() => ({ then(ok) { setTimeout(ok, 5, "later") } })', '"later"')
  check('a large result', 'async () => "x".repeat(5_000_000)', `"${'x'.repeat(5_000_000)}"`)
  check('a large event', 'async e => e.text.length', '5000000', { event: { text: 'y'.repeat(5_000_000) } })
  fails('throws', 'async () => { throw new TypeError("no") }', 'TypeError', 'no')
  fails('throws synchronously', '() => { throw new TypeError("no") }', 'TypeError', 'no')
  fails('own error class', 'async () => { throw Object.assign(new Error("mine"), { name: "MyError", code: "E1", extra: { a: 1 } }) }', 'MyError', 'mine')
  fails('throws an object', 'async () => { throw { a: 1 } }', 'object', '[object Object]')
  fails('throws a string', 'async () => { throw "x" }', 'string', 'x')
  fails('throws undefined', 'async () => { throw undefined }', generation === 3 ? 'string' : 'undefined', generation === 3 ? 'handled' : 'undefined')
  fails('BigInt', 'async () => 1n', generation === 3 ? 'Error' : 'Runtime.JSONStringifyError', 'Unable to stringify response body')
  fails('a cycle', 'async () => { const a = {}; a.a = a; return a }', generation === 3 ? 'Error' : 'Runtime.JSONStringifyError', 'Unable to stringify response body')
  fails('DEL is escaped', 'async () => { throw new Error("a\\x7fb") }', 'Error', 'a%7Fb')
  fails('an error that can\'t be read', 'async () => { throw Object.create(Error.prototype, { message: { get() { throw 1 } } }) }', 'handled',
    'callback called with Error argument, but there was a problem while retrieving one or more of its message, name, and stack')
}

test('the trace is the stack, the cause is for X-Ray', async t => {
  const fn = await start(t, 'export const handler = async () => { throw new RangeError("ż") }')
  const request = await fn.run()
  assert.equal(request.json.trace[0], 'RangeError: ż')
  assert.match(request.json.trace[1], /^ {4}at .*index\.mjs:1:/)
  const cause = JSON.parse(request.header('Lambda-Runtime-Function-XRay-Error-Cause'))
  assert.deepEqual(Object.keys(cause), ['working_directory', 'exceptions', 'paths'])
  assert.equal(cause.exceptions[0].message, 'ż')
  assert.deepEqual([cause.exceptions[0].stack[0].line, cause.paths[0]], [1, `${fn.root}/index.mjs`])
})

test('a failed invocation leaves the process usable', async t => {
  const fn = await start(t, 'let n = 0; export const handler = async () => { if (++n === 1) throw new Error("first"); return n }')
  assert.match((await fn.run()).path, /error$/)
  assert.equal((await fn.run()).json, 2)
  assert.equal(fn.api.accepted, 1)
})

// Callbacks, generation 3.
const CALLBACKS = [
  ['callback(null, result)', '(e, c, done) => done(null, 7)', '7'],
  ['callback later', '(e, c, done) => { setTimeout(done, 10, null, 7) }', '7'],
  ['the first callback wins', '(e, c, done) => { done(null, 1); done(null, 2); c.succeed(3) }', '1'],
  ['context.succeed', '(e, c) => c.succeed(8)', '8'],
  ['context.done', '(e, c) => c.done(null, 9)', '9'],
  ['a callback in an async handler', 'async (e, c, done) => { done(null, 1); return 2 }', '1'],
]
for (const [name, source, want] of CALLBACKS) {
  test(`generation 3: ${name}`, async t => {
    const fn = await start(t, `export const handler = ${source}`)
    assert.equal((await fn.run()).text, want)
  })
}
for (const [name, source, type] of [
  ['callback(error)', '(e, c, done) => done(new TypeError("no"))', 'TypeError'],
  ['context.fail', '(e, c) => c.fail(new TypeError("no"))', 'TypeError'],
  ['context.fail()', '(e, c) => c.fail()', 'string'],
  ['context.done(error)', '(e, c) => c.done("no")', 'string'],
]) {
  test(`generation 3: ${name}`, async t => {
    const fn = await start(t, `export const handler = ${source}`)
    const request = await fn.run()
    assert.match(request.path, /error$/)
    assert.equal(request.json.errorType, type)
  })
}

test('generation 3: a callback waits for an empty event loop, unless told otherwise', async t => {
  const source = flag => `
    export const handler = (event, context, callback) => {
      ${flag}
      setTimeout(() => console.log('timer'), 50)
      callback(null, 'result')
    }`
  const waits = await start(t, source(''))
  await waits.run()
  await waits.settled()
  assert.match(waits.log, /timer/)
  const does = await start(t, source('context.callbackWaitsForEmptyEventLoop = false; setInterval(() => {}, 1000);'))
  assert.equal((await does.run()).json, 'result')
})

test('generation 3: async handlers don\'t wait for the event loop', async t => {
  const fn = await start(t, 'export const handler = async () => { setInterval(() => {}, 1000); return 1 }')
  assert.equal((await fn.run()).json, 1)
})

test('generation 3: an async handler that can\'t settle fails with Runtime.NodeJsExit', async t => {
  const fn = await start(t, 'export const handler = async e => { if (e.hang) await new Promise(() => {}); return 1 }')
  const request = await fn.run({ hang: true })
  assert.equal(request.json.errorType, 'Runtime.NodeJsExit')
  assert.match(request.json.errorMessage, /Promise that was never settled/)
  assert.equal((await fn.run({})).json, 1)
})

test('generation 3 warns about callback handlers, once, unless told otherwise', async t => {
  const source = 'export const handler = (event, context, callback) => callback(null, 1)'
  const fn = await start(t, source)
  await fn.run()
  await fn.run()
  assert.equal(fn.log.match(/WARN\tAWS Lambda plans to remove support for callback-based function handlers/g).length, 1)
  const quiet = await start(t, source, { env: { AWS_LAMBDA_NODEJS_DISABLE_CALLBACK_WARNING: '1' } })
  await quiet.run()
  assert.ok(!quiet.log.includes('callback-based'))
})

test('generation 3: an event or client context that is not JSON fails the invocation', async t => {
  const fn = await start(t, 'export const handler = async () => 1')
  assert.equal((await fn.run('{')).json.errorType, 'SyntaxError')
  assert.match((await fn.run({}, { 'Lambda-Runtime-Client-Context': '{' })).json.errorMessage, /^Cannot parse ClientContext as json: /)
  assert.equal((await fn.run({})).json, 1)
})

test('generation 4: a missing variable ends the process', async t => {
  const fn = await start(t, 'export const handler = async () => 1', { generation: 4, env: { AWS_LAMBDA_LOG_GROUP_NAME: '' } })
  fn.invoke()
  assert.equal(await fn.exit, 1)
  assert.match(fn.stderr, /Runtime\.PlatformError|Missing required environment variables: AWS_LAMBDA_LOG_GROUP_NAME/)
})

test('a refused post is told, and the next event asked for', async t => {
  const fn = await start(t, 'export const handler = async () => 1', {
    onRequest(request) {
      if (!request.path.endsWith('/response')) return false
      fn.api.reply(request.connection, 413, {}, '{}')
      return true
    },
  })
  await fn.run()
  await fn.run()
  assert.match(fn.stderr, /\[ERROR\] \[\d+\] LAMBDA_RUNTIME Failed to post handler success response\. Http response code: 413\./)
})

test('Lambda-Runtime-Invocation-Id is echoed, only if received', async t => {
  const fn = await start(t, 'export const handler = async e => { if (e.fail) throw new Error("x") }')
  const attempt = { 'Lambda-Runtime-Invocation-Id': 'attempt-1' }
  assert.equal((await fn.run({}, attempt)).header('Lambda-Runtime-Invocation-Id'), 'attempt-1')
  assert.equal((await fn.run({ fail: true }, attempt)).header('Lambda-Runtime-Invocation-Id'), 'attempt-1')
  assert.equal((await fn.run({})).header('Lambda-Runtime-Invocation-Id'), undefined)
})

test('1000 invocations on one process leave nothing behind', async t => {
  const fn = await start(t, `
    const count = () => process.eventNames().reduce((n, name) => n + process.listenerCount(name), 0)
    export const handler = async () => [count(), process._getActiveHandles().length, process.memoryUsage().heapUsed]`, { node: ['--expose-gc'] })
  const first = (await fn.run()).json
  let last
  for (let i = 0; i < 999; i++) last = await fn.invoke({ i }).done
  assert.deepEqual(last.json.slice(0, 2), first.slice(0, 2))
  assert.equal(fn.api.accepted, 1)
  assert.equal(fn.stderr, '')
})
