// The awslambda global. docs/contract/node-runtime.md §4.1.

export const STREAMING = Symbol.for('aws.lambda.runtime.handler.streaming')
const HIGH_WATER_MARK = Symbol.for('aws.lambda.runtime.handler.streaming.highWaterMark')

const INTEGRATION_TYPE = 'application/vnd.awslambda.http-integration-response'
const SEPARATOR = new Uint8Array(8)

/**
 * Makes the global.
 * @param {import('./quirks.mjs').Quirks} quirks
 * @param {object} [invokeStore] generation 4 has one
 */
export function makeAwslambda(quirks, invokeStore) {
  class HttpResponseStream {
    /** Gives a response stream status, headers and cookies; sent with its first write. */
    static from(responseStream, prelude) {
      responseStream.setContentType(INTEGRATION_TYPE)
      const { head, body } = quirks.fixed ? mend(prelude) : { head: prelude }
      const json = JSON.stringify(head)
      if (!quirks.fixed) examine(prelude, quirks)
      responseStream._onBeforeFirstWrite = write => {
        write(json)
        write(SEPARATOR)
        if (body?.length > 0) write(body)
      }
      return responseStream
    }
  }
  const awslambda = {
    streamifyResponse(handler, options) {
      handler[STREAMING] = 'response'
      if (typeof options?.highWaterMark === 'number') handler[HIGH_WATER_MARK] = Math.trunc(options.highWaterMark)
      return handler
    },
    HttpResponseStream,
  }
  if (invokeStore) awslambda.InvokeStore = invokeStore
  return awslambda
}

const isObject = value => typeof value === 'object' && value !== null
const isStatus = value => Number.isInteger(value) && value >= 100 && value <= 599
const isSetCookie = name => name.toLowerCase() === 'set-cookie'
const asList = value => Array.isArray(value) ? value : [value]

// What AWS ignores or misreads in a prelude.
function examine(prelude, quirks) {
  if (!isObject(prelude)) return
  const { statusCode, status, headers, body, multiValueHeaders } = prelude
  if (statusCode === undefined && status !== undefined) quirks.hint('preludeStatus')
  if (statusCode !== undefined && !isStatus(statusCode)) quirks.hint('preludeStatusCode', JSON.stringify(statusCode))
  if (body !== undefined) quirks.hint('preludeBody')
  if (multiValueHeaders !== undefined) quirks.hint('preludeMultiValue')
  for (const [name, value] of Object.entries(isObject(headers) ? headers : {})) {
    if (isSetCookie(name)) quirks.hint('preludeSetCookie')
    else if (typeof value !== 'string') quirks.hint('preludeHeaderValue', JSON.stringify(name))
  }
}

// The prelude as its author meant it, and a body if there is one in it.
function mend(prelude) {
  if (!isObject(prelude)) return { head: prelude ?? {} }
  const { status, body, isBase64Encoded, multiValueHeaders, ...head } = prelude
  head.statusCode ??= status
  if (typeof head.statusCode === 'string' && isStatus(Number(head.statusCode))) head.statusCode = Number(head.statusCode)
  const headers = {}
  const cookies = [...head.cookies ?? []]
  const all = [...Object.entries(head.headers ?? {}), ...Object.entries(multiValueHeaders ?? {})]
  for (const [name, value] of all) {
    const values = asList(value).filter(item => item !== undefined && item !== null).map(String)
    if (isSetCookie(name)) cookies.push(...values)
    else if (values.length > 0) headers[name] = values.join(', ')
  }
  if (all.length > 0) head.headers = headers
  if (cookies.length > 0) head.cookies = cookies
  const bytes = body === undefined || body === null ? undefined
    : isBase64Encoded ? Buffer.from(String(body), 'base64') : isObject(body) && !ArrayBuffer.isView(body) ? JSON.stringify(body) : body
  return { head, body: bytes }
}
