// One invocation of a streaming handler. docs/contract/node-runtime.md §4.3, §4.4.

import { StreamNotEnded } from './errors.mjs'
import { isPromise } from './buffered.mjs'
import { ResponseStream, failResponse } from './response-stream.mjs'

const REFUSED = 'Streaming does not support non-async handlers.'
const NOT_ENDED = 'The handler returned without ending its response stream, and nothing is left that could end it: ' +
  'no timer, no open connection, no pending read. Call responseStream.end(), or await the pipeline that ends it. ' +
  '(On AWS this invocation hangs until its timeout.)'
const NOT_SETTLED = 'The handler neither returned nor ended its response stream, and nothing is left that could make it go on: ' +
  'it awaits a promise that will never settle. (On AWS this invocation hangs until its timeout.)'

export class StreamingInvocation {
  #runtime
  #event
  #post
  #stream
  #context
  #ended = false
  #onEnded = null
  #settled = false

  /**
   * @param {import('./runtime.mjs').Runtime} runtime
   * @param {import('./runtime-api.mjs').Event} event
   */
  constructor(runtime, event) {
    const { api, quirks, generation } = runtime
    this.#runtime = runtime
    this.#event = event
    this.#post = api.openResponse(event)
    this.#stream = new ResponseStream(this.#post, {
      quirks,
      generation,
      onEnded: () => {
        this.#ended = true
        this.#onEnded?.()
      },
      onMisused: reason => runtime.misused(reason),
    })
  }

  /** Runs the handler; resolves when the next event may be asked for or was. */
  async run(input) {
    let refused = false
    try {
      await new Promise((resolve, reject) => {
        this.#runtime.loop.whenEmpty(() => this.#starved(resolve, reject))
        const { payload, context } = input ?? this.#runtime.read(this.#event)
        this.#context = context
        const returned = this.#runtime.call([payload, this.#stream, context], this.#event)
        refused = !isPromise(returned) && !this.#runtime.quirks.fixed
        if (refused) {
          this.#runtime.quirks.hint('nonAsyncStreaming')
          reject(this.#runtime.generation >= 4 ? new Error(REFUSED) : REFUSED)
        } else if (isPromise(returned)) {
          returned.then(this.#returned(resolve), reject)
        } else {
          this.#returned(resolve)(returned)
        }
      })
    } catch (thrown) {
      this.#fail(thrown, refused)
    }
    this.#settled = true
    await this.#finish()
  }

  #returned(resolve) {
    return value => {
      if (value !== undefined) console.warn('Streaming handlers ignore return values.')
      resolve()
    }
  }

  #fail(thrown, late) {
    this.#runtime.log.failure('Invoke Error', thrown)
    failResponse(this.#stream, thrown, late)
  }

  // Generation 3 asks for the next event when the event loop is empty, unless
  // the function says that it need not be; generation 4 at once.
  async #finish() {
    const { loop, lastWords, quirks, generation } = this.#runtime
    if (lastWords.spoken) return
    if (!this.#ended) loop.whenEmpty(() => this.#starved())
    const waits = () => generation < 4 && !quirks.fixed && this.#context?.callbackWaitsForEmptyEventLoop !== false
    if (!waits()) {
      if (this.#ended) loop.forget()
      else this.#onEnded = () => loop.forget()
      this.#post.follow()
      return
    }
    if (!this.#ended) await new Promise(resolve => { this.#onEnded = resolve })
    loop.forget()
    if (lastWords.spoken) return
    if (waits() && loop.busyWith().length > 0) await this.#runtime.emptyLoop()
    if (!lastWords.spoken) this.#post.follow()
  }

  // The event loop is empty: whatever is still open stays open for ever.
  #starved(resolve, reject) {
    const { quirks, generation } = this.#runtime
    if (this.#settled) {
      if (!this.#ended) this.#fail(new StreamNotEnded(NOT_ENDED), false)
    } else if (!this.#ended) {
      reject(new StreamNotEnded(NOT_SETTLED))
    } else {
      quirks.hint('neverSettled', generation)
      if (generation >= 4 && !quirks.fixed) process.exit(0)
      resolve()
    }
  }
}
