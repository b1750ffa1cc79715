// A real model: any service with an OpenAI-compatible chat completions stream.
//
//   CHAT_API_URL  its base address, such as https://api.openai.com/v1
//   CHAT_API_KEY  the key, if it wants one
//   CHAT_MODEL    the model to ask for

import { events } from './sse.mjs';

const { CHAT_API_URL: address = '', CHAT_API_KEY: key, CHAT_MODEL: model } = process.env;

export const name = model || 'default';

/** A failure of the provider. Its message is for the reader, its cause for the log. */
export class ProviderError extends Error {}

/**
 * Passes on what the provider streams.
 * @param {{role: string, content: string}[]} messages
 * @param {{signal: AbortSignal}} options
 * @returns {AsyncGenerator<{content?: string, finish?: string}>}
 */
export async function* answer(messages, { signal }) {
  const response = await ask(messages, signal);
  let finished = false;
  try {
    for await (const { data } of events(response.body)) {
      if (data === '[DONE]') return;
      const piece = JSON.parse(data);
      if (piece.error) throw new ProviderError('The provider reported an error in the middle of the answer.', { cause: piece.error });
      const { delta, finish_reason: finish } = piece.choices?.[0] ?? {};
      if (delta?.content) yield { content: delta.content };
      if (finish) {
        finished = true;
        yield { finish };
      }
    }
  } catch (cause) {
    if (signal.aborted || cause instanceof ProviderError) throw cause;
    throw new ProviderError('The answer broke off on its way from the provider.', { cause });
  }
  // Some end without [DONE].
  if (!finished) throw new ProviderError('The provider ended the answer before it was complete.');
}

async function ask(messages, signal) {
  const base = address.replace(/\/+$/, '');
  let response;
  try {
    response = await fetch(base.endsWith('/chat/completions') ? base : `${base}/chat/completions`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'text/event-stream',
        ...(key && { authorization: `Bearer ${key}` }),
      },
      body: JSON.stringify({ ...(model && { model }), messages, stream: true }),
      redirect: 'error', // the key is for this address only
      signal,
    });
  } catch (cause) {
    if (signal.aborted) throw cause;
    throw new ProviderError("The provider can't be reached. Is CHAT_API_URL right?", { cause });
  }
  if (!response.ok) {
    const text = await response.text().catch(() => '');
    throw new ProviderError(explain(response.status), { cause: `${response.status}: ${text.slice(0, 500)}` });
  }
  if (!/^text\/event-stream\b/i.test(response.headers.get('content-type') ?? '')) {
    await response.body?.cancel();
    throw new ProviderError("The provider's answer is not a stream of events. Is CHAT_API_URL right?");
  }
  return response;
}

// explain turns a status into a sentence. What the provider itself says may name
// accounts and keys, so it is for the log.
function explain(status) {
  switch (status) {
    case 401:
    case 403:
      return 'The provider refuses the key. Is CHAT_API_KEY right?';
    case 404:
      return 'The provider does not know the address or the model. Are CHAT_API_URL and CHAT_MODEL right?';
    case 413:
      return 'The conversation is too long for the model. Start a new one.';
    case 429:
      return 'The provider has too much to do, or the quota is used up. Try again in a while.';
  }
  return status < 500 ? `The provider refuses the question (status ${status}).` : `The provider has failed (status ${status}). Try again in a while.`;
}
