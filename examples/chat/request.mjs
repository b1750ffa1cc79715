// What a request for an answer may be. Everything else is refused with a status
// and a sentence.

const largestBody = 256 * 1024;
const mostMessages = 100;
const longestMessage = 32_000;
const roles = ['system', 'user', 'assistant'];

/** A request that gets no answer: a status, and a message for whoever sent it. */
export class Refusal extends Error {
  constructor(status, message, headers = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

/** The messages of a Function URL's event. Throws a Refusal. */
export function readMessages(event) {
  // A page of another origin can't send this type unless CORS allows it.
  if (!/^application\/json\s*(;|$)/i.test(event.headers['content-type'] ?? '')) {
    throw new Refusal(415, 'content-type has to be application/json');
  }
  const body = Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8');
  if (body.length > largestBody) throw new Refusal(413, `the body may have ${largestBody} bytes`);
  return messagesOf(parse(body));
}

function parse(body) {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    throw new Refusal(400, 'the body is not JSON');
  }
}

function messagesOf(request) {
  if (request === null || typeof request !== 'object' || Array.isArray(request)) throw new Refusal(400, 'the body has to be an object with messages');
  // Other members of the OpenAI-compatible request are taken and not used.
  const { messages, stream = true } = request;
  if (stream !== true) throw new Refusal(400, 'answers are always streamed: stream has to be true');
  if (!Array.isArray(messages) || messages.length === 0) throw new Refusal(400, 'messages has to be a list with one message or more');
  if (messages.length > mostMessages) throw new Refusal(400, `messages may have ${mostMessages} entries`);
  const read = messages.map((message, i) => {
    const { role, content } = message ?? {};
    if (!roles.includes(role)) throw new Refusal(400, `messages[${i}].role has to be one of ${roles.join(', ')}`);
    if (typeof content !== 'string' || content.trim() === '') throw new Refusal(400, `messages[${i}].content has to be text`);
    if (content.length > longestMessage) throw new Refusal(400, `messages[${i}].content may have ${longestMessage} characters`);
    return { role, content };
  });
  if (read.at(-1).role !== 'user') throw new Refusal(400, 'the last message has to be of the user');
  return read;
}
