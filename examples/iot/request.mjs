// What a request for readings may ask for. Everything else is refused with a
// status and a sentence.

/** A request that gets no stream: a status, and a message for whoever sent it. */
export class Refusal extends Error {
  constructor(status, message, headers = {}) {
    super(message)
    this.status = status
    this.headers = headers
  }
}

/**
 * Reads a Function URL's event. Throws a Refusal.
 * @returns {{device?: string, after?: number, asEvents: boolean}}
 *   device: the only one whose readings are wanted; after: the sequence number that the
 *   reader has already; asEvents: the reader takes server-sent events and may not take anything else
 */
export function readRequest(event) {
  const query = new URLSearchParams(event.rawQueryString)
  const device = query.get('device') || undefined
  // One token of a subject: a dot or a wildcard would be a different subscription.
  if (device !== undefined && !/^[\w-]{1,64}$/.test(device)) {
    throw new Refusal(400, 'device has to be the name of one device: up to 64 letters, digits, - and _')
  }
  // A browser that reconnects by itself says in a header where it was, and its URL
  // is still that of the first time.
  const after = event.headers['last-event-id'] || query.get('after') || undefined
  if (after !== undefined && !(/^\d+$/.test(after) && Number.isSafeInteger(Number(after)))) {
    throw new Refusal(400, 'Last-Event-ID and after have to be the id of an event, a whole number')
  }
  return {
    device,
    after: after === undefined ? undefined : Number(after),
    asEvents: /\btext\/event-stream\b/i.test(event.headers.accept ?? ''),
  }
}
