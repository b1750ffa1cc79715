import { setTimeout as sleep } from 'node:timers/promises'
import { initTRPC } from '@trpc/server'
import { awsLambdaStreamingRequestHandler } from '@trpc/server/adapters/aws-lambda'

const t = initTRPC.create()
const router = t.router({
  counting: t.procedure.query(async function* () {
    yield 'first'
    await sleep(400)
    yield 'second'
  }),
})

export const handler = awslambda.streamifyResponse(awsLambdaStreamingRequestHandler({ router, createContext: () => ({}) }))
