// What the page loads. All of it is in the function.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import style from './page.css';
import icon from './icon.svg';

// esbuild writes it beside the function's own bundle.
const client = readFileSync(join(__dirname, 'client.js'), 'utf8');

/** Part of the files' addresses, so that a browser may keep them for ever. */
export const version = createHash('sha256').update(client).update(style).update(icon).digest('hex').slice(0, 12);

export const files = new Map([
  ['/client.js', { type: 'text/javascript; charset=utf-8', body: client }],
  ['/page.css', { type: 'text/css; charset=utf-8', body: style }],
  ['/icon.svg', { type: 'image/svg+xml', body: icon }],
]);
