// The managed Node.js runtime: init, then one invocation after the other.
// docs/contract/node-runtime.md.

import { makeAwslambda } from './awslambda.mjs'
import { BufferedInvocation, neverSettled, stringify } from './buffered.mjs'
import { makeContext } from './context.mjs'
import { EventLoop } from './event-loop.mjs'
import { loadHandler } from './handler.mjs'
import { InvokeStore } from './invoke-store.mjs'
import { LastWords, complain } from './last-words.mjs'
import { Log } from './log.mjs'
import { Quirks } from './quirks.mjs'
import { RuntimeApi, RuntimeApiGone } from './runtime-api.mjs'
import { StreamingInvocation } from './streaming.mjs'

// A result that waits this long for an empty event loop deserves a hint.
const PATIENCE_MILLIS = 1000

export class Runtime {
  #settings
  #store
  #phase = 'init' // then 'idle' and 'invoke' in turns
  #event = null

  /** @param {ReturnType<import('./settings.mjs').readSettings>} settings */
  constructor(settings) {
    this.#settings = settings
    this.generation = settings.generation
    this.log = new Log(settings)
    this.quirks = new Quirks(settings, this.log)
    this.api = new RuntimeApi(settings.endpoint)
    this.loop = new EventLoop()
    this.lastWords = new LastWords(settings.generation, this.log, thrown => this.#report(thrown))
    this.handler = null
    this.#store = settings.generation >= 4 ? new InvokeStore() : undefined
  }

  /** Runs until the process ends. */
  async run() {
    this.lastWords.listen()
    this.log.patchConsole()
    this.api.connect()
    if (this.#settings.globalAwslambda) globalThis.awslambda = makeAwslambda(this.quirks, this.#store)
    if (!await this.#init()) return
    try {
      await this.#serve()
    } catch (error) {
      if (error instanceof RuntimeApiGone) await this.lastWords.apiGone(error)
      else this.lastWords.crash(error)
    }
  }

  async #init() {
    this.loop.whenEmpty(() => this.#initStarved())
    try {
      this.handler = await loadHandler(this.#settings, this.quirks)
    } catch (thrown) {
      this.loop.forget()
      if (!this.lastWords.spoken) await this.lastWords.initFailed(thrown)
      return false
    }
    this.loop.forget()
    return !this.lastWords.spoken
  }

  #initStarved() {
    this.quirks.hint('initNeverSettled')
    if (this.quirks.fixed) this.lastWords.initFailed(neverSettled())
    else process.exit(0)
  }

  async #serve() {
    this.api.askNext()
    for (;;) {
      this.#phase = 'idle'
      const event = this.#event = await this.api.next()
      if (this.lastWords.spoken) return
      this.#phase = 'invoke'
      this.#prepare(event)
      const input = this.#readOrCrash(event)
      if (this.handler.streaming) await new StreamingInvocation(this, event).run(input)
      else this.#post(event, await new BufferedInvocation(this, event).run(input))
      if (this.lastWords.spoken) return
    }
  }

  #prepare(event) {
    this.log.requestId = event.id
    this.log.tenantId = event.tenantId
    this.quirks.begin()
    if (event.traceId) process.env._X_AMZN_TRACE_ID = event.traceId
    else delete process.env._X_AMZN_TRACE_ID
  }

  // Generation 4 does not survive an event that it can't read.
  #readOrCrash(event) {
    if (this.generation < 4 || this.quirks.fixed) return undefined
    try {
      return this.read(event)
    } catch (error) {
      this.quirks.hint('badEvent')
      return this.lastWords.crash(error)
    }
  }

  /**
   * The handler's arguments.
   * @throws {Error} when a part of the event is not JSON
   */
  read(event) {
    const context = makeContext(event, this.generation)
    return { payload: JSON.parse(event.payload.toString()), context }
  }

  /** Calls the handler. */
  call(args, event) {
    const call = () => this.handler.call(...args)
    return this.#store ? this.#store.run(InvokeStore.contextOf(event), call) : call()
  }

  #post(event, outcome) {
    if (this.lastWords.spoken) return
    let thrown
    if (!('thrown' in outcome)) {
      try {
        return this.api.respond(event, stringify(outcome.value, this.quirks, this.generation), refused('handler success response'))
      } catch (error) {
        thrown = error
      }
    } else {
      thrown = outcome.thrown
    }
    this.log.failure('Invoke Error', thrown)
    this.api.fail(event, thrown, refused('handler error response'))
  }

  /** Resolves when the event loop is empty; gives a hint when that takes long. */
  emptyLoop() {
    const patience = this.hintWhileBusy()
    return new Promise(resolve => {
      this.loop.afterTurn(() => {
        clearTimeout(patience)
        resolve()
      })
    })
  }

  /** Gives a hint if the event loop stays busy; the timer is to be cleared. */
  hintWhileBusy() {
    return setTimeout(() => {
      const busy = this.loop.busyWith()
      if (busy.length > 0) this.quirks.hint('loopNotEmpty', [...new Set(busy)].join(', '))
    }, PATIENCE_MILLIS).unref()
  }

  /**
   * The response stream was used in a way that ends the process on AWS. The
   * handler's own failure, which is often the cause, is logged first.
   */
  misused(reason) {
    if (this.lastWords.spoken) return
    this.lastWords.spoken = true
    setImmediate(() => this.lastWords.rejection(reason))
  }

  async #report(thrown) {
    if (this.#phase === 'init') await this.api.initError(thrown)
    else if (this.#phase === 'invoke') await this.api.reportError(this.#event, thrown)
    else if (thrown instanceof RuntimeApiGone) await this.api.initError(thrown)
  }
}

// The words of AWS's client, which goes on with the next event.
function refused(what) {
  return problem => complain(`[ERROR] [${Date.now()}] LAMBDA_RUNTIME Failed to post ${what}. ${problem}\n`)
}
