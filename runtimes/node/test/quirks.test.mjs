// Every row of README.md's table of quirks, both ways: as AWS does, with a hint
// that names cause and cure, and fixed, without one.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { start } from './support/harness.mjs'

const NUL8 = '\0'.repeat(8)
const stream = body => `
  const sleep = ms => new Promise(resolve => setTimeout(resolve, ms))
  const from = (s, prelude) => awslambda.HttpResponseStream.from(s, prelude)
  export const handler = awslambda.streamifyResponse(async (event, s, context) => { if (event.ok) return s.end('ok'); ${body} })`
const handler = source => `export const handler = ${source}`

/**
 * @param {string} name the quirk
 * @param {(3 | 4)[]} generations
 * @param {string | Record<string, string>} source
 * @param {{hint: RegExp, aws: Function, fixed: Function}} want
 */
function quirk(name, generations, source, { hint, aws, fixed }, options = {}) {
  for (const generation of generations) {
    test(`${name}, generation ${generation}: as on AWS, with a hint`, async t => {
      const fn = await start(t, source, { ...options, generation, quirks: 'aws' })
      await aws(fn, generation)
      await fn.settled()
      assert.equal(fn.hints.length, 1, fn.hints.join('\n'))
      assert.match(fn.hints[0], hint)
      assert.ok(!fn.hints[0].includes('\n'))
    })
    test(`${name}, generation ${generation}: fixed, without a hint`, async t => {
      const fn = await start(t, source, { ...options, generation, quirks: 'fixed' })
      await fixed(fn, generation)
      await fn.settled()
      assert.deepEqual(fn.hints, [])
    })
  }
}

const chunks = (...want) => async fn => assert.deepEqual((await fn.run()).chunks.map(String), want)
const text = want => async fn => assert.equal((await fn.run()).text, want)
const ends = (code, errorType, errorMessage) => async (fn, generation) => {
  const call = fn.invoke()
  assert.equal(await fn.exit, generation === 4 ? 1 : code)
  const error = fn.api.requests.find(r => r.path.includes(call.id) && r.path.endsWith('/error'))
  if (generation === 4) return assert.equal(error, undefined)
  assert.equal(error.json.errorType, errorType)
  assert.match(error.json.errorMessage, errorMessage)
}
const both = [3, 4]

quirk('preludeLost by end()', both, stream('from(s, { statusCode: 201 }).end()'), {
  hint: /write\(''\) before end\(\), or set quirks: fixed/,
  aws: async fn => {
    const request = await fn.run()
    assert.equal(request.header('Content-Type'), 'application/vnd.awslambda.http-integration-response')
    assert.deepEqual(request.chunks, [])
    assert.ok(request.complete)
  },
  fixed: chunks('{"statusCode":201}', NUL8),
})
quirk('preludeLost by end(data)', both, stream('from(s, { statusCode: 201 }).end("data")'), {
  hint: /end\(data\) without an earlier write\(\) loses .* 502; write\(\) the data, then end\(\), or set quirks: fixed/,
  aws: chunks('data'),
  fixed: chunks('{"statusCode":201}', NUL8, 'data'),
})
quirk('nonAsyncStreaming', both,
  'export const handler = awslambda.streamifyResponse((event, s) => { s.write("a"); setTimeout(() => s.end("b"), 20) })', {
    hint: /must be async/,
    aws: async (fn, generation) => {
      const request = await fn.invoke().done
      assert.equal(request.text, 'a')
      assert.equal(request.trailerError.errorMessage, 'Streaming does not support non-async handlers.')
      assert.equal(request.trailerError.errorType, generation === 4 ? 'Error' : 'string')
      await fn.api.parked()
    },
    fixed: text('ab'),
  })
quirk('nonAsyncStreaming that has ended', both, 'export const handler = awslambda.streamifyResponse((event, s) => { s.end("all") })', {
  hint: /must be async/,
  aws: async fn => {
    const request = await fn.run()
    assert.equal(request.text, 'all')
    assert.match(request.trailerError.errorMessage, /non-async/)
  },
  fixed: text('all'),
})
const tooLate = async fn => {
  const request = await fn.run()
  assert.equal(request.trailerError.errorType, 'Runtime.InvalidStreamingOperation')
  assert.equal(request.trailerError.errorMessage, 'Cannot set content-type, too late.')
}
quirk('contentTypeTooLate', both, stream('s.write("a"); s.setContentType("text/html")'), { hint: /before the first write/, aws: tooLate, fixed: tooLate })
quirk('contentTypeTooLate by from', both, stream('s.write("a"); from(s, {})'), { hint: /before the first write/, aws: tooLate, fixed: tooLate })
quirk('bytesAsJson, a subclass of Uint8Array', [3], stream('class Bytes extends Uint8Array {}; s.write(Bytes.of(104, 105)); s.write(Bytes.of(33)); s.end()'), {
  hint: /write\(\) of a Bytes sends JSON/,
  aws: text('{"0":104,"1":105}{"0":33}'),
  fixed: text('hi!'),
})
quirk('bytesAsJson, another view', both, stream('s.write(new Uint16Array([26984])); s.end()'), {
  hint: /write\(\) of a Uint16Array sends JSON/,
  aws: text('{"0":26984}'),
  fixed: text('hi'),
})
quirk('bytesAsJson, an ArrayBuffer', both, stream('s.write(new Uint8Array([104, 105]).buffer); s.end()'), {
  hint: /write\(\) of a ArrayBuffer sends JSON/,
  aws: text('{}'),
  fixed: text('hi'),
})
test('a subclass of Uint8Array is bytes in generation 4', async t => {
  const fn = await start(t, stream('class Bytes extends Uint8Array {}; s.write(Bytes.of(104, 105)); s.end()'), { generation: 4 })
  assert.equal((await fn.run()).text, 'hi')
})
quirk('streamDestroyed by destroy()', both, stream('s.write("a"); await sleep(20); s.destroy(); await sleep(50)'), {
  hint: /destroy\(\) of the response stream, or a failed pipeline\(\)/,
  aws: ends(128, 'Runtime.UnhandledPromiseRejection', /^Error: socket hang up$/),
  fixed: async fn => {
    const request = await fn.run()
    assert.equal(request.text, 'a')
    assert.equal(request.trailer('Lambda-Runtime-Function-Error-Type'), 'Runtime.StreamDestroyed')
    assert.equal((await fn.run({ ok: true })).text, 'ok')
  },
})
quirk('streamDestroyed by a failed pipeline', both, stream(`
  const { pipeline } = await import('node:stream/promises')
  await pipeline(async function * () { yield 'a'; await sleep(20); throw new RangeError('source') }, s)`), {
  hint: /failed pipeline\(\) into it/,
  aws: async (fn, generation) => {
    await ends(128, 'Runtime.UnhandledPromiseRejection', /^RangeError: source$/)(fn, generation)
    assert.match(fn.log, /Invoke Error \t.*"source"/)
  },
  fixed: async fn => {
    const request = await fn.run()
    assert.equal(request.text, 'a')
    assert.equal(request.trailer('Lambda-Runtime-Function-Error-Type'), 'RangeError')
    assert.equal((await fn.run({ ok: true })).text, 'ok')
  },
})
quirk('writeAfterEnd', both, stream('s.end("all"); s.write("more"); await sleep(50)'), {
  hint: /write\(\) after end\(\)/,
  aws: ends(128, 'Runtime.UnhandledPromiseRejection', /^Error: write after end$/),
  fixed: async fn => {
    assert.equal((await fn.run()).text, 'all')
    assert.equal((await fn.run({ ok: true })).text, 'ok')
  },
})
quirk('writeAfterEnd by end(data)', both, stream('s.end("all"); s.end("more"); await sleep(50)'), {
  hint: /write\(\) after end\(\)/,
  aws: ends(128, 'Runtime.UnhandledPromiseRejection', /^Error: write after end$/),
  fixed: text('all'),
})
quirk('returnIgnored', [3], handler('() => ({ a: 1 })'), { hint: /not async and returned a value/, aws: text('null'), fixed: text('{"a":1}') })
test('a non-async value is the result in generation 4', async t => {
  const fn = await start(t, handler('() => ({ a: 1 })'), { generation: 4 })
  assert.equal((await fn.run()).text, '{"a":1}')
})
quirk('callbackNotCalled', [3], handler('(event, context, callback) => {}'), { hint: /never called it/, aws: text('null'), fixed: text('null') })
const nodeJsExit = async fn => {
  assert.equal((await fn.run()).json.errorType, 'Runtime.NodeJsExit')
}
quirk('neverSettled, not an async function', [3], handler('() => new Promise(() => {})'), { hint: /never settled .* answers null/, aws: text('null'), fixed: nodeJsExit })
quirk('neverSettled', [4], handler('async () => { await new Promise(() => {}) }'), {
  hint: /never settled .* ends the process without a result/,
  aws: async fn => {
    fn.invoke()
    assert.equal(await fn.exit, 0)
    assert.equal(fn.api.requests.filter(r => r.method === 'POST').length, 0)
  },
  fixed: nodeJsExit,
})
quirk('loopNotEmpty, streaming', [3], stream('globalThis.timer ??= setInterval(() => {}, 100).ref(); setTimeout(() => clearInterval(timer), 1500); s.end("x")'), {
  hint: /until the event loop is empty \(still there: Timeout\); set context\.callbackWaitsForEmptyEventLoop = false/,
  aws: text('x'),
  fixed: text('x'),
})
quirk('loopNotEmpty, callback', [3], handler('(event, context, callback) => { setTimeout(() => {}, 1500); callback(null, 1) }'), {
  hint: /until the event loop is empty/,
  aws: text('1'),
  fixed: text('1'),
}, { env: { AWS_LAMBDA_NODEJS_DISABLE_CALLBACK_WARNING: '1' } })
test('generation 3 does not wait when callbackWaitsForEmptyEventLoop is false, nor does generation 4', async t => {
  for (const generation of both) {
    const fn = await start(t, stream('context.callbackWaitsForEmptyEventLoop = false; setInterval(() => {}, 1000); s.end("x")'), { generation })
    assert.equal((await fn.run()).text, 'x')
    assert.deepEqual(fn.hints, [])
  }
})
quirk('callbackHandler', [4], handler('(event, context, callback) => { setTimeout(callback, 5, null, 7) }'), {
  hint: /refused from Node\.js 24 on/,
  aws: async fn => {
    const report = await fn.initError()
    assert.equal(report.json.errorType, 'Runtime.CallbackHandlerDeprecated')
    assert.match(report.json.errorMessage, /^ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node\.js 24\./)
    assert.equal(await fn.exit, 1)
  },
  fixed: text('7'),
})
quirk('importErrorName', both, 'import "nowhere"; export const handler = async () => 1', {
  hint: /reports a missing import .* as "Error"/,
  aws: async fn => {
    const report = await fn.initError()
    assert.equal(report.json.errorType, 'Error')
    assert.match(report.json.errorMessage, /^Cannot find package 'nowhere' imported from /)
    await fn.exit
  },
  fixed: async fn => {
    assert.equal((await fn.initError()).json.errorType, 'Runtime.ImportModuleError')
    await fn.exit
  },
})
for (const [name, event, headers, type] of [
  ['badEvent', '{', {}, 'SyntaxError'],
  ['badEvent, empty', '', {}, 'SyntaxError'],
  ['badEvent, client context', {}, { 'Lambda-Runtime-Client-Context': '{' }, 'Runtime.PlatformError'],
]) {
  quirk(name, [4], handler('async () => 1'), {
    hint: /is not JSON/,
    aws: async fn => {
      fn.invoke(event, headers)
      assert.equal(await fn.exit, 1)
      assert.equal(fn.api.requests.filter(r => r.method === 'POST').length, 0)
    },
    fixed: async fn => assert.equal((await fn.run(event, headers)).json.errorType, type),
  })
}
quirk('notStringified', both, handler('async () => 1n'), {
  hint: /can't be turned into JSON \(.*BigInt/,
  aws: async fn => assert.equal((await fn.run()).json.errorMessage, 'Unable to stringify response body'),
  fixed: async fn => assert.match((await fn.run()).json.errorMessage, /^Unable to stringify response body: .*BigInt/),
})

// Preludes.
for (const [name, prelude, hint, fixed] of [
  ['preludeStatus', '{ status: 404 }', /name it statusCode/, '{"statusCode":404}'],
  ['preludeStatusCode', '{ statusCode: "404" }', /statusCode is "404"; AWS wants a whole number/, '{"statusCode":404}'],
  ['preludeSetCookie', '{ statusCode: 200, headers: { "Set-Cookie": "a=1" } }', /use cookies/, '{"statusCode":200,"headers":{},"cookies":["a=1"]}'],
  ['preludeHeaderValue', '{ statusCode: 200, headers: { a: ["1", "2"] } }', /header "a" is not a string/, '{"statusCode":200,"headers":{"a":"1, 2"}}'],
  ['preludeHeaderValue, a number', '{ statusCode: 200, headers: { a: 1 } }', /header "a" is not a string/, '{"statusCode":200,"headers":{"a":"1"}}'],
  ['preludeMultiValue', '{ statusCode: 200, multiValueHeaders: { a: ["1", "2"] } }', /multiValueHeaders/, '{"statusCode":200,"headers":{"a":"1, 2"}}'],
]) {
  quirk(name, [4], stream(`s = from(s, ${prelude}); s.write("x"); s.end()`), {
    hint,
    aws: async fn => {
      const request = await fn.run()
      assert.deepEqual(JSON.parse(request.chunks[0]), Function(`return ${prelude}`)())
      await fn.run() // once for each process
    },
    fixed: chunks(fixed, NUL8, 'x'),
  })
}
quirk('preludeBody', both, stream('s = from(s, { statusCode: 200, body: "aGk=", isBase64Encoded: true }); s.write("x"); s.end()'), {
  hint: /"body", which AWS ignores/,
  aws: chunks('{"statusCode":200,"body":"aGk=","isBase64Encoded":true}', NUL8, 'x'),
  fixed: chunks('{"statusCode":200}', NUL8, 'hi', 'x'),
})
