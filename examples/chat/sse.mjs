// Server-sent events from the body of a fetch(), in the browser and in Node.js.
// EventSource reads them too, but can't send a POST.

/** A line of an event that is longer than this is not for us. */
const longestLine = 1 << 20;

/** Turns text into events; the text may be cut anywhere. */
export class Parser {
  #line = ''; // a line that has begun
  #afterReturn = false; // a line feed that comes now belongs to the line before
  #first = true;
  #event = '';
  #data = [];

  /**
   * Takes the next piece of text and returns the events that it completes.
   * @returns {{event: string, data: string}[]}
   */
  push(text) {
    if (this.#first && text !== '') {
      this.#first = false;
      if (text[0] === '\uFEFF') text = text.slice(1);
    }
    if (this.#afterReturn && text !== '') {
      this.#afterReturn = false;
      if (text[0] === '\n') text = text.slice(1);
    }
    this.#afterReturn = text.endsWith('\r') || (text === '' && this.#afterReturn);
    const lines = (this.#line + text).split(/\r\n|\n|\r/);
    this.#line = lines.pop();
    if (this.#line.length > longestLine) throw new RangeError('a line of the event stream is too long');
    return lines.flatMap((line) => this.#take(line));
  }

  // An empty line ends an event. One without data is none.
  #take(line) {
    if (line === '') {
      const complete = this.#data.length > 0 ? [{ event: this.#event || 'message', data: this.#data.join('\n') }] : [];
      this.#event = '';
      this.#data = [];
      return complete;
    }
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon); // empty for a comment
    const value = colon < 0 ? '' : line.slice(colon + (line[colon + 1] === ' ' ? 2 : 1));
    if (field === 'event') this.#event = value;
    if (field === 'data') this.#data.push(value);
    return [];
  }
}

/**
 * Reads the events of a body as they arrive. Leaving the loop cancels the body.
 * @param {ReadableStream<Uint8Array>} body
 * @returns {AsyncGenerator<{event: string, data: string}>}
 */
export async function* events(body) {
  const parser = new Parser();
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  // Not `for await`: not every browser can do that with a body.
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield* parser.push(decoder.decode(value, { stream: true }));
    }
  } finally {
    reader.cancel().catch(() => {}); // of a body that is over it does nothing
  }
}
