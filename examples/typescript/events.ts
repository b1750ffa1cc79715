/** One server-sent event. */
export interface Message {
  id: number;
  event: 'tick' | 'done';
  data: { left: number };
}

/** Counts down to zero, which is told by an event of its own. */
export function* countdown(from: number): Generator<Message> {
  for (let left = from; left > 0; left--) {
    yield { id: from - left, event: 'tick', data: { left } };
  }
  yield { id: from, event: 'done', data: { left: 0 } };
}

/** Writes an event the way the wire wants it: fields, then an empty line. */
export function encode({ id, event, data }: Message): string {
  return `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
