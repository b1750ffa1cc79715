// How the runtime starts, and what user code sees of it.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { quirkNames } from '../quirks.mjs'
import { ENTRY, start } from './support/harness.mjs'

test('node:http is never loaded, neither for buffered nor for streamed results', async t => {
  const loaded = 'process.moduleLoadList.filter(name => /^NativeModule (_?http|https|tls|_tls|zlib|dns$|fs\\/promises|net$)/.test(name)).join()'
  const buffered = await start(t, `export const handler = async () => ${loaded}`)
  await buffered.run()
  assert.equal((await buffered.run()).json, 'NativeModule net')
  const streamed = await start(t, `export const handler = awslambda.streamifyResponse(async (e, s) => { s.write('x'); s.end(${loaded}) })`)
  assert.equal((await streamed.run()).text, 'xNativeModule net')
})

test('private variables are gone before user code; AWS\'s are there', async t => {
  const fn = await start(t, 'const seen = { ...process.env }; export const handler = async () => seen', { env: { _SLUICE_OTHER: 'x' } })
  const seen = (await fn.run()).json
  assert.deepEqual(Object.keys(seen).filter(name => name.startsWith('_SLUICE') || name === '_LAMBDA_TELEMETRY_LOG_FD'), [])
  assert.equal(seen._HANDLER, 'index.handler')
  assert.equal(seen.AWS_LAMBDA_RUNTIME_API, '127.0.0.1:9001')
  assert.equal(seen.LAMBDA_TASK_ROOT, fn.root)
})

test('TCP works as the Unix socket does', async t => {
  const fn = await start(t, 'export const handler = async e => e', { unix: false })
  assert.deepEqual((await fn.run({ a: 1 })).json, { a: 1 })
})

test('the generation follows the runtime\'s name', async t => {
  for (const [name, generation] of [['AWS_Lambda_nodejs18.x', 3], ['AWS_Lambda_nodejs22.x', 3], ['AWS_Lambda_nodejs24.x', 4], ['AWS_Lambda_nodejs26.x', 4], ['', 3]]) {
    const fn = await start(t, 'export const handler = async (e, c) => "done" in c ? 3 : 4', { env: { AWS_EXECUTION_ENV: name } })
    assert.equal((await fn.run()).json, generation, name)
  }
})

test('without awslambda when the function asks for that', async t => {
  const fn = await start(t, 'export const handler = async () => typeof awslambda', { env: { AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA: '1' } })
  assert.equal((await fn.run()).json, 'undefined')
})

test('a wrong setting is explained', () => {
  const cases = [
    [{}, /neither AWS_LAMBDA_RUNTIME_API \(host:port\) nor _SLUICE_RUNTIME_SOCKET/],
    [{ AWS_LAMBDA_RUNTIME_API: 'http://x' }, /AWS_LAMBDA_RUNTIME_API is "http:\/\/x"; it must be host:port/],
    [{ AWS_LAMBDA_RUNTIME_API: '127.0.0.1:1' }, /_HANDLER is not set/],
    [{ AWS_LAMBDA_RUNTIME_API: '127.0.0.1:1', _HANDLER: 'a.b', _SLUICE_QUIRKS: 'some' }, /_SLUICE_QUIRKS is "some"; it must be aws or fixed/],
    [{ AWS_LAMBDA_RUNTIME_API: '127.0.0.1:1', _HANDLER: 'a.b', _LAMBDA_TELEMETRY_LOG_FD: 'x' }, /_LAMBDA_TELEMETRY_LOG_FD is "x"/],
  ]
  for (const [env, message] of cases) {
    const run = spawnSync(process.execPath, [ENTRY], { env, encoding: 'utf8' })
    assert.equal(run.status, 1)
    assert.match(run.stderr, message)
    assert.ok(!run.stderr.includes('    at '), 'no stack')
  }
})

test('a Runtime API that is not there ends the process with a line', async t => {
  const fn = await start(t, 'export const handler = async () => 1', { env: { _SLUICE_RUNTIME_SOCKET: '/nonexistent/socket' } })
  assert.equal(await fn.exit, 129)
  assert.match(fn.stderr, /the Runtime API at \/nonexistent\/socket is gone: connect ENOENT/)
})

test('the process idles at zero CPU while it waits', async t => {
  const fn = await start(t, 'let last; export const handler = async () => { const now = process.cpuUsage(last); last = process.cpuUsage(); return now.user + now.system }')
  await fn.run()
  await fn.run()
  await new Promise(resolve => setTimeout(resolve, 1000))
  const micros = (await fn.run()).json
  assert.ok(micros < 100_000, `${micros} µs of CPU in a second of waiting`)
})

test('README.md lists every quirk', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  assert.deepEqual(quirkNames.filter(name => !readme.includes(`\`${name}\``)), [])
})
