// The handler with a response stream that breaks, which no client can bring about:
// Lambda doesn't tell a function that its reader left. The broker is real; the
// variable BROKER_URL says where.

import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { test } from 'node:test'

const broker = process.env.BROKER_URL
globalThis.awslambda = {
  streamifyResponse: (handler) => handler,
  HttpResponseStream: { from: (stream, prelude) => Object.assign(stream, { prelude }) },
}

const event = { rawPath: '/readings', rawQueryString: '', requestContext: { http: { method: 'GET' } }, headers: {} }
const context = { getRemainingTimeInMillis: () => 60_000 }

for (const [name, cause] of [['fails', new Error('socket hang up')], ['closes', undefined]]) {
  for (const [reader, write] of [['reads', (_piece, _encoding, done) => done()], ['is behind', () => {}]]) {
    test(`the broker is left when the stream ${name} and its reader ${reader}`, { skip: !broker && 'needs BROKER_URL', timeout: 30_000 }, async (t) => {
      const { handler } = await import('../index.mjs')
      const log = t.mock.method(console, 'log', () => {})
      let begun
      const first = new Promise((resolve) => { begun = resolve })
      const stream = new Writable({
        highWaterMark: 1,
        write(...args) {
          begun()
          write(...args)
        },
      })
      const before = await consumers()
      const done = handler(event, stream, context)
      await first
      stream.destroy(cause)
      await done
      assert.match(log.mock.calls[0].arguments[0], /^stream ended, nobody reads it: \d+ readings/)
      const left = (await consumers()).filter((name) => !before.includes(name))
      assert.deepEqual(left, [])
    })
  }
}

// consumers are those that the broker serves.
async function consumers() {
  const { connect } = await import('@nats-io/transport-node')
  const { jetstreamManager } = await import('@nats-io/jetstream')
  const connection = await connect({ servers: new URL(broker).host })
  try {
    const names = []
    const manager = await jetstreamManager(connection)
    for await (const { name } of manager.consumers.list('READINGS')) names.push(name)
    return names
  } catch (error) {
    if (error.code === 10059) return [] // nobody has made the stream yet
    throw error
  } finally {
    await connection.close()
  }
}
