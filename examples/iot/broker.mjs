// The readings, as a NATS broker keeps them. Devices publish by MQTT to
// devices/<id>/readings, which the broker maps to the subject devices.<id>.readings;
// a JetStream stream numbers and keeps what arrives there. So history, resuming and
// any number of readers are the broker's work, and the function remembers nothing.

import { connect } from '@nats-io/transport-node'
import { DeliverPolicy, DiscardPolicy, jetstream, jetstreamManager, RetentionPolicy, StorageType } from '@nats-io/jetstream'

const stream = 'READINGS'
const subject = (device) => `devices.${device}.readings`
const nanoseconds = (ms) => ms * 1_000_000

// A reader who comes for the first time gets this much of the past.
const history = 60_000
// For each step of the way to the broker, of which there are four.
const patience = 3_000
// What may be on its way to a reader who is behind. The rest waits in the broker.
const ahead = 100

// Readings older than the first limit or more than the second are forgotten,
// whichever comes first; a message larger than the third is none.
const limits = {
  max_age: nanoseconds(10 * 60_000),
  max_msgs: 100_000,
  max_msg_size: 1024,
}

/** The broker can't serve; the message says to the reader what to do. */
export class BrokerError extends Error {}

/**
 * Connects and finds the place in the stream.
 * @param {{device?: string, after?: number, url: string}} options as in request.mjs
 * @returns {Promise<Feed>} throws a BrokerError, after a bounded time
 */
export async function open({ device, after, url }) {
  let broker
  try {
    broker = await dial(url)
    const { state } = await ensureStream(broker)
    const first = placeIn(state, after)
    const consumer = await jetstream(broker, { timeout: patience }).consumers.get(stream, {
      filter_subjects: subject(device ?? '*'),
      inactive_threshold: 60_000, // the broker tidies up after a function that was killed
      ...first.start,
    })
    return new Feed(broker, consumer, first, !device)
  } catch (error) {
    await broker?.close()
    throw explained(error)
  }
}

async function dial(url) {
  const { protocol, host, username, password } = parsed(url)
  return connect({
    servers: host,
    user: username ? decodeURIComponent(username) : undefined,
    pass: password ? decodeURIComponent(password) : undefined,
    // Never without, if the URL says so; otherwise as the broker likes it.
    tls: protocol === 'tls:' ? {} : undefined,
    name: 'live',
    timeout: patience,
    // A broker that vanishes without a word is noticed after two of these.
    pingInterval: 10_000,
    maxPingOut: 1,
    // A stream that breaks ends, and its reader comes back with Last-Event-ID. That
    // has to work anyway, so it is the only way.
    reconnect: false,
  })
}

function parsed(url) {
  try {
    return new URL(url)
  } catch (cause) {
    throw new BrokerError('BROKER_URL is not a URL like nats://127.0.0.1:4222', { cause })
  }
}

// Whoever comes first makes the stream. One that exists stays as it is: its limits
// may have been chosen by somebody.
async function ensureStream(broker) {
  const { streams } = await jetstreamManager(broker, { timeout: patience })
  try {
    return await streams.info(stream)
  } catch (error) {
    if (error.code !== 10059) throw error // no such stream
    return streams.add({
      name: stream,
      subjects: [subject('*')],
      retention: RetentionPolicy.Limits,
      storage: StorageType.File,
      discard: DiscardPolicy.Old,
      ...limits,
    })
  }
}

// Where to start, and what to tell the reader before. last is the number before
// the first that will come, where it is known.
function placeIn({ first_seq: oldest, last_seq: newest }, after) {
  const recent = {
    start: { deliver_policy: DeliverPolicy.StartTime, opt_start_time: new Date(Date.now() - history).toISOString() },
    notices: [],
  }
  if (after === undefined) return recent
  // Somebody emptied the broker and its numbers begin anew.
  if (after > newest) return { ...recent, notices: [{ kind: 'restart' }] }
  const lost = after + 1 < oldest ? [{ kind: 'gap', from: after + 1, seq: oldest - 1 }] : []
  const last = Math.max(after, oldest - 1)
  return { start: { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: last + 1 }, notices: lost, last }
}

/** An open place in the stream. Whoever opened it closes it. */
class Feed {
  #broker
  #consumer
  #notices
  #last
  #whole

  // whole is for a reader of all devices, whose numbers have no holes.
  constructor(broker, consumer, { notices, last }, whole) {
    this.#broker = broker
    this.#consumer = consumer
    this.#notices = notices
    this.#last = last
    this.#whole = whole
  }

  /**
   * What the stream holds and then what comes, in order, until the signal. Nothing is
   * fetched far ahead of whoever reads this. Throws a BrokerError when the broker goes.
   * @param {AbortSignal} signal
   * @returns {AsyncGenerator<{kind: 'message', seq: number, device: string, time: number, data: Uint8Array, pending: number}
   *   | {kind: 'gap', from: number, seq: number} | {kind: 'restart'}>}
   *   pending messages are in the broker after this one; a gap is from `from` to `seq`: what the broker has
   *   forgotten; after a restart numbers are low again
   */
  async* items(signal) {
    yield* this.#notices
    if (signal.aborted) return
    let messages
    const stop = () => messages.stop()
    try {
      messages = await this.#consumer.consume({ max_messages: ahead })
      signal.addEventListener('abort', stop)
      for await (const message of messages) {
        if (signal.aborted) return
        const { seq, time } = message
        // Forgotten while the reader was slow.
        if (this.#whole && seq > this.#last + 1) yield { kind: 'gap', from: this.#last + 1, seq: seq - 1 }
        this.#last = seq
        const [, device] = message.subject.split('.')
        yield { kind: 'message', seq, device, time: time.getTime(), data: message.data, pending: message.info.pending }
      }
    } catch (error) {
      throw explained(error)
    } finally {
      signal.removeEventListener('abort', stop)
      messages?.stop()
    }
    if (!signal.aborted) throw new BrokerError('The connection to the broker was lost.', { cause: await this.#broker.closed() })
  }

  async close() {
    if (!this.#broker.isClosed()) await this.#consumer.delete().catch(() => {}) // or the broker does, after a minute
    await this.#broker.close()
  }
}

// The reader is told what to do; where the broker is and what it said is for the log.
function explained(cause) {
  if (cause instanceof BrokerError) return cause
  const said = `${cause.name} ${cause.message}`
  if (/authorization|authentication/i.test(said)) {
    return new BrokerError('The broker refuses the name and password in BROKER_URL.', { cause })
  }
  if (/jetstream/i.test(said) || cause.code === 503) {
    return new BrokerError('The broker keeps no streams: start it with JetStream, as in broker.conf.', { cause })
  }
  return new BrokerError("The broker can't be reached. Start it with 'nats-server -c broker.conf', or say in BROKER_URL where it is.", { cause })
}
