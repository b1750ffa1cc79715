// Signature Version 4: how a request to AWS proves who sends it.

const text = new TextEncoder()

export const emptyHash = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

// available tells whether this page may sign; browsers allow it on localhost and
// over https only.
export const available = () => globalThis.crypto?.subtle !== undefined

// sign returns the Authorization header of a request. `headers` holds all that are
// signed, with host and x-amz-date; `hash` is sha256() of the body.
export async function sign({ method, url, headers, hash, key, secret, region, service }) {
  const address = new URL(url)
  const entries = Object.entries(headers)
    .map(([name, value]) => [name.toLowerCase(), String(value).trim().replace(/ +/g, ' ')])
    .sort(byCode)
  const names = entries.map(([name]) => name).join(';')
  const canonical = [
    method,
    canonicalPath(address.pathname),
    canonicalQuery(address.searchParams),
    ...entries.map(([name, value]) => `${name}:${value}`),
    '',
    names,
    hash,
  ].join('\n')
  const time = Object.fromEntries(entries)['x-amz-date']
  const scope = `${time.slice(0, 8)}/${region}/${service}/aws4_request`
  const toSign = ['AWS4-HMAC-SHA256', time, scope, await sha256(text.encode(canonical))].join('\n')
  let signingKey = text.encode('AWS4' + secret)
  for (const part of scope.split('/')) signingKey = await hmac(signingKey, part)
  const signature = hex(await hmac(signingKey, toSign))
  return `AWS4-HMAC-SHA256 Credential=${key}/${scope}, SignedHeaders=${names}, Signature=${signature}`
}

// stamp is a time as X-Amz-Date has it.
export const stamp = (date) => date.toISOString().replace(/[-:]|\.\d+/g, '')

export async function sha256(bytes) {
  return hex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)))
}

async function hmac(key, message) {
  const imported = await crypto.subtle.importKey('raw', key, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
  return new Uint8Array(await crypto.subtle.sign('HMAC', imported, text.encode(message)))
}

const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')

const byCode = ([a, x], [b, y]) => (a < b ? -1 : a > b ? 1 : x < y ? -1 : x > y ? 1 : 0)

// escape leaves only the characters that RFC 3986 calls unreserved.
const escape = (part) => encodeURIComponent(part).replace(/[!'()*]/g, (c) => '%' + c.charCodeAt(0).toString(16).toUpperCase())

// The path is signed escaped twice: once as it travels, and again.
const canonicalPath = (path) => path.split('/').map(escape).join('/')

function canonicalQuery(params) {
  return [...params]
    .map(([name, value]) => [escape(name), escape(value)])
    .sort(byCode)
    .map(([name, value]) => `${name}=${value}`)
    .join('&')
}
