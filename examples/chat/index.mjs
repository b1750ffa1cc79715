// A chat: the page at /, and its answers at /chat as server-sent events.
//
// The answers have the shape of OpenAI's chat completions stream, which most
// clients can read: one JSON chunk an event, then [DONE].

import { once } from 'node:events';

import { files } from './files.mjs';
import * as provider from './provider.mjs';
import { Refusal, readMessages } from './request.mjs';
import * as scripted from './model.mjs';

// The switch: with CHAT_API_URL a real model answers, without it the scripted one.
const model = process.env.CHAT_API_URL ? provider : scripted;

// An answer comes back as history with the next question, so it has a bound.
const longestAnswer = 30_000;
// What is left of the function's time when an answer is ended properly, rather
// than broken off by the platform.
const reserve = 2_000;

export const handler = awslambda.streamifyResponse(async (event, responseStream, context) => {
  try {
    await route(event, responseStream, context);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const body = { error: { message: error.message, type: 'invalid_request_error' } };
    send(responseStream, error.status, { 'content-type': 'application/json; charset=utf-8', ...error.headers }, JSON.stringify(body) + '\n');
  }
});

async function route(event, responseStream, context) {
  const { method } = event.requestContext.http;
  const file = files.get(event.rawPath);
  if (file) {
    // HEAD is answered like GET; the platform leaves the body out.
    if (method !== 'GET' && method !== 'HEAD') throw new Refusal(405, `${method} is not offered here`, { allow: 'GET, HEAD' });
    return send(responseStream, 200, file.headers, file.body);
  }
  switch (event.rawPath) {
    case '/chat':
    case '/chat/completions': // where an SDK with this URL as its base looks
      if (method !== 'POST') throw new Refusal(405, `${method} is not offered here`, { allow: 'POST' });
      return answer(readMessages(event), responseStream, context);
    default:
      throw new Refusal(404, 'there is nothing at this path');
  }
}

// send answers in one piece. It always writes before it ends: status and headers
// travel with the first write.
function send(responseStream, statusCode, headers, body) {
  const response = awslambda.HttpResponseStream.from(responseStream, {
    statusCode,
    headers: { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', ...headers },
  });
  response.write(body);
  response.end();
}

async function answer(messages, responseStream, context) {
  const started = Date.now();
  const stop = new AbortController();
  const { signal } = stop;

  // A stream that breaks has no reader any more, and the model can stop. Lambda
  // itself doesn't tell a function that its reader left (nor does Sluice): there
  // the answer goes on to its end, which is why it has bounds.
  responseStream.on('error', () => stop.abort('broken'));
  responseStream.on('close', () => {
    if (!responseStream.writableFinished) stop.abort('broken');
  });
  const clock = setTimeout(() => stop.abort('late'), context.getRemainingTimeInMillis() - reserve);

  const stream = awslambda.HttpResponseStream.from(responseStream, {
    statusCode: 200,
    headers: { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' },
  });
  const write = async (text) => {
    signal.throwIfAborted();
    // False means that the reader is behind.
    if (!stream.write(text)) await once(stream, 'drain', { signal });
  };
  const chunk = (delta, finish = null) => `data: ${JSON.stringify({
    id: `chatcmpl-${context.awsRequestId}`,
    object: 'chat.completion.chunk',
    created: Math.floor(started / 1000),
    model: model.name,
    choices: [{ index: 0, delta, finish_reason: finish }],
  })}\n\n`;

  let deltas = 0, length = 0, finish = 'stop';
  const log = (ending) => console.log(`answer ${ending}: ${deltas} deltas, ${Date.now() - started} ms`);
  try {
    // The reader sees at once that somebody is there.
    await write(chunk({ role: 'assistant', content: '' }));
    for await (const piece of model.answer(messages, { signal })) {
      finish = piece.finish ?? finish;
      if (!piece.content) continue;
      await write(chunk({ content: piece.content }));
      deltas++;
      length += piece.content.length;
      if (length >= longestAnswer) {
        finish = 'length';
        break; // which ends the model as well
      }
    }
    log('complete');
  } catch (error) {
    if (signal.reason === 'broken') return log('stopped, nobody reads it');
    if (signal.reason === 'late') {
      finish = 'length';
      log('cut, its time is up');
    } else {
      log('failed');
      console.error(error);
      // The status has left long ago: the error is an event. Only what was
      // written for the reader is shown to them.
      const message = error instanceof provider.ProviderError ? error.message : 'The model failed. The log of the function says why.';
      stream.write(`event: error\ndata: ${JSON.stringify({ error: { message, type: 'model_error' } })}\n\n`);
      stream.end();
      return;
    }
  } finally {
    clearTimeout(clock); // or the invocation would wait for it
  }
  stream.write(chunk({}, finish));
  stream.write('data: [DONE]\n\n');
  stream.end();
}
