// The page and what belongs to it, read once for each execution environment.

import { readFileSync } from 'node:fs'

// Everything comes from this function, and nothing is inline. Nothing is sent,
// framed or looked up elsewhere.
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

const types = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  mjs: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
}

export const files = new Map(['page.html', 'page.css', 'page.mjs', 'chart.mjs', 'ledger.mjs', 'icon.svg'].map((name) => [
  name === 'page.html' ? '/' : `/${name}`,
  {
    headers: { 'content-type': types[name.split('.').at(-1)], 'content-security-policy': policy, 'referrer-policy': 'no-referrer' },
    body: readFileSync(new URL(name, import.meta.url)),
  },
]))
