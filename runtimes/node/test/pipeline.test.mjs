// Much data: byte-identical, with memory bounded by what is in flight.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { start } from './support/harness.mjs'

const MB = 1 << 20
const SOURCE = `
  import stream, { Readable } from 'node:stream'
  import { pipeline } from 'node:stream/promises'
  import { promisify } from 'node:util'
  import { createHash } from 'node:crypto'
  // Bytes that differ everywhere, in pieces of changing size.
  function * bytes(total) {
    for (let at = 0, i = 0; at < total; i++) {
      const piece = Buffer.alloc(Math.min(total - at, 1 + (i * 7919) % 150000))
      for (let k = 0; k < piece.length; k += 97) piece[k] = (at + k * 31) & 255
      at += piece.length
      yield piece
    }
  }
  const streamed = body => awslambda.streamifyResponse(body)
  let peak = 0
  const sample = () => { peak = Math.max(peak, process.memoryUsage().rss) }
  const digest = total => { const hash = createHash('sha256'); for (const piece of bytes(total)) hash.update(piece); return hash.digest('hex') }
  const total = 30 * ${MB}
  const report = () => console.log('sha256=' + digest(total))
`

const WAYS = [
  ['util.promisify(stream.pipeline)', 'await promisify(stream.pipeline)(Readable.from(bytes(total)), s)'],
  ['stream/promises pipeline', 'await pipeline(Readable.from(bytes(total)), s)'],
  ['an async generator', 'await pipeline(async function * () { yield * bytes(total) }, s)'],
  ['pipe', 'Readable.from(bytes(total)).pipe(s); await new Promise(resolve => s.on("finish", resolve))'],
  ['write and drain', 'for (const piece of bytes(total)) if (!s.write(piece)) await new Promise(resolve => s.once("drain", resolve)); s.end()'],
  ['write without looking', 'for (const piece of bytes(total)) s.write(piece); s.end()'],
]

for (const [name, body] of WAYS) {
  test(`30 MB by ${name}`, async t => {
    const fn = await start(t, `${SOURCE}; export const handler = streamed(async (event, s) => { report(); ${body} })`)
    const request = await fn.run()
    assert.ok(request.complete)
    assert.equal(request.body.length, 30 * MB)
    assert.equal(createHash('sha256').update(request.body).digest('hex'), /sha256=(\w+)/.exec(fn.log)[1])
  })
}

test('a slow reader holds the function back: bounded memory, nothing lost', async t => {
  const fn = await start(t, `${SOURCE}; export const handler = streamed(async (event, s) => {
    const before = process.memoryUsage().rss
    const piece = Buffer.alloc(65536, 'x')
    let written = 0
    const timer = setInterval(() => { sample(); console.log('written=' + written) }, 20)
    for (let i = 0; i < 3200; i++) { if (!s.write(piece)) await new Promise(resolve => s.once('drain', resolve)); written += piece.length }
    s.end()
    await new Promise(resolve => s.on('finish', resolve))
    clearInterval(timer)
    console.log('grown=' + (peak - before))
  })`)
  const call = fn.invoke()
  const { connection } = await call.began
  connection.socket.pause()
  const written = () => Number([...fn.log.matchAll(/written=(\d+)/g)].at(-1)?.[1] ?? 0)
  // Time enough to write everything, were it not held back.
  await new Promise(resolve => setTimeout(resolve, 500))
  const stalled = written()
  assert.ok(stalled < 8 * MB, `${stalled} bytes were written into a stream that nobody reads`)
  connection.socket.resume()
  const request = await call.done
  assert.equal(request.body.length, 3200 * 65536)
  await fn.api.parked()
  await fn.settled()
  const grown = Number(/grown=(-?\d+)/.exec(fn.log)[1])
  assert.ok(grown < 80 * MB, `memory grew by ${grown} bytes for a 200 MB response`)
})

test('write() tells when to wait, and drain when to go on', async t => {
  const fn = await start(t, `${SOURCE}; export const handler = streamed(async (event, s) => {
    const small = s.write('x'.repeat(100))
    const large = s.write('x'.repeat(20000))
    const need = s.writableNeedDrain
    await new Promise(resolve => s.once('drain', resolve))
    console.log([small, large, need, s.writableNeedDrain, s.writableLength].join())
    s.end()
  })`)
  await fn.run()
  await fn.settled()
  assert.match(fn.log, /\ttrue,false,true,false,0\n/)
})

test('large chunks are not copied: a 16 MB write costs its own memory only', async t => {
  const fn = await start(t, `${SOURCE}; export const handler = streamed(async (event, s) => {
    const piece = Buffer.alloc(16 * ${MB}, 1)
    const before = process.memoryUsage().rss
    const timer = setInterval(sample, 1)
    s.write(piece)
    sample()
    await new Promise(resolve => s.end(resolve))
    sample()
    clearInterval(timer)
    console.log('grown=' + (peak - before))
  })`)
  const request = await fn.run()
  assert.equal(request.body.length, 16 * MB)
  await fn.settled()
  const grown = Number(/grown=(-?\d+)/.exec(fn.log)[1])
  assert.ok(grown < 10 * MB, `grown by ${grown}`)
})
