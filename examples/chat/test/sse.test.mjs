import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Parser, events } from '../sse.mjs';

const read = (...pieces) => {
  const parser = new Parser();
  return pieces.flatMap((piece) => parser.push(piece));
};
const message = (data, event = 'message') => ({ event, data });

for (const [name, text, want] of [
  ['one event', 'data: a\n\n', [message('a')]],
  ['a name', 'event: error\ndata: a\n\ndata: b\n\n', [message('a', 'error'), message('b')]],
  ['several lines', 'data: a\ndata:b\ndata\n\n', [message('a\nb\n')]],
  ['only one space goes', 'data:  a \n\n', [message(' a ')]],
  ['comments and other fields', ': hi\nid: 1\nretry: 5\nnope: x\ndata: a\n\n', [message('a')]],
  ['a name without data', 'event: x\n\ndata: a\n\n', [message('a')]],
  ['line ends', 'data: a\r\n\r\ndata: b\r\rdata: c\n\n', [message('a'), message('b'), message('c')]],
  ['a byte order mark', '\uFEFFdata: a\n\n', [message('a')]],
  ['an event that is not complete', 'data: a\n\ndata: b\n', [message('a')]],
]) {
  test(`the parser takes ${name}, cut anywhere`, () => {
    assert.deepEqual(read(text), want);
    assert.deepEqual(read(...text), want);
    for (let at = 0; at <= text.length; at++) {
      assert.deepEqual(read(text.slice(0, at), '', text.slice(at)), want, `cut at ${at}`);
    }
  });
}

test('a line without end is not kept for ever', () => {
  const parser = new Parser();
  assert.throws(() => { for (;;) parser.push('x'.repeat(100_000)); }, RangeError);
});

test('characters may be cut between their bytes', async () => {
  const bytes = new TextEncoder().encode('data: ü€😀\n\n');
  const body = new ReadableStream({
    start(controller) {
      for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
      controller.close();
    },
  });
  assert.deepEqual(await all(events(body)), [message('ü€😀')]);
});

test('leaving the loop cancels the body', async () => {
  let cancelled = false;
  const body = new ReadableStream({
    start(controller) { controller.enqueue(new TextEncoder().encode('data: a\n\n')); },
    cancel() { cancelled = true; },
  });
  for await (const { data } of events(body)) {
    assert.equal(data, 'a');
    break;
  }
  assert.ok(cancelled);
});

async function all(iterable) {
  const items = [];
  for await (const item of iterable) items.push(item);
  return items;
}
