// One invocation of a handler that returns its result, or passes it to a
// callback. docs/contract/node-runtime.md §3.1.

import { JSONStringifyError, NodeJsExit } from './errors.mjs'

const NEVER_SETTLED = 'The Lambda runtime client detected an unexpected Node.js exit code. ' +
  'This is most commonly caused by a Promise that was never settled. ' +
  'For more information, see https://nodejs.org/docs/latest/api/process.html#exit-codes'

/** The error of an invocation whose promise can't be settled any more. */
export const neverSettled = () => new NodeJsExit(NEVER_SETTLED)

/** Whether a handler's return value is to be waited for. */
export const isPromise = value => !!value && typeof value.then === 'function'

export class BufferedInvocation {
  #runtime
  #event
  #context
  #returned
  #outcome
  #settle
  #called = false // a callback was called, or the promise settled
  #ignored = false // a return value was ignored

  /**
   * @param {import('./runtime.mjs').Runtime} runtime
   * @param {import('./runtime-api.mjs').Event} event
   */
  constructor(runtime, event) {
    this.#runtime = runtime
    this.#event = event
    this.#outcome = new Promise(resolve => { this.#settle = resolve })
  }

  /**
   * Runs the handler.
   * @returns {Promise<{thrown: unknown} | {value: unknown}>} thrown tells a failure,
   *   whatever was thrown
   */
  run(input) {
    const { loop } = this.#runtime
    loop.whenEmpty(() => this.#starved())
    try {
      this.#call(input)
    } catch (thrown) {
      this.#finish({ thrown })
    }
    return this.#outcome
  }

  #call(input) {
    const { handler, quirks, generation } = this.#runtime
    const { payload, context } = input ?? this.#runtime.read(this.#event)
    this.#context = context
    const withCallback = generation < 4 || (quirks.fixed && handler.parameters >= 3)
    const args = withCallback ? [payload, this.#withCallbacks(context), this.#callback] : [payload, context]
    const returned = this.#returned = this.#runtime.call(args, this.#event)
    if (isPromise(returned)) {
      returned.then(value => this.#first(() => this.#finish({ value })), thrown => this.#first(() => this.#finish(this.#failure(thrown))))
    } else if (!withCallback) {
      this.#finish({ value: returned })
    } else if (returned !== undefined && handler.parameters < 3) {
      if (quirks.fixed) this.#first(() => this.#finish({ value: returned }))
      else this.#ignored = true
    }
  }

  #withCallbacks(context) {
    context.succeed = result => this.#first(() => this.#finish({ value: result }))
    context.fail = error => this.#first(() => this.#finish(this.#failure(error)))
    context.done = (error, result) => this.#first(() => this.#finish(isNothing(error) ? { value: result } : { thrown: error }))
    return context
  }

  // A result passed to the callback waits until the event loop is empty, an
  // error does not.
  #callback = (error, result) => this.#first(() => {
    if (!isNothing(error)) return this.#finish({ thrown: error })
    const { loop, quirks } = this.#runtime
    if (quirks.fixed || !this.#context.callbackWaitsForEmptyEventLoop) return this.#finish({ value: result })
    const patience = this.#runtime.hintWhileBusy()
    loop.whenEmpty(() => {
      clearTimeout(patience)
      this.#finish({ value: result })
    })
  })

  #first(act) {
    if (this.#called) return
    this.#called = true
    act()
  }

  #failure(thrown) {
    return { thrown: isNothing(thrown) && this.#runtime.generation < 4 ? 'handled' : thrown }
  }

  #finish(outcome) {
    this.#called = true
    this.#runtime.loop.forget()
    this.#settle(outcome)
  }

  // The event loop is empty and there is no result.
  #starved() {
    const { handler, quirks, generation } = this.#runtime
    if (isPromise(this.#returned)) {
      if (quirks.fixed || (generation < 4 && handler.async)) return this.#finish({ thrown: neverSettled() })
      quirks.hint('neverSettled', generation)
      if (generation >= 4) process.exit(0)
    } else if (this.#ignored) {
      quirks.hint('returnIgnored')
    } else if (handler.parameters >= 3) {
      quirks.hint('callbackNotCalled')
    }
    this.#finish({ value: null })
  }
}

const isNothing = value => value === undefined || value === null

/**
 * The result as JSON.
 * @throws {Error} named as AWS names it
 */
export function stringify(value, quirks, generation) {
  try {
    return JSON.stringify(value) ?? 'null'
  } catch (cause) {
    quirks.hint('notStringified', cause.message)
    const message = 'Unable to stringify response body' + (quirks.fixed ? `: ${cause.message}` : '')
    throw generation >= 4 ? new JSONStringifyError(message) : new Error(message)
  }
}

