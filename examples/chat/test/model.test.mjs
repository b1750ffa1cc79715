import assert from 'node:assert/strict';
import { test } from 'node:test';

import { answer, tokens } from '../model.mjs';

async function say(...questions) {
  const messages = questions.map((content) => ({ role: 'user', content }));
  const said = [];
  for await (const { content } of answer(messages, { pace: 0 })) said.push(content);
  return said;
}

test('tokens joined are the text', () => {
  for (const text of ['', ' ', 'Hello, world!', 'a\n\n• b  c\n', 'Überraschungseffekt 😀 12,345.', "it's"]) {
    assert.equal(tokens(text).join(''), text);
  }
});

test('the model knows its topics', async () => {
  for (const [question, want] of [
    ['Hello there', /^Hello!/], ['What is STREAMING?', /write\(\)/], ['tell me a story', /mill/],
    ['thanks', /welcome/], ['count to 3', /^1, 2, 3\. Done!$/], ['Count from one to 200', /, 100\. That/], ['count to 0', /nothing/],
    ['What is this thing?', /I know only/],
  ]) {
    const said = await say(question);
    assert.match(said.join(''), want, question);
    assert.deepEqual(await say(question), said, 'the same again');
    assert.ok(said.length > 5);
  }
  assert.notDeepEqual(await say('a story', 'a story'), await say('a story'));
});

test('the model fails when it is asked to', async () => {
  await assert.rejects(say('please fail'), /asked to fail/);
});

test('the model stops', async () => {
  const stop = new AbortController();
  let said = 0;
  const talk = async () => {
    for await (const piece of answer([{ role: 'user', content: 'count to 100' }], { signal: stop.signal })) {
      if (piece && ++said === 2) stop.abort();
    }
  };
  await assert.rejects(talk(), { name: 'AbortError' });
  assert.equal(said, 2);
});
