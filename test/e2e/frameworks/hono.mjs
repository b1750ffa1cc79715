import { setTimeout as sleep } from 'node:timers/promises'
import { Hono } from 'hono'
import { streamHandle } from 'hono/aws-lambda'
import { streamText } from 'hono/streaming'

const app = new Hono()
app.get('/', (c) =>
  streamText(c, async (stream) => {
    await stream.write('first ')
    await sleep(400)
    await stream.write('second')
  }),
)
app.get('/teapot', (c) => c.text('short and stout', 418, { 'x-kind': 'teapot' }))

export const handler = streamHandle(app)
