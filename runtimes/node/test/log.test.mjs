// docs/contract/node-runtime.md §6: the log.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { start } from './support/harness.mjs'

const STAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
const EVERYTHING = `
  console.log('in init')
  export const handler = async event => {
    for (const level of ['trace', 'debug', 'info', 'log', 'warn', 'error', 'fatal']) console[level]('%s is %d', level, 1, { a: 1 })
  }`
const ALL = ['TRACE', 'DEBUG', 'INFO', 'INFO', 'WARN', 'ERROR', 'FATAL']

test('text on stdout: tabs between the fields, line breaks become carriage returns', async t => {
  for (const generation of [3, 4]) {
    const fn = await start(t, `${EVERYTHING}; console.log('two\\nlines')`, { generation, frames: false })
    const call = fn.invoke()
    await call.done
    await fn.api.parked()
    const lines = fn.stdout.trimEnd().split('\n').map(line => line.split('\t'))
    assert.ok(lines.every(([time]) => STAMP.test(time)))
    const init = generation === 4 ? '-' : 'undefined'
    assert.deepEqual(lines.map(([, ...rest]) => rest), [
      [init, 'INFO', 'in init'], [init, 'INFO', 'two\rlines'],
      ...ALL.map((level, i) => [call.id, level, `${['trace', 'debug', 'info', 'log', 'warn', 'error', 'fatal'][i]} is 1 { a: 1 }`]),
    ])
  }
})

test('frames: type with the level, length, microseconds, payload with its line breaks', async t => {
  const fn = await start(t, `${EVERYTHING}; console.log('two\\nlines ż')`)
  const before = BigInt(Date.now()) * 1000n
  const call = fn.invoke()
  await call.done
  await fn.settled()
  const types = [0x0c, 0x0c, 0x04, 0x08, 0x0c, 0x0c, 0x10, 0x14, 0x18].map(bits => (0xa55a0003 | bits) >>> 0)
  assert.deepEqual(fn.frames.map(frame => frame.type), types)
  assert.match(fn.frames[1].text, /\tundefined\tINFO\ttwo\nlines ż\n$/)
  for (const { micros, text } of fn.frames) {
    assert.ok(micros > before - 60_000_000n && micros < before + 60_000_000n)
    assert.equal(new Date(Number(micros / 1000n)).toISOString(), text.split('\t')[0])
  }
  assert.equal(fn.stdout, '')
})

test('JSON frames', async t => {
  const fn = await start(t, `
    class MyError extends Error { constructor(m) { super(m); this.extra = 1 } }
    export const handler = async () => {
      console.log('text')
      console.info({ a: [1] })
      console.warn('two', { b: 1 })
      console.error(new MyError('boom'))
      console.error('failed:', new MyError('boom'))
      console.log(1n)
      console.log('a\\nb')
      const cycle = {}; cycle.cycle = cycle; console.log(cycle)
      console.log()
    }`, { env: { AWS_LAMBDA_LOG_FORMAT: 'JSON' } })
  const call = fn.invoke({}, { 'Lambda-Runtime-Aws-Tenant-Id': 'tenant-1' })
  await call.done
  await fn.settled()
  const entries = fn.frames.map(frame => JSON.parse(frame.text))
  assert.ok(entries.every(entry => STAMP.test(entry.timestamp) && entry.requestId === call.id && entry.tenantId === 'tenant-1'))
  assert.deepEqual(fn.frames.map(frame => frame.type).slice(0, 4), [0x0c, 0x0c, 0x10, 0x14].map(bits => (0xa55a0002 | bits) >>> 0))
  const [text, object, two, error, mixed, big, lines, cycle] = entries
  assert.deepEqual([text.level, text.message], ['INFO', 'text'])
  assert.deepEqual(object.message, { a: [1] })
  assert.deepEqual([two.level, two.message], ['WARN', 'two { b: 1 }'])
  assert.equal(error.message.errorType, 'MyError')
  assert.equal(error.message.errorMessage, 'boom')
  assert.equal(error.message.extra, 1)
  assert.ok(Array.isArray(error.message.stackTrace))
  assert.match(mixed.message, /^failed: /)
  assert.deepEqual([mixed.errorType, mixed.errorMessage], ['MyError', 'boom'])
  assert.equal(big.message, '1n')
  assert.equal(lines.message, 'a\nb')
  assert.match(cycle.message, /Circular/)
})

test('JSON on stdout, failures as objects', async t => {
  const fn = await start(t, 'export const handler = async () => { throw new TypeError("no") }', { frames: false, env: { AWS_LAMBDA_LOG_FORMAT: 'JSON' } })
  await fn.run()
  const entry = JSON.parse(fn.stdout)
  assert.equal(entry.level, 'ERROR')
  assert.equal(entry.message.errorType, 'TypeError')
})

test('AWS_LAMBDA_LOG_LEVEL, any case; fatal always gets through', async t => {
  for (const [level, want] of [['trace', ALL], ['Debug', ALL.slice(1)], ['INFO', ALL.slice(2)], ['warn', ALL.slice(4)], ['ERROR', ALL.slice(5)], ['FATAL', ALL.slice(6)], ['other', ALL]]) {
    const fn = await start(t, EVERYTHING.replace("console.log('in init')", ''), { env: { AWS_LAMBDA_LOG_LEVEL: level } })
    await fn.run()
    await fn.settled()
    assert.deepEqual(fn.frames.map(frame => frame.text.split('\t')[2]), want, level)
  }
})

test('failures: message, code and own properties, stack as an array', async t => {
  const fn = await start(t, 'export const handler = async () => { throw Object.assign(new TypeError("no"), { code: "E1", extra: { a: 1 } }) }')
  await fn.run()
  await fn.settled()
  const [, , level, title, json] = fn.log.split('\t')
  assert.deepEqual([level, title], ['ERROR', 'Invoke Error '])
  const error = JSON.parse(json)
  assert.deepEqual([error.errorType, error.errorMessage, error.code, error.extra], ['TypeError', 'no', 'E1', { a: 1 }])
  assert.equal(error.stack[0], 'TypeError: no')
})

test('process.stdout and stderr are raw', async t => {
  const fn = await start(t, 'export const handler = async () => { process.stdout.write("out\\n\\n"); process.stderr.write("err\\n") }')
  await fn.run()
  assert.equal(fn.stdout, 'out\n\n')
  assert.equal(fn.stderr, 'err\n')
  assert.deepEqual(fn.frames, [])
})

test('hints go to stderr without a log descriptor', async t => {
  const fn = await start(t, 'export const handler = () => 1', { frames: false })
  await fn.run()
  assert.match(fn.stderr, /^\[sluice\] hint: the handler is not async and returned a value: .*\n$/)
})

test('a slow reader of the log loses nothing, and exit does not cut it', async t => {
  const fn = await start(t, `export const handler = async () => {
    for (let i = 0; i < 2000; i++) console.log('line ' + i + ' ' + 'x'.repeat(1000))
    process.exit(0)
  }`)
  fn.child.stdio[3].pause()
  setTimeout(() => fn.child.stdio[3].resume(), 200)
  fn.invoke()
  assert.equal(await fn.exit, 0)
  assert.deepEqual(fn.frames.map(frame => Number(/line (\d+)/.exec(frame.text)[1])), Array.from({ length: 2000 }, (_, i) => i))
})
