// One invocation from here, and what can be measured of it. Times are milliseconds
// since the request left.

import * as api from './api.mjs'
import { Decoder } from './eventstream.mjs'

// Measure collects when chunks came.
export class Measure {
  chunks = [] // {t, total}: the time and the bytes so far
  bytes = 0
  count = null // of the chunks, if not all of them are known
  first = null
  gap = { from: 0, ms: 0 } // the largest between two chunks
  end = null
  ending = '' // "" while it runs, then "complete" or what went wrong
  details = ''
  requestId = ''

  chunk(t, size) {
    const last = this.chunks.at(-1)
    if (last && t - last.t > this.gap.ms) this.gap = { from: last.t, ms: t - last.t }
    this.first ??= t
    this.bytes += size
    this.chunks.push({ t, total: this.bytes })
  }

  finish(t, ending, details = '') {
    this.end = t
    this.ending = ending
    this.details = details
  }
}

// streamed invokes with a streamed response. It calls onchunk(bytes, t) for each
// chunk, and throws only if the server refused.
export async function streamed(measure, name, event, signal, onchunk) {
  const { clock, sent } = stopwatch(measure)
  const decoder = new Decoder()
  let complete = null
  let broken = null
  const response = await api.invokeStreaming(name, event, signal, sent)
  measure.requestId = response.headers.get('x-amzn-requestid') ?? ''
  try {
    const reader = response.body.getReader()
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      const t = clock()
      for (const { headers, payload } of decoder.push(value)) {
        if (headers[':message-type'] === 'exception' || headers[':message-type'] === 'error') {
          broken = new Error(headers[':exception-type'] ?? headers[':error-code'] ?? 'the server reported an error')
        } else if (headers[':event-type'] === 'PayloadChunk') {
          measure.chunk(t, payload.length)
          onchunk(payload, t)
        } else if (headers[':event-type'] === 'InvokeComplete') {
          complete = JSON.parse(new TextDecoder().decode(payload) || '{}')
        }
      }
    }
    decoder.end()
  } catch (error) {
    broken = error
  }
  if (signal.aborted) measure.finish(clock(), 'stopped here')
  else if (broken) measure.finish(clock(), 'broken', broken.message)
  else if (!complete) measure.finish(clock(), 'cut off', 'the connection ended before the response did')
  else if (complete.ErrorCode) measure.finish(clock(), complete.ErrorCode, explain(complete.ErrorDetails))
  else measure.finish(clock(), 'complete')
}

// buffered invokes the other way: the response comes when it is complete.
export async function buffered(measure, name, event, signal, onchunk) {
  const { clock, sent } = stopwatch(measure)
  const response = await api.invokeBuffered(name, event, signal, sent)
  measure.requestId = response.headers.get('x-amzn-requestid') ?? ''
  const failed = response.headers.get('x-amz-function-error')
  const text = new TextDecoder()
  let start = ''
  await drain(measure, response, clock, signal, (bytes, t) => {
    if (start.length < 4096) start += text.decode(bytes, { stream: true })
    onchunk(bytes, t)
  })
  if (measure.ending === 'complete' && failed) measure.finish(measure.end, 'function error', explain(start))
}

// opened sends a request to a Function URL. It calls onhead(status, headers) before
// the first chunk.
export async function opened(measure, path, options, signal, onhead, onchunk) {
  const { clock, sent } = stopwatch(measure)
  const response = await api.open(path, { ...options, signal, sent })
  if (response.type === 'opaqueredirect') {
    measure.finish(clock(), 'redirect', 'browsers tell a page neither its status nor where it leads')
    return
  }
  measure.requestId = response.headers.get('x-amzn-requestid') ?? ''
  measure.first = clock() // the head is the first that a client gets
  onhead(response.status, [...response.headers])
  await drain(measure, response, clock, signal, onchunk)
}

async function drain(measure, response, clock, signal, onchunk) {
  try {
    const reader = response.body?.getReader()
    for (;;) {
      const { done, value } = (await reader?.read()) ?? { done: true }
      if (done) break
      const t = clock()
      measure.chunk(t, value.length)
      onchunk(value, t)
    }
    measure.finish(clock(), 'complete')
  } catch (error) {
    if (signal.aborted) measure.finish(clock(), 'stopped here')
    else measure.finish(clock(), 'broken', 'the connection was broken off, as Lambda does when a stream fails')
  }
}

function stopwatch(measure) {
  measure.started = performance.now()
  return { clock: () => performance.now() - measure.started, sent: () => (measure.started = performance.now()) }
}

// explain makes the JSON of an error one line.
function explain(text) {
  try {
    const { errorType, errorMessage } = JSON.parse(text)
    if (errorMessage !== undefined) return errorType ? `${errorType}: ${errorMessage}` : String(errorMessage)
  } catch {
    // It is text already.
  }
  return String(text ?? '').slice(0, 500)
}
