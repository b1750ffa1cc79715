// Requests to the server, signed, and its errors.

import { available, emptyHash, sha256, sign, stamp } from './sigv4.mjs'
import * as credentials from './credentials.mjs'

// ApiError is a refusal. `code` is its type, as AWS names it.
export class ApiError extends Error {
  constructor(status, code, message) {
    super(message)
    this.name = 'ApiError'
    this.status = status
    this.code = code
  }
}

// These say that the signature is not accepted; other refusals are about what was
// asked for.
const unsigned = ['UnrecognizedClientException', 'InvalidSignatureException', 'MissingAuthenticationTokenException', 'IncompleteSignatureException']

// request sends a request and returns its response, whose status is below 400. If
// the server wants other credentials, it asks for them and tries again. `sent` is called at the moment a request leaves.
export async function request(path, options = {}) {
  const response = await negotiate(path, options)
  if (!response.ok) throw await refusal(response)
  return response
}

// negotiate is request with any status, as long as the signature is taken.
async function negotiate(path, options) {
  for (;;) {
    const used = credentials.current()
    const response = await send(path, options, used)
    if (response.status !== 403 || !unsigned.includes(type(response))) return response
    const error = await refusal(response)
    if (!available()) throw new ApiError(403, error.code, `${error.message} Open this page over https or on localhost: only there do browsers let a page sign.`)
    // The server knows the key and says which region it is in.
    const region = /region and to the service lambda: ([a-z0-9-]+)\/lambda/.exec(error.message)?.[1]
    if (region && region !== used.region) {
      if (credentials.current() === used) credentials.keep({ ...used, region })
    } else if (credentials.current() === used) {
      await credentials.ask(error.message, used, options.signal)
    }
  }
}

// open sends a request to a Function URL and returns whatever it answers. Only
// URLs that want a signature get one: others hand all headers to the function.
export async function open(path, { method, headers, body, signal, sent, signed }) {
  const options = { method, headers, body: body || undefined, signal, sent, redirect: 'manual' }
  const response = await (signed ? negotiate(path, options) : get(new URL(path, location.origin), { ...options, headers }))
  if (response.status === 403 && type(response) === 'AccessDeniedException') throw await refusal(response)
  return response
}

async function send(path, { method = 'GET', body, headers = {}, signal, sent, redirect }, { key, secret, region }) {
  const url = new URL(path, location.origin)
  const bytes = body === undefined ? undefined : new TextEncoder().encode(body)
  const signed = { 'x-amz-date': stamp(new Date()) }
  for (const [name, value] of Object.entries(headers)) signed[name.toLowerCase()] = value
  let authorization
  if (available()) {
    const hash = bytes === undefined ? emptyHash : await sha256(bytes)
    signed['x-amz-content-sha256'] = hash
    authorization = await sign({ method, url, headers: { ...signed, host: url.host }, hash, key, secret, region, service: 'lambda' })
  } else {
    const scope = `${signed['x-amz-date'].slice(0, 8)}/${region}/lambda/aws4_request`
    authorization = `AWS4-HMAC-SHA256 Credential=${key}/${scope}, SignedHeaders=host;x-amz-date, Signature=none`
  }
  return get(url, { method, body: bytes, headers: { ...signed, authorization }, signal, sent, redirect })
}

async function get(url, { sent, ...options }) {
  try {
    sent?.()
    return await fetch(url, { ...options, cache: 'no-store', credentials: 'omit' })
  } catch (error) {
    if (error.name === 'AbortError') throw error
    throw new ApiError(0, 'Unreachable', 'The server does not answer.')
  }
}

const type = (response) => response.headers.get('x-amzn-errortype')?.split(':')[0] ?? ''

async function refusal(response) {
  const code = type(response)
  const text = await response.text()
  let message = text.trim().slice(0, 500)
  try {
    const document = JSON.parse(text)
    message = document.message ?? document.Message ?? message
  } catch {
    // It is plain text.
  }
  return new ApiError(response.status, code, message || `The server answered with status ${response.status}.`)
}

const json = async (path, options) => (await request(path, options)).json()

const name = encodeURIComponent

// functions returns all of them, page after page.
export async function functions(signal) {
  const all = []
  for (let marker = ''; marker !== null; ) {
    const page = await json(`/2015-03-31/functions?MaxItems=50${marker && `&Marker=${name(marker)}`}`, { signal })
    all.push(...(page.Functions ?? []))
    marker = page.NextMarker || null
  }
  return all
}

export const configuration = (f, signal) => json(`/2015-03-31/functions/${name(f)}/configuration`, { signal })

// urls returns a function's URLs.
export const urls = async (f, signal) => (await json(`/2021-10-31/functions/${name(f)}/urls`, { signal })).FunctionUrlConfigs ?? []

// invocations returns records, newest first: {function, since, until, limit}, where
// "" is no bound.
export const invocations = async (wanted, signal) => (await json(`/_sluice/invocations?${query(wanted)}`, { signal })) ?? []

// invocation returns the record of one, with its timeline, or null.
export async function invocation(id, signal) {
  const answer = await json(`/_sluice/invocations?${query({ request: id })}`, { signal })
  return [].concat(answer ?? []).find(({ requestId }) => requestId === id) ?? null
}

const query = (values) => Object.entries(values).filter(([, value]) => value).map(([key, value]) => `${key}=${name(value)}`).join('&')

export const events = (signal) => request('/_sluice/events', { signal, headers: { accept: 'text/event-stream' } })

// logs returns the log lines of an invocation, at most so many.
export async function logs(id, lines, signal) {
  const response = await request(`/_sluice/logs?${query({ request: id, lines })}`, { signal })
  const text = await response.text()
  return text.split('\n').filter(Boolean).map((line) => JSON.parse(line)).filter((line) => line.requestId === id)
}

export const invokeStreaming = (f, event, signal, sent) =>
  request(`/2021-11-15/functions/${name(f)}/response-streaming-invocations`, { method: 'POST', body: event, signal, sent })

export const invokeBuffered = (f, event, signal, sent) => request(`/2015-03-31/functions/${name(f)}/invocations`, { method: 'POST', body: event, signal, sent })
