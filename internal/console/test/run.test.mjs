import assert from 'node:assert/strict'
import test from 'node:test'
import { chunk, complete, concat } from './helpers.mjs'

globalThis.location = { origin: 'http://localhost:9000' }
const answers = []
const requests = []
globalThis.fetch = async (url, options) => {
  requests.push({ path: url.pathname + url.search, ...options })
  return answers.shift()
}

const credentials = await import('../assets/credentials.mjs')
const api = await import('../assets/api.mjs')
const { Measure, buffered, streamed } = await import('../assets/run.mjs')

const answer = (body, headers = {}, status = 200) => new Response(body, { status, headers })

async function stream(...pieces) {
  answers.push(answer(new ReadableStream({ start: (c) => (pieces.forEach((piece) => c.enqueue(piece)), c.close()) }), { 'x-amzn-requestid': 'id-1' }))
  const measure = new Measure()
  const seen = []
  await streamed(measure, 'f', '{}', new AbortController().signal, (piece) => seen.push(Buffer.from(piece).toString()))
  return { measure, seen }
}

test('measures a stream to its end', async () => {
  const { measure, seen } = await stream(concat(chunk('one'), chunk('two!')), complete({}))
  assert.deepEqual(seen, ['one', 'two!'])
  assert.deepEqual([measure.bytes, measure.chunks.length, measure.ending, measure.requestId], [7, 2, 'complete', 'id-1'])
  assert.equal(requests.at(-1).path, '/2021-11-15/functions/f/response-streaming-invocations')
  assert.match(requests.at(-1).headers.authorization, /SignedHeaders=host;x-amz-content-sha256;x-amz-date,/)
})

test('tells failures of the function from failures of the connection', async () => {
  const failed = complete({ ErrorCode: 'Unhandled', ErrorDetails: '{"errorType":"TypeError","errorMessage":"no"}' })
  const { measure } = await stream(chunk('x'), failed)
  assert.deepEqual([measure.ending, measure.details], ['Unhandled', 'TypeError: no'])
  assert.equal((await stream(chunk('x'))).measure.ending, 'cut off')
  assert.equal((await stream(chunk('x').subarray(0, 20))).measure.ending, 'broken')
})

test('measures the largest gap', () => {
  const measure = new Measure()
  for (const t of [900, 1000, 1500, 1600]) measure.chunk(t, 1)
  assert.deepEqual([measure.first, measure.gap], [900, { from: 1000, ms: 500 }])
})

test('measures a buffered response', async () => {
  answers.push(answer('{"errorMessage":"no"}', { 'x-amz-function-error': 'Unhandled' }))
  const measure = new Measure()
  await buffered(measure, 'f', '{}', new AbortController().signal, () => {})
  assert.deepEqual([measure.bytes, measure.ending, measure.details], [21, 'function error', 'no'])
})

test('lists functions page after page, and escapes names', async () => {
  answers.push(answer('{"Functions":[{"FunctionName":"a"}],"NextMarker":"1"}'), answer('{"Functions":[{"FunctionName":"b"}]}'))
  assert.deepEqual((await api.functions()).map((f) => f.FunctionName), ['a', 'b'])
  assert.equal(requests.at(-1).path, '/2015-03-31/functions?MaxItems=50&Marker=1')
  answers.push(answer('[]'))
  await api.invocations({ function: 'a/b&c', since: '', limit: 5 })
  assert.equal(requests.at(-1).path, '/_sluice/invocations?function=a%2Fb%26c&limit=5')
})

test('reads log lines', async () => {
  answers.push(answer('{"requestId":"i","text":"a"}\n{"requestId":"other","text":"b"}\n'))
  assert.deepEqual(await api.logs('i', 10), [{ requestId: 'i', text: 'a' }])
  assert.equal(requests.at(-1).path, '/_sluice/logs?request=i&lines=10')
})

test('throws refusals with their code', async () => {
  answers.push(answer('{"Message":"no such function"}', { 'x-amzn-errortype': 'ResourceNotFoundException' }, 404))
  await assert.rejects(api.configuration('x'), { name: 'ApiError', status: 404, code: 'ResourceNotFoundException', message: 'no such function' })
  answers.push(answer('{"Message":"not allowed"}', { 'x-amzn-errortype': 'AccessDeniedException' }, 403))
  await assert.rejects(api.configuration('x'), { code: 'AccessDeniedException' })
})

test('signs for the region that the server is in', async () => {
  credentials.keep({ key: 'AK', secret: 's', region: 'us-east-1' })
  const message = 'Credential should be scoped to a valid region and to the service lambda: eu-west-1/lambda.'
  answers.push(answer(JSON.stringify({ message }), { 'x-amzn-errortype': 'InvalidSignatureException' }, 403), answer('{}'))
  await api.configuration('x')
  assert.match(requests.at(-1).headers.authorization, /Credential=AK\/\d{8}\/eu-west-1\/lambda\/aws4_request/)
})
