import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import middy from '@middy/core'

export const handler = middy({ streamifyResponse: true }).handler(async () => ({
  statusCode: 202,
  headers: { 'content-type': 'text/plain' },
  body: Readable.from(
    (async function* () {
      yield 'first '
      await sleep(400)
      yield 'second'
    })(),
  ),
}))
