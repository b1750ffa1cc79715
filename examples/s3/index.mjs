// Downloads from an S3 bucket: the page at /, the objects at /objects as JSON, and
// each of them at /objects/<key>, streamed from S3 to the client.

import { pipeline } from 'node:stream/promises'

import { list, look, open } from './bucket.mjs'
import { decide, isConditional } from './conditions.mjs'
import { files } from './files.mjs'
import { disposition, keyOf } from './key.mjs'
import { Refusal } from './refusal.mjs'

const pageOfObjects = 50

export const handler = awslambda.streamifyResponse(async (event, responseStream) => {
  try {
    await route(event, responseStream)
  } catch (error) {
    // Anything else is a failure of the function: a 502, or a stream that breaks.
    if (!(error instanceof Refusal)) throw error
    refuse(event, responseStream, error)
  }
})

async function route(event, responseStream) {
  const { rawPath: path, requestContext: { http: { method } } } = event
  const file = files.get(path)
  const known = file || path === '/objects' || path.startsWith('/objects/')
  if (!known) throw new Refusal(404, 'There is nothing at this address.')
  if (method !== 'GET' && method !== 'HEAD') throw new Refusal(405, `${method} is not offered here.`, { allow: 'GET, HEAD' })

  if (file) return send(responseStream, 200, file.headers, file.body)
  if (path === '/objects') {
    const page = await list(event.queryStringParameters?.after, pageOfObjects)
    return send(responseStream, 200, { 'content-type': 'application/json; charset=utf-8' }, JSON.stringify(page) + '\n')
  }
  const key = keyOf(path.slice('/objects/'.length))
  if (method === 'HEAD') return head(event.headers, responseStream, key)
  return download(event.headers, responseStream, key)
}

async function head(asked, responseStream, key) {
  const object = await look(key)
  const { status } = decide({ ...asked, range: undefined }, facts(object))
  withoutBody(responseStream, object, key, status)
}

async function download(asked, responseStream, key) {
  let answer = { status: 200 }, object
  if (isConditional(asked)) {
    object = await look(key)
    answer = decide(asked, facts(object))
    if (answer.status > 206) return withoutBody(responseStream, object, key, answer.status)
  }
  const { Body, ...opened } = await open(key, { etag: object?.ETag, first: answer.first, last: answer.last })
  object ??= opened

  const response = awslambda.HttpResponseStream.from(responseStream, {
    statusCode: answer.status,
    headers: headersOf(object, key, answer.status, answer),
  })
  // Status and headers travel with the first write, and an object may be empty.
  response.write('')
  try {
    // pipeline() reads from S3 only what the client has room for. It leaves the end
    // to us: if S3 breaks off it would destroy the response, which costs the
    // execution environment as well, while an error that is thrown breaks the
    // response alone.
    await pipeline(Body, response, { end: false })
  } catch (error) {
    // Nobody reads any more; pipeline() has hung up on S3.
    if (responseStream.destroyed) return console.log(`stopped: ${key}: the response broke off`)
    throw new Error(`S3 broke off: ${error.message}`, { cause: error })
  }
  response.end()
}

function withoutBody(responseStream, object, key, status) {
  const headers = headersOf(object, key, status)
  if (status === 412) throw new Refusal(412, 'The object is not the one that was asked for.', headers)
  if (status === 416) throw new Refusal(416, `The object has ${object.ContentLength} bytes, and none of them is in the range.`, headers)
  send(responseStream, status, headers, '')
}

const facts = ({ ETag, LastModified, ContentLength }) => ({ etag: ETag, modified: LastModified, size: ContentLength })

function headersOf(object, key, status, { first, last } = {}) {
  const size = object.ContentLength
  const headers = {
    'accept-ranges': 'bytes',
    'cache-control': object.CacheControl ?? 'private, no-cache',
    etag: object.ETag,
    'last-modified': object.LastModified?.toUTCString(),
    ...(status === 206 && { 'content-range': `bytes ${first}-${last}/${size}` }),
    ...(status === 416 && { 'content-range': `bytes */${size}` }),
    ...(status < 300 && {
      'content-type': object.ContentType || 'application/octet-stream',
      'content-disposition': disposition(key),
      // What SDKs write into it on their way to S3 does not concern the reader.
      'content-encoding': object.ContentEncoding?.split(/,\s*/).filter(coding => coding !== 'aws-chunked').join(', '),
      'content-language': object.ContentLanguage,
      'x-content-type-options': 'nosniff',
      // Whatever the object is, it runs nothing in this origin.
      'content-security-policy': "default-src 'none'; sandbox",
      'repr-digest': digestOf(object),
      // Lambda streams in chunks, without a content-length.
      'x-object-size': String(size),
    }),
  }
  return Object.fromEntries(Object.entries(headers).filter(([, value]) => value))
}

// S3's checksum in the form of RFC 9530, whose registry has no names for crc32 and
// crc64nvme. That of a multipart upload may be a checksum of its parts' checksums,
// which says nothing to somebody who doesn't know the parts.
function digestOf(object) {
  if (object.ChecksumType === 'COMPOSITE') return undefined
  const [name, value] = [
    ['sha-256', object.ChecksumSHA256],
    ['crc64nvme', object.ChecksumCRC64NVME],
    ['crc32c', object.ChecksumCRC32C],
    ['crc32', object.ChecksumCRC32],
    ['sha', object.ChecksumSHA1],
  ].find(([, value]) => value && !value.includes('-')) ?? []
  return name && `${name}=:${value}:`
}

// send answers in one piece. HEAD is answered like GET; the platform leaves the
// body out.
function send(responseStream, statusCode, headers, body) {
  const response = awslambda.HttpResponseStream.from(responseStream, {
    statusCode,
    headers: { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', ...headers },
  })
  response.write(body)
  response.end()
}

// refuse answers a browser that follows a link with a page, and programs with JSON.
function refuse(event, responseStream, { status, message, headers }) {
  if (/\btext\/html\b/.test(event.headers.accept ?? '')) {
    send(responseStream, status, { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': "default-src 'none'", ...headers },
      `<!doctype html>\n<meta charset="utf-8">\n<meta name="viewport" content="width=device-width">\n<meta name="color-scheme" content="light dark">\n<title>${status}</title>\n<h1>${status}</h1>\n<p>${message}</p>\n`)
  } else {
    send(responseStream, status, { 'content-type': 'application/json; charset=utf-8', ...headers }, JSON.stringify({ error: { message } }) + '\n')
  }
}
