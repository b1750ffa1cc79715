// The handler with a response stream that breaks, which no client can bring
// about: Lambda doesn't tell a function that its reader left.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

globalThis.awslambda = {
  streamifyResponse: (handler) => handler,
  HttpResponseStream: { from: (stream, prelude) => Object.assign(stream, { prelude }) },
};
const { handler } = await import('../index.mjs');

const event = (content) => ({
  rawPath: '/chat',
  requestContext: { http: { method: 'POST' } },
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ messages: [{ role: 'user', content }] }),
  isBase64Encoded: false,
});

// ask runs the handler and returns what it wrote and logged.
async function ask(t, { content, milliseconds = 60_000, options = {}, during = () => {} }) {
  const log = t.mock.method(console, 'log', () => {});
  let body = '';
  const stream = new Writable({
    decodeStrings: false,
    write(piece, _encoding, done) { body += piece; done(); },
    ...options,
  });
  const context = { awsRequestId: 'id', getRemainingTimeInMillis: () => milliseconds };
  await Promise.all([handler(event(content), stream, context), during(stream, () => body)]);
  return { stream, body, lines: log.mock.calls.map((call) => call.arguments[0]) };
}

for (const [name, cause] of [['fails', new Error('socket hang up')], ['closes', undefined]]) {
  test(`the model stops when the stream ${name}`, async (t) => {
    const started = Date.now();
    const { lines, body } = await ask(t, {
      content: 'count to 100',
      during: async (stream, written) => {
        while (!written().includes('"content":"1"')) await sleep(5);
        stream.destroy(cause);
      },
    });
    assert.equal(lines.length, 1);
    assert.match(lines[0], /^answer stopped, nobody reads it: \d deltas, \d+ ms$/);
    assert.ok(!body.includes('[DONE]') && Date.now() - started < 3000);
  });
}

test('the model waits for a reader that is behind, and stops when it is gone', async (t) => {
  const { lines } = await ask(t, {
    content: 'hello',
    options: { highWaterMark: 1, write: () => {} }, // nothing is ever taken
    during: async (stream) => {
      await sleep(100);
      stream.destroy();
    },
  });
  assert.deepEqual(lines.map((line) => line.replace(/\d+ ms/, '')), ['answer stopped, nobody reads it: 0 deltas, ']);
});

test('an answer is ended properly before the time is up', async (t) => {
  const { lines, body, stream } = await ask(t, { content: 'count to 100', milliseconds: 3000 });
  assert.match(lines[0], /^answer cut, its time is up: /);
  assert.match(body, /"finish_reason":"length"\}\]\}\n\ndata: \[DONE\]\n\n$/);
  assert.ok(stream.writableEnded && stream.prelude.statusCode === 200);
});
