// The page and what belongs to it, read once for each execution environment.

import { readFileSync } from 'node:fs'

// Everything comes from this function, and nothing is inline. There is no form
// that is sent without script, nothing is framed, nothing is looked up elsewhere.
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const page = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': policy,
  'referrer-policy': 'no-referrer',
}

export const files = new Map([
  ['/', load('page.html', page)],
  ['/page.css', load('page.css', { 'content-type': 'text/css; charset=utf-8' })],
  ['/page.mjs', load('page.mjs', { 'content-type': 'text/javascript; charset=utf-8' })],
  ['/transfer.mjs', load('transfer.mjs', { 'content-type': 'text/javascript; charset=utf-8' })],
  ['/checksum.mjs', load('checksum.mjs', { 'content-type': 'text/javascript; charset=utf-8' })],
  ['/icon.svg', load('icon.svg', { 'content-type': 'image/svg+xml', 'content-security-policy': "default-src 'none'" })],
])

function load(name, headers) {
  return { headers, body: readFileSync(new URL(name, import.meta.url)) }
}
