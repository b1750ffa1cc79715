// One download that can be paused and goes on where it was: a Range request, with
// If-Range, so that what arrives belongs to what is there.

import { checksumFor } from './checksum.mjs'

const folding = 8 * 1024 * 1024 // a browser may keep a Blob of this size on disk
// Where Lambda breaks a response off: its quota, which was the smaller one once and
// is in Sluice by default. What the browser has not handed over is lost with it.
const quotas = [20, 200].map(megabytes => megabytes * 1024 * 1024)
const lostAtMost = 2 * 1024 * 1024
const sampleEvery = 100 // milliseconds
const mostSamples = 400

/** Why a download can't go on, for the reader. */
class TransferError extends Error {}

export class Transfer {
  /** waiting, running, paused, failed, checking or complete */
  state = 'waiting'
  /** What failed, or what became of the checksum: verified, damaged or unchecked. */
  message = ''
  verdict = null
  received = 0
  size
  /** Milliseconds from the request to the first byte. */
  firstByte = null
  /** [milliseconds of running, bytes], for a curve. */
  samples = [[0, 0]]
  /** Milliseconds of running at which it was resumed. */
  resumed = []

  #address
  #changed
  #abort = null
  #etag = null
  #encoded = false
  #checksum = null
  #type = ''
  #blob = new Blob()
  #loose = []
  #looseBytes = 0
  #responseBytes = 0
  #ran = 0
  #since = 0

  /** @param {() => void} changed is called when there is something new to show */
  constructor(address, size, changed) {
    this.#address = address
    this.size = size
    this.#changed = changed
  }

  get elapsed() {
    return this.#ran + (this.state === 'running' ? performance.now() - this.#since : 0)
  }

  /** Bytes a second over the last two seconds. */
  get rate() {
    const now = this.elapsed
    const from = this.samples.findLast(([at]) => at <= now - 2000) ?? this.samples[0]
    return now > from[0] ? (this.received - from[1]) / (now - from[0]) * 1000 : 0
  }

  /** The file, once all of it is there. */
  get blob() { return this.#blob }

  /** Starts, or goes on. */
  async run() {
    if (this.state === 'running' || this.state === 'checking' || this.state === 'complete') return
    const abort = this.#abort = new AbortController()
    this.#set('running')
    this.#since = performance.now()
    try {
      await this.#receive(abort.signal)
      this.#stopClock()
      this.#set('checking')
      this.#fold()
      this.verdict = await this.#check()
      this.#set('complete')
    } catch (error) {
      if (this.#abort !== abort) return // paused, and perhaps running again
      this.#stopClock()
      this.#set('failed', error instanceof TransferError ? error.message : this.#whyBroken())
    }
  }

  pause() {
    if (this.state !== 'running') return
    this.#stopClock()
    this.#set('paused')
    const abort = this.#abort
    this.#abort = null
    abort.abort()
  }

  async #receive(signal) {
    this.#responseBytes = 0
    // What broke when everything was there did so because it is damaged.
    const goesOn = this.received > 0 && this.received < this.size && this.#etag
    const response = await fetch(this.#address, {
      headers: goesOn ? { range: `bytes=${this.received}-`, 'if-range': this.#etag } : {},
      cache: 'no-store',
      signal,
    })
    if (!response.ok) {
      const refusal = await response.json().catch(() => null)
      throw new TransferError(refusal?.error?.message ?? `The function failed (status ${response.status}).`)
    }
    if (response.status === 206 && goesOn) this.resumed.push(this.elapsed)
    else this.#begin(response)

    const reader = response.body.getReader()
    try {
      for (;;) {
        const { value, done } = await reader.read()
        signal.throwIfAborted()
        if (done) break
        this.#take(value)
      }
    } finally {
      this.#sample(true)
    }
    if (!this.#encoded && this.received !== this.size) throw new TransferError('The download ended before it was complete. What has arrived is kept.')
  }

  // A whole object follows: the first one, or another one that has replaced it.
  #begin(response) {
    this.#blob = new Blob()
    this.#loose = []
    this.#looseBytes = this.received = 0
    this.samples = [[0, 0]]
    this.resumed = []
    this.firstByte = null
    this.#ran = 0
    // The browser decodes, so its bytes are not those that S3 has.
    this.#encoded = response.headers.has('content-encoding')
    const etag = response.headers.get('etag')
    this.#etag = this.#encoded || etag?.startsWith('W/') ? null : etag
    this.#checksum = this.#encoded ? null : checksumFor(response.headers.get('repr-digest'))
    this.#type = response.headers.get('content-type')
    this.size = Number(response.headers.get('x-object-size') ?? this.size)
  }

  #take(bytes) {
    this.firstByte ??= this.elapsed
    this.received += bytes.length
    this.#responseBytes += bytes.length
    this.#checksum?.update(bytes)
    this.#loose.push(bytes)
    this.#looseBytes += bytes.length
    if (this.#looseBytes >= folding) this.#fold()
    this.#sample(false)
    this.#changed()
  }

  #fold() {
    this.#blob = new Blob([this.#blob, ...this.#loose], { type: this.#type })
    this.#loose = []
    this.#looseBytes = 0
  }

  #sample(last) {
    const now = this.elapsed
    if (!last && now - this.samples.at(-1)[0] < sampleEvery) return
    this.samples.push([now, this.received])
    if (this.samples.length > mostSamples) this.samples = this.samples.filter((_, i) => i % 2 === 0 || i > mostSamples / 2)
  }

  #whyBroken() {
    if (this.received === 0) return 'The connection broke before anything arrived.'
    if (this.received === this.size) return 'The response broke at its very end: what has arrived may be damaged. Resume begins anew.'
    const quota = quotas.find(quota => this.#responseBytes <= quota && this.#responseBytes > quota - lostAtMost)
    if (quota) return `The response broke off at ${quota / 1024 / 1024} MB, Lambda's quota for a response. What has arrived is kept: Resume gets the rest.`
    return 'The response broke off. What has arrived is kept: Resume gets the rest.'
  }

  async #check() {
    if (this.#encoded) return { kind: 'unchecked', text: 'Not checked: it is stored compressed, and the browser has unpacked it.' }
    if (!this.#checksum) return { kind: 'unchecked', text: 'Not checked: S3 has no checksum of it as a whole.' }
    const { name } = this.#checksum
    let same
    try {
      same = await this.#checksum.matches(this.#blob)
    } catch {
      return { kind: 'unchecked', text: `Not checked: this browser can't compute its ${name} here.` }
    }
    return same
      ? { kind: 'verified', text: `Verified: its ${name} is the one that S3 has.` }
      : { kind: 'damaged', text: `Damaged: its ${name} is not the one that S3 has. Download it again.` }
  }

  #stopClock() {
    this.#ran = this.elapsed
    this.#since = performance.now()
  }

  #set(state, message = '') {
    this.state = state
    this.message = message
    this.#changed()
  }
}
