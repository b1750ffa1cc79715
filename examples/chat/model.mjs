// A model that is a script: it knows a few topics, needs no network and says the
// same thing every time. It takes its time, as a real one does.

import { setTimeout as sleep } from 'node:timers/promises';

export const name = 'scripted';

/**
 * Answers the last message, token by token.
 * @param {{role: string, content: string}[]} messages
 * @param {{signal?: AbortSignal, pace?: number}} options pace scales the pauses; 0 leaves them out
 * @returns {AsyncGenerator<{content: string}>}
 */
export async function* answer(messages, { signal, pace = 1 } = {}) {
  const question = messages.at(-1).content;
  const { text, fails } = compose(question, messages.filter((m) => m.role === 'user').length);
  await pause(400); // a model reads before it writes
  for (const token of tokens(text)) {
    yield { content: token };
    await pause(delay(token));
  }
  if (fails) throw new Error('the scripted model was asked to fail');

  async function pause(ms) {
    if (pace > 0) await sleep(ms * pace, undefined, { signal });
    else signal?.throwIfAborted();
  }
}

/** Splits a text into pieces of the size that models speak in; joined they are the text. */
export function tokens(text) {
  return text.match(/\s*[\p{L}\p{N}'’]{1,6}|\s*\S|\s+/gu) ?? [];
}

// Sentences end with a breath, and long tokens take longer.
function delay(token) {
  if (/[.!?:]$/.test(token)) return 220;
  if (/[,;]$/.test(token)) return 90;
  return 25 + 5 * token.length;
}

// compose chooses what to say; turn is the number of the question.
function compose(question, turn) {
  const count = /\bcount\b\D*(\d+)/i.exec(question);
  if (count) return { text: counting(Number(count[1])) };
  const topic = topics.find(({ about }) => about.test(question)) ?? { texts: [help] };
  return { ...topic, text: topic.texts[(turn - 1) % topic.texts.length] };
}

function counting(to) {
  if (to < 1) return 'I start at one, so there is nothing to count.';
  const numbers = Array.from({ length: Math.min(to, 100) }, (_, i) => i + 1).join(', ');
  return to > 100 ? `${numbers}. That is where I stop: a hundred is plenty.` : `${numbers}. Done!`;
}

const help = `I am a small script, not a real model, so I know only a few things. You can

• say hello,
• ask me what streaming is,
• ask for a story,
• ask me to count to a number,
• ask me to fail, to see what an error looks like.

Set CHAT_API_URL, and a real model answers in my place.`;

// The first topic that matches is taken.
const topics = [
  {
    about: /\bfail\b|\bbreak\b|\bcrash\b/i,
    texts: ['Very well. I will say a few words, and then, in the middle of a'],
    fails: true,
  },
  {
    about: /\bstream|\btoken|\bsse\b|server.sent|how do(es)? (you|this|it) work/i,
    texts: [
      `A function that buffers works in silence: you see nothing until the last word is written. A function that streams hands over each word as soon as it has it.

That is what happens here. Each token is one call of write(). The platform passes it on at once, as a server-sent event, and the page adds it to this sentence while I am still thinking about the next.

The answer is not ready any sooner, but you can read it while it grows. And if you press Stop, you need not wait for the rest.`,
    ],
  },
  {
    about: /\bstory\b|\btale\b/i,
    texts: [
      `There was once a mill whose keeper trusted no half measures. He closed the sluice until the pond was full, and only then let all of the water out. The wheel stood still for an hour and then nearly tore itself off its axle.

One spring his daughter raised the gate by the width of a hand and left it there. The water came as it came. The wheel turned, slowly, all day long.

"But the pond is never full," said the keeper.

"No," said his daughter. "But look at the flour."`,
      `A lighthouse had one visitor a year, who always asked the same question: how many ships had been saved?

"I can't tell," the keeper always said. "I see the ones that pass, and they don't stop to thank me."

One year the fog was so thick that the visitor's own boat found the harbour only by the light: a flash, a pause, a flash. He climbed the stairs and asked nothing.

"One," said the keeper, and put the kettle on.`,
    ],
  },
  {
    about: /\bthank/i,
    texts: ["You're welcome. It was a pleasure, as far as a script can tell."],
  },
  {
    about: /\b(hello|hi|hey|good (morning|afternoon|evening))\b/i,
    texts: [
      'Hello! I am a small script that talks like a model, one token at a time. Ask me what streaming is, ask for a story, or ask me to count to 20.',
    ],
  },
];
