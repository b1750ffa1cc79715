// What the chat says. The answers are made up, so that the project runs without a
// network and without a key; put your model's stream here.

import { setTimeout as sleep } from 'node:timers/promises';

const answers = [
  [/\b(hello|hi|hey)\b/i, 'Hello! I am a scripted answer. Every word you see left the function the moment it was ready.'],
  [/\bstream/i, 'A streamed response is one that has begun before it is finished. You read the first words while the last ones are still being made.'],
  [/\bhow long\b/i, 'As long as the Timeout in template.yaml allows, and at most fifteen minutes.'],
  [/\bthank/i, 'You are welcome.'],
];

/** Yields the answer to a conversation in small pieces, as a model does. */
export async function* answer(messages) {
  const question = messages.at(-1).content;
  const found = answers.find(([pattern]) => pattern.test(question));
  const text = found?.[1] ?? `You said "${question.slice(0, 200)}". I know little more than hello, thanks, what streaming is, and how long it may take.`;
  for (const token of text.match(/\S+\s*/g)) {
    await sleep(80);
    yield token;
  }
}
