// A chat: GET / is the page, POST /chat answers in server-sent events.

import { readFileSync } from 'node:fs';
import { answer } from './answer.mjs';

const page = readFileSync(new URL('./page.html', import.meta.url));

export const handler = awslambda.streamifyResponse(async (event, responseStream) => {
  const route = `${event.requestContext.http.method} ${event.rawPath}`;
  switch (route) {
    case 'GET /':
      return reply(responseStream, 200, 'text/html; charset=utf-8', page);
    case 'POST /chat':
      return chat(event, responseStream);
    default:
      return reply(responseStream, 404, 'text/plain; charset=utf-8', `There is no ${route} here.\n`);
  }
});

// The page sends the whole conversation each time, as models want it: the function
// remembers nothing.
async function chat(event, responseStream) {
  const messages = conversation(event);
  if (!messages) {
    const expected = '{"messages":[{"role":"user","content":"Hello"}]}';
    return reply(responseStream, 400, 'text/plain; charset=utf-8', `Send JSON such as ${expected}\n`);
  }
  const stream = open(responseStream, 200, 'text/event-stream; charset=utf-8');
  try {
    for await (const text of answer(messages)) {
      send(stream, 'token', { text });
    }
    send(stream, 'done', {});
  } catch (err) {
    // The status is gone already, so the reader is told in an event of its own.
    console.error(err);
    send(stream, 'failed', { message: 'The answer broke off. Please try again.' });
  }
  stream.end();
}

function conversation(event) {
  try {
    const text = event.isBase64Encoded ? Buffer.from(event.body, 'base64').toString() : event.body;
    const { messages } = JSON.parse(text);
    const valid = messages.length > 0 && messages.every((m) => typeof m.content === 'string');
    return valid ? messages : undefined;
  } catch {
    return undefined;
  }
}

// One server-sent event: fields, then an empty line. JSON has no line breaks of its own.
function send(stream, name, data) {
  stream.write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
}

function open(responseStream, statusCode, type) {
  return awslambda.HttpResponseStream.from(responseStream, {
    statusCode,
    headers: { 'content-type': type, 'cache-control': 'no-store' },
  });
}

// Status and headers travel with the first write, so there always is one.
function reply(responseStream, statusCode, type, body) {
  const stream = open(responseStream, statusCode, type);
  stream.write(body);
  stream.end();
}
