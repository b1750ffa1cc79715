// Answers with ?chunks=N pieces of ?size=S bytes, each in an event loop turn of
// its own when ?turns is given.
const pieces = new Map()

function piece(size) {
  let p = pieces.get(size)
  if (!p) pieces.set(size, p = Buffer.alloc(size, 'x'))
  return p
}

export const stream = awslambda.streamifyResponse(async (event, responseStream) => {
  const { chunks = 1, size = 100, turns } = event.queryStringParameters ?? {}
  responseStream = awslambda.HttpResponseStream.from(responseStream, { statusCode: 200, headers: { 'content-type': 'text/plain' } })
  const data = piece(Number(size))
  for (let i = 0; i < Number(chunks); i++) {
    if (!responseStream.write(data)) await new Promise(resolve => responseStream.once('drain', resolve))
    if (turns) await new Promise(setImmediate)
  }
  responseStream.end()
})

export const buffered = async event => {
  const { size = 100 } = event.queryStringParameters ?? {}
  return { statusCode: 200, headers: { 'content-type': 'text/plain' }, body: 'x'.repeat(Number(size)) }
}
