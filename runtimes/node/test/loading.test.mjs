// docs/contract/node-runtime.md §2: from the handler string to the function,
// and what happens when that fails.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { start } from './support/harness.mjs'

const answer = value => `exports.handler = async () => ${JSON.stringify(value)}`
const esmAnswer = value => `export const handler = async () => ${JSON.stringify(value)}`

const LOADS = [
  ['CommonJS in .js', 'index.handler', { 'index.js': answer('cjs') }, 'cjs'],
  ['ESM in .mjs', 'index.handler', { 'index.mjs': esmAnswer('esm') }, 'esm'],
  ['.cjs', 'index.handler', { 'index.cjs': answer('cjs') }, 'cjs'],
  ['.js with type module', 'index.handler', { 'index.js': esmAnswer('esm'), 'package.json': '{"type":"module"}' }, 'esm'],
  ['.js with type module in a parent folder', 'src/api/index.handler', { 'src/api/index.js': esmAnswer('esm'), 'package.json': '{"type":"module"}' }, 'esm'],
  ['.js with type commonjs nearest', 'src/index.handler', { 'src/index.js': answer('cjs'), 'src/package.json': '{}', 'package.json': '{"type":"module"}' }, 'cjs'],
  ['.js wins over .mjs', 'index.handler', { 'index.js': answer('js'), 'index.mjs': esmAnswer('mjs') }, 'js'],
  ['.mjs wins over .cjs', 'index.handler', { 'index.cjs': answer('cjs'), 'index.mjs': esmAnswer('mjs') }, 'mjs'],
  ['nested export', 'app.handlers.post', { 'app.js': 'exports.handlers = { post: async () => "post" }' }, 'post'],
  ['nested export of a module with a dot in the path', 'my.mod.handler', { 'my.js': 'exports.mod = { handler: async () => 1 }' }, 1],
  ['default export', 'index.default', { 'index.mjs': 'export default async () => "default"' }, 'default'],
  ['below default', 'b.default.h', { 'b.mjs': 'export default { h: async () => "h" }' }, 'h'],
  ['top-level await', 'index.handler', { 'index.mjs': 'const v = await new Promise(r => setTimeout(r, 10, "later"));\nexport const handler = async () => v' }, 'later'],
  ['a package of node_modules', 'pkg.handler', { 'node_modules/pkg/index.js': answer('pkg') }, 'pkg'],
  ['awslambda is there before the module', 'index.handler', { 'index.js': 'const t = typeof awslambda.streamifyResponse; exports.handler = async () => t' }, 'function'],
]

for (const generation of [3, 4]) {
  for (const [name, handler, files, want] of LOADS) {
    test(`generation ${generation} loads: ${name}`, async t => {
      const fn = await start(t, files, { generation, handler })
      assert.deepEqual((await fn.run()).json, want)
    })
  }
}

test('generation 3 loads a file without extension, and absolute paths', async t => {
  const fn = await start(t, { 'plain': answer('plain') }, { handler: 'plain.handler' })
  assert.equal((await fn.run()).json, 'plain')
  const absolute = await start(t, { 'x/mod.js': answer('abs') }, { handler: `${fn.root}/plain.handler` })
  assert.equal((await absolute.run()).json, 'plain')
})

test('generation 4 looks into the default export; generation 3 does not', async t => {
  const files = { 'index.mjs': 'export default { handler: async () => "found" }' }
  const four = await start(t, files, { generation: 4 })
  assert.equal((await four.run()).json, 'found')
  const three = await start(t, files)
  assert.equal((await three.initError()).json.errorType, 'Runtime.HandlerNotFound')
})

const FAILURES = [
  ['dots in the path', '../index.handler', {}, 'Runtime.MalformedHandlerName',
    /^'\.\.\/index\.handler' is not a valid handler name\. Use absolute paths when specifying root directories in handler names\.$/],
  ['no dot', 'handler', {}, 'Runtime.MalformedHandlerName', /^Bad handler$/],
  ['no such file', 'missing.handler', {}, 'Runtime.ImportModuleError', /^Error: Cannot find module 'missing'\nRequire stack:\n- /],
  ['require of a missing package', 'index.handler', { 'index.cjs': 'require("nowhere")' }, 'Runtime.ImportModuleError', /^Error: Cannot find module 'nowhere'/],
  ['syntax error in CommonJS', 'index.handler', { 'index.cjs': 'exports.handler = async ( => 1' }, 'Runtime.UserCodeSyntaxError', /^SyntaxError: /],
  ['syntax error in ESM', 'index.handler', { 'index.mjs': 'export const handler = async ( => 1' }, 'Runtime.UserCodeSyntaxError', /^SyntaxError: /],
  ['export missing', 'index.handler', { 'index.mjs': 'export const other = 1' }, 'Runtime.HandlerNotFound', /^index\.handler is undefined or not exported$/],
  ['export not callable', 'index.handler', { 'index.mjs': 'export const handler = 1' }, 'Runtime.HandlerNotFound', /^index\.handler is not a function$/],
  ['other streaming mark', 'index.handler',
    { 'index.mjs': 'export const handler = async () => 1; handler[Symbol.for("aws.lambda.runtime.handler.streaming")] = "request"' },
    'Runtime.MalformedStreamingHandler', /^Only response streaming is supported\.$/],
  ['top-level throw', 'index.handler', { 'index.mjs': 'throw new RangeError("at the top")' }, 'RangeError', /^at the top$/],
]

for (const generation of [3, 4]) {
  for (const [name, handler, files, errorType, message] of FAILURES) {
    test(`generation ${generation} fails to load: ${name}`, async t => {
      const fn = await start(t, files, { generation, handler })
      const report = await fn.initError()
      assert.equal(report.header('Lambda-Runtime-Function-Error-Type'), errorType)
      assert.equal(report.header('Content-Type'), 'application/json')
      assert.equal(report.json.errorType, errorType)
      assert.match(report.json.errorMessage, message)
      assert.ok(Array.isArray(report.json.trace) && report.json.trace.length > 0)
      assert.equal(await fn.exit, generation === 4 ? 1 : 129)
      assert.match(fn.log, generation === 4 ? /\t-\tERROR\tInit Error \t\{"errorType"/ : /\tundefined\tERROR\tUncaught Exception \t\{"errorType"/)
      assert.ok(!fn.api.requests.some(request => request.path.endsWith('/next')))
      if (generation === 4) assert.match(fn.stderr, /Node\.js v/)
    })
  }
}

test('a syntax error names the place in the function', async t => {
  const fn = await start(t, { 'index.cjs': '\n\nexports.handler = async ( => 1' })
  assert.match((await fn.initError()).json.trace.join('\n'), /index\.cjs:3/)
})

test('ESM syntax in a CommonJS file gets a hint', async t => {
  // Newer versions of Node find out that it is ESM, and load it.
  if (process.features.require_module) return
  const fn = await start(t, { 'index.js': esmAnswer(1) })
  assert.equal((await fn.initError()).json.errorType, 'Runtime.UserCodeSyntaxError')
  await fn.exit
  assert.match(fn.hints.join(), /index\.js .*"type": "module"/)
})

test('an unreadable package.json is a warning, and CommonJS', async t => {
  const fn = await start(t, { 'index.js': answer(1), 'package.json/x': '' })
  assert.equal((await fn.run()).json, 1)
  assert.match(fn.log, /WARN\t.*package\.json cannot be read/)
})

test('process.exit in init: that code, nothing posted', async t => {
  for (const generation of [3, 4]) {
    const fn = await start(t, 'process.exit(3)', { generation })
    assert.equal(await fn.exit, 3)
    assert.deepEqual(fn.api.requests, [])
  }
})

test('unhandled rejection in init: generation 3 reports it and exits with 128', async t => {
  const fn = await start(t, 'Promise.reject(new TypeError("lost")); await new Promise(r => setTimeout(r, 5000)); export const handler = 1')
  const report = await fn.initError()
  assert.equal(report.json.errorType, 'Runtime.UnhandledPromiseRejection')
  assert.equal(report.json.errorMessage, 'TypeError: lost')
  assert.equal(await fn.exit, 128)
  assert.match(fn.log, /ERROR\tUnhandled Promise Rejection \t/)
})

test('unhandled rejection in init: generation 4 exits with 1, nothing posted', async t => {
  const fn = await start(t, 'Promise.reject(new TypeError("lost")); await new Promise(r => setTimeout(r, 5000)); export const handler = 1', { generation: 4 })
  assert.equal(await fn.exit, 1)
  assert.deepEqual(fn.api.requests, [])
})

test('a top-level await that never settles ends the process with 0 and a hint', async t => {
  for (const generation of [3, 4]) {
    const fn = await start(t, 'await new Promise(() => {}); export const handler = 1', { generation })
    assert.equal(await fn.exit, 0)
    assert.match(fn.hints.join(), /top-level await never settled/)
  }
  const fixed = await start(t, 'await new Promise(() => {}); export const handler = 1', { quirks: 'fixed' })
  assert.equal((await fixed.initError()).json.errorType, 'Runtime.NodeJsExit')
  assert.equal(await fixed.exit, 129)
})
