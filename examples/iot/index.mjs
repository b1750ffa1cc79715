// Live readings of devices: the page at /, and what it shows at /readings as
// server-sent events.
//
// An event's id is the number that the broker gave the reading. A reader who comes
// back with it gets everything since, whichever function serves them then.

import { once } from 'node:events'
import { finished } from 'node:stream/promises'

import { BrokerError, open } from './broker.mjs'
import { files } from './files.mjs'
import { readReading } from './reading.mjs'
import { readRequest, Refusal } from './request.mjs'

// What is left of the function's time when the stream ends properly. Its reader
// connects again, to a function with all its time before it.
const reserve = 1_500
// How long a reader waits before that: after a proper end, and while nothing works.
const soon = 1_000
const later = 5_000
// A comment, so that nobody on the way takes the connection for dead.
const heartbeat = 10_000

const json = 'application/json; charset=utf-8'
const eventStream = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
}

export const handler = awslambda.streamifyResponse(async (event, responseStream, context) => {
  try {
    await route(event, responseStream, context)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    send(responseStream, error.status, { 'content-type': json, ...error.headers }, JSON.stringify({ error: { message: error.message } }) + '\n')
  }
})

async function route(event, responseStream, context) {
  const { method } = event.requestContext.http
  const file = files.get(event.rawPath)
  if (file) {
    // HEAD is answered like GET; the platform leaves the body out.
    if (method !== 'GET' && method !== 'HEAD') throw new Refusal(405, `${method} is not offered here`, { allow: 'GET, HEAD' })
    return send(responseStream, 200, file.headers, file.body)
  }
  if (event.rawPath !== '/readings') throw new Refusal(404, 'there is nothing at this path')
  if (method !== 'GET') throw new Refusal(405, `${method} is not offered here`, { allow: 'GET' })
  return live(readRequest(event), responseStream, context)
}

// send answers in one piece. It always writes before it ends: status and headers
// travel with the first write.
function send(responseStream, statusCode, headers, body) {
  const response = awslambda.HttpResponseStream.from(responseStream, {
    statusCode,
    headers: { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', ...headers },
  })
  response.write(body)
  response.end()
}

async function live(request, responseStream, context) {
  // A socket to a broker that doesn't answer takes long to close, and nobody is to
  // pay for that.
  context.callbackWaitsForEmptyEventLoop = false
  const started = Date.now()
  const stop = new AbortController()
  const { signal } = stop
  // A stream that breaks has no reader any more. Lambda itself doesn't tell a
  // function that its reader left (nor does Sluice): then it goes on until its time
  // is up, which is why that isn't long.
  responseStream.on('error', () => stop.abort('broken'))
  responseStream.on('close', () => {
    if (!responseStream.writableFinished) stop.abort('broken')
  })
  const clock = setTimeout(() => stop.abort('time'), context.getRemainingTimeInMillis() - reserve)

  let feed, stream, pulse
  let readings = 0, rejected = 0
  const write = async (text) => {
    signal.throwIfAborted()
    pulse.refresh()
    // False means that the reader is behind. Until they have caught up, the rest
    // stays in the broker.
    if (!stream.write(text)) await once(stream, 'drain', { signal })
  }
  try {
    feed = await open({ ...request, url: process.env.BROKER_URL ?? 'nats://127.0.0.1:4222' })
    stream = awslambda.HttpResponseStream.from(responseStream, { statusCode: 200, headers: eventStream })
    pulse = setInterval(() => {
      if (!stream.writableNeedDrain) stream.write(': nothing new\n\n')
    }, heartbeat)
    // The page says that it is live when this comes, since a failure has status 200 too.
    await write(`retry: ${soon}\n` + event('ready', {}))
    for await (const item of feed.items(signal)) {
      const { text, isReading, isRejected } = told(item)
      await write(text)
      if (isReading) readings++
      if (isRejected) rejected++
    }
  } catch (error) {
    if (error instanceof BrokerError) {
      console.error(error)
      if (!stream) return refuse(error, request, responseStream)
      // The status has left long ago: the failure is an event.
      stream.write(failure(error, soon))
    } else if (!signal.aborted) {
      throw error
    }
  } finally {
    clearTimeout(clock)
    clearInterval(pulse)
    if (stream) {
      stream.end()
      const why = { time: 'its time is up', broken: 'nobody reads it' }[signal.reason] ?? 'it failed'
      console.log(`stream ended, ${why}: ${readings} readings, ${rejected} rejected, ${Date.now() - started} ms`)
    }
    await feed?.close()
    if (stream) await finished(stream).catch(() => {}) // a reader who is behind still gets what was written
  }
}

// told is what the reader is told of an item.
function told(item) {
  if (item.kind === 'restart') return { text: event('restart', {}) }
  if (item.kind === 'gap') return { text: event('gap', { from: item.from, to: item.seq }, item.seq) }
  const { seq, device, time, pending } = item
  const reading = readReading(item.data)
  // How old it is when it leaves and how many come after it tells the reader whether
  // they are behind, whatever their own clock says.
  const data = { device, time, ...reading, age: Math.max(0, Date.now() - time), pending }
  // What isn't a reading has a number too, and whoever counts must not miss it.
  return reading.why ? { isRejected: true, text: event('rejected', data, seq) } : { isReading: true, text: event('', data, seq) }
}

function event(name, data, id) {
  return (name && `event: ${name}\n`) + (id === undefined ? '' : `id: ${id}\n`) + `data: ${JSON.stringify(data)}\n\n`
}

function failure({ message }, retry) {
  return `retry: ${retry}\n` + event('error', { message })
}

// An EventSource gives up for good when the status isn't 200. It gets an event
// instead, and tries again; everybody else gets the status.
function refuse(error, { asEvents }, responseStream) {
  if (asEvents) return send(responseStream, 200, eventStream, failure(error, later))
  throw new Refusal(503, error.message, { 'retry-after': `${later / 1000}` })
}
