import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import awsLambdaFastify from '@fastify/aws-lambda'
import Fastify from 'fastify'

const app = Fastify()
app.get('/', (_, reply) => {
  reply.header('content-type', 'text/plain').header('x-by', 'fastify').status(201)
  return reply.send(
    Readable.from(
      (async function* () {
        yield 'first '
        await sleep(400)
        yield 'second'
      })(),
    ),
  )
})

const proxy = awsLambdaFastify(app, { payloadAsStream: true })
export const handler = awslambda.streamifyResponse(async (event, responseStream, context) => {
  const { meta, stream } = await proxy(event, context)
  await pipeline(stream, awslambda.HttpResponseStream.from(responseStream, meta))
})
await app.ready()
