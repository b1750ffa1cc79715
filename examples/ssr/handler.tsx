// A page of React that streams: the shell at once, then each part as it is ready.

import { randomBytes } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import type { ReactElement } from 'react';
import { renderToPipeableStream } from 'react-dom/server';

import { files, version } from './files';
import { Nowhere, Page } from './page';
import { isPart, load, wishes } from './parts';
import { Source } from './source';

// What is left of the function's time when a page is ended properly, rather than
// broken off by the platform.
const reserve = 1000;

// They read a page once, and don't wait for what scripts put into place.
const bots = /bot|crawl|spider|slurp|preview|externalhit/i;

const late = new Error('the time of the function is nearly up');
const unwanted = new Error('nobody wants the rest');

export const handler = awslambda.streamifyResponse(async (event, responseStream, context) => {
  const { rawPath } = event;
  const { method } = event.requestContext.http;
  if (method !== 'GET' && method !== 'HEAD') {
    return send(responseStream, 405, { 'content-type': 'text/plain; charset=utf-8', allow: 'GET, HEAD' }, `${method} is not offered here.\n`);
  }
  const query = new URLSearchParams(event.rawQueryString);
  const file = files.get(rawPath);
  if (file) {
    const cacheControl = query.get('v') === version ? 'public, max-age=31536000, immutable' : 'no-cache';
    return send(responseStream, 200, { 'content-type': file.type, 'cache-control': cacheControl }, file.body);
  }

  // Ends what still waits for data when the page no longer can.
  const stop = new AbortController();
  const clock = setTimeout(() => stop.abort(late), context.getRemainingTimeInMillis() - reserve);
  try {
    const [, part] = /^\/parts\/(.*)$/.exec(rawPath) ?? [];
    if (part !== undefined) return await answerPart(part, query, responseStream, stop.signal);
    if (rawPath === '/') return await renderLamp(event, query, responseStream, context, stop);
    // As many folders up as the address is deep.
    const root = '../'.repeat(rawPath.split('/').length - 2) || './';
    await render(<Nowhere root={root} version={version} />, { status: 404, whole: true, head: method === 'HEAD', responseStream, context, stop });
  } finally {
    clearTimeout(clock); // or the invocation would wait for it
    stop.abort(unwanted);
  }
});

async function renderLamp(event: awslambda.FunctionUrlEvent, query: URLSearchParams, responseStream: awslambda.ResponseStream, context: awslambda.Context, stop: AbortController) {
  const wished = wishes(query);
  const source = new Source((name, attempt) => load(name, attempt, wished, stop.signal));
  await render(<Page source={source} version={version} />, {
    status: 200,
    whole: wished.whole || bots.test(event.headers['user-agent'] ?? ''),
    head: event.requestContext.http.method === 'HEAD',
    script: `client.js?v=${version}`,
    responseStream, context, stop,
  });
}

interface Rendering {
  status: number;
  /** Waits for everything instead of sending the shell first. */
  whole: boolean;
  /** Only status and headers are asked for. */
  head: boolean;
  /** What brings the page to life. */
  script?: string;
  responseStream: awslambda.ResponseStream;
  context: awslambda.Context;
  stop: AbortController;
}

/** Renders a page into the response. */
async function render(page: ReactElement, { status, whole, head, script, responseStream, context, stop }: Rendering) {
  const began = Date.now();
  const nonce = randomBytes(16).toString('base64');
  let failed = 0;

  let shell: () => void, broken: (error: unknown) => void;
  const ready = new Promise<void>((resolve, reject) => { shell = resolve; broken = reject; });
  const { pipe, abort } = renderToPipeableStream(page, {
    nonce,
    bootstrapModules: script ? [script] : [],
    // React moves what would delay the rest of the page to its end; for who takes
    // the page in one piece, everything stays in its place.
    progressiveChunkSize: whole ? Infinity : undefined,
    onShellReady() { if (!whole || head) shell(); },
    onAllReady() { if (whole) shell(); },
    onShellError(error) { broken(error); },
    // What it returns reaches the browser, and with it the way to the log.
    onError(error) {
      if (error === unwanted || stop.signal.reason === unwanted) return;
      failed++;
      console.error(error === late || stop.signal.reason === late ? `a part is left out: ${late.message}` : error);
      return context.awsRequestId;
    },
  });
  // React sends the fallbacks of what is missing as final, and the browser asks
  // for those parts itself.
  stop.signal.addEventListener('abort', () => abort(stop.signal.reason));

  try {
    await ready;
  } catch {
    // Nothing has left yet: the status can still say it.
    return send(responseStream, 500, { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': policy(nonce) }, sorry);
  }
  const headers = { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': policy(nonce), 'referrer-policy': 'no-referrer' };
  if (head) return send(responseStream, status, headers, '\n'); // the platform leaves the body out

  // pipeline() holds React back while the reader is behind, and ends both when
  // either breaks. Lambda doesn't tell a function that its reader left: then the
  // page is rendered to its end.
  const shown = Date.now() - began;
  const body = new PassThrough();
  pipe(body);
  try {
    await pipeline(body, awslambda.HttpResponseStream.from(responseStream, { statusCode: status, headers: { ...common, ...headers } }));
    console.log(`page complete: first byte after ${shown} ms, all after ${Date.now() - began} ms, parts that failed: ${failed}`);
  } catch (error) {
    console.log(`page broken off after ${Date.now() - began} ms: ${error}`);
  }
}

/** A part on its own, for a page that couldn't have it. */
async function answerPart(name: string, query: URLSearchParams, responseStream: awslambda.ResponseStream, signal: AbortSignal) {
  const answer = (status: number, body: unknown) => send(responseStream, status, { 'content-type': 'application/json; charset=utf-8' }, JSON.stringify(body));
  if (!isPart(name)) return answer(404, { error: 'there is no such part' });
  try {
    return answer(200, await load(name, Number(query.get('attempt')) || 1, wishes(query), signal));
  } catch (error) {
    console.error(error);
    return signal.aborted ? answer(504, { error: 'it took too long' }) : answer(502, { error: 'its source failed' });
  }
}

// send answers in one piece. It always writes before it ends: status and headers
// travel with the first write.
function send(responseStream: awslambda.ResponseStream, statusCode: number, headers: Record<string, string>, body: string) {
  const response = awslambda.HttpResponseStream.from(responseStream, { statusCode, headers: { ...common, ...headers } });
  response.write(body);
  response.end();
}

const common = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };

// Everything comes from this function. Inline scripts are React's, which move a
// part that arrived to its place; each page has a nonce of its own for them.
const policy = (nonce: string) => [
  "default-src 'none'",
  `script-src 'nonce-${nonce}'`,
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const sorry = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sorry</title>
<h1>Sorry, this page is broken</h1>
<p>We know, and are on it.</p>
</html>
`;
