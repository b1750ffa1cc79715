import { setTimeout as sleep } from 'node:timers/promises'

export const handler = awslambda.streamifyResponse(async (event, responseStream) => {
  responseStream.setContentType('text/plain')
  for (const word of event.words ?? []) {
    responseStream.write(`${word}\n`)
    await sleep(200)
  }
  responseStream.end()
})
