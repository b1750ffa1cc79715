// The function's log: the patched console and the lines of the runtime itself.
// docs/contract/node-runtime.md §6.
//
// With a log descriptor every entry is a frame: 4 bytes type, 4 bytes length,
// 8 bytes timestamp in microseconds, payload; big endian. Without one, entries
// are lines on stdout. Writes are synchronous, so that the order of entries is
// the order of calls and nothing is lost when the process exits.

import { writeSync } from 'node:fs'
import { format, types } from 'node:util'
import { asError, errorForLog } from './errors.mjs'

const TEXT_FRAME = 0xa55a0003
const JSON_FRAME = 0xa55a0002
// Sluice's own: the text of a hint, see quirks.mjs.
const HINT_FRAME = 0xa55a0103
const FRAME_HEAD = 16

const LEVELS = {
  TRACE: { name: 'TRACE', rank: 1, bits: 0x04 },
  DEBUG: { name: 'DEBUG', rank: 2, bits: 0x08 },
  INFO: { name: 'INFO', rank: 3, bits: 0x0c },
  WARN: { name: 'WARN', rank: 4, bits: 0x10 },
  ERROR: { name: 'ERROR', rank: 5, bits: 0x14 },
  FATAL: { name: 'FATAL', rank: 6, bits: 0x18 },
}

export class Log {
  /** The request id in each entry; generation 4 has "-" before the first event. */
  requestId
  /** The tenant id in each JSON entry, if there is one. */
  tenantId
  #fd
  #json
  #threshold

  /** @param {{generation: number, logFd?: number, logJson: boolean, logLevel?: string}} settings */
  constructor(settings) {
    this.#fd = settings.logFd
    this.#json = settings.logJson
    this.#threshold = (LEVELS[settings.logLevel] ?? LEVELS.TRACE).rank
    if (settings.generation >= 4) this.requestId = '-'
  }

  /** Replaces the console's methods; levels below the threshold do nothing. */
  patchConsole() {
    const at = level => level.rank < this.#threshold ? () => {} : (...args) => this.write(level, args)
    console.trace = at(LEVELS.TRACE)
    console.debug = at(LEVELS.DEBUG)
    console.info = console.log = at(LEVELS.INFO)
    console.warn = at(LEVELS.WARN)
    console.error = at(LEVELS.ERROR)
    console.fatal = (...args) => this.write(LEVELS.FATAL, args)
  }

  /** Logs a failure: what happened, and the thrown value. */
  failure(title, thrown) {
    if (LEVELS.ERROR.rank < this.#threshold) return
    const error = asError(thrown)
    this.write(LEVELS.ERROR, this.#json ? [error] : [title, '\t' + errorForLog(error)])
  }

  /** Logs advice of Sluice about AWS's behaviour, one line. */
  hint(text) {
    const line = text.replace(/\s*\n\s*/g, ' ')
    if (this.#fd === undefined) writeAll(2, Buffer.from(`[sluice] hint: ${line}\n`))
    else this.#frame(HINT_FRAME, Date.now(), line)
  }

  write(level, args) {
    const now = Date.now()
    const time = new Date(now).toISOString()
    const entry = this.#json
      ? this.#jsonEntry(level, time, args)
      : `${time}\t${this.requestId}\t${level.name}\t${format(...args)}`
    if (this.#fd === undefined) writeAll(1, Buffer.from(entry.replaceAll('\n', '\r') + '\n'))
    else if (this.#json) this.#frame(JSON_FRAME | level.bits, now, entry)
    else this.#frame(TEXT_FRAME | level.bits, now, entry + '\n')
  }

  #jsonEntry(level, time, args) {
    const entry = { timestamp: time, level: level.name, requestId: this.requestId, tenantId: this.tenantId }
    if (args.length === 1) {
      entry.message = args[0]
      try {
        return JSON.stringify(entry, plainError)
      } catch {
        entry.message = format(args[0])
        return JSON.stringify(entry)
      }
    }
    entry.message = format(...args)
    const error = args.find(isError)
    if (error) {
      const { errorType, errorMessage, stackTrace } = plainError('', error)
      Object.assign(entry, { errorType, errorMessage, stackTrace: stackTrace ?? [] })
    }
    return JSON.stringify(entry)
  }

  #frame(type, millis, payload) {
    const length = Buffer.byteLength(payload)
    const frame = Buffer.allocUnsafe(FRAME_HEAD + length)
    frame.writeUInt32BE(type >>> 0, 0)
    frame.writeUInt32BE(length, 4)
    frame.writeBigUInt64BE(BigInt(millis) * 1000n, 8)
    frame.write(payload, FRAME_HEAD)
    writeAll(this.#fd, frame)
  }
}

function isError(value) {
  return value instanceof Error || types.isNativeError(value)
}

function plainError(_key, value) {
  if (!isError(value)) return value
  return {
    errorType: value.constructor?.name ?? 'UnknownError',
    errorMessage: value.message,
    stackTrace: typeof value.stack === 'string' ? value.stack.split('\n') : value.stack,
    ...value,
  }
}

let pause

// The reader may be slow and the descriptor non-blocking: wait, never drop.
// When there is no reader any more, there is nobody left to tell.
function writeAll(fd, bytes) {
  for (let done = 0; done < bytes.length;) {
    try {
      done += writeSync(fd, bytes, done)
    } catch (error) {
      if (error.code === 'EINTR') continue
      if (error.code !== 'EAGAIN') return
      pause ??= new Int32Array(new SharedArrayBuffer(4))
      Atomics.wait(pause, 0, 0, 1)
    }
  }
}
