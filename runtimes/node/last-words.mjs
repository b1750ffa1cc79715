// How the process ends when something goes wrong for good.
// docs/contract/node-runtime.md §2.2, §3.2.

import { writeSync } from 'node:fs'
import { inspect } from 'node:util'
import { unhandledRejection } from './errors.mjs'

const EXIT_REJECTION = 128
const EXIT_EXCEPTION = 129
const EXIT_CRASH = 1

export class LastWords {
  /** True once the process is about to end; nothing else may be posted then. */
  spoken = false
  #said = false
  #generation
  #log
  #report

  /**
   * @param {number} generation
   * @param {import('./log.mjs').Log} log
   * @param {(thrown: unknown) => Promise<void>} report tells the Runtime API,
   *   as an init error or as the error of the invocation, whichever fits
   */
  constructor(generation, log, report) {
    this.#generation = generation
    this.#log = log
    this.#report = report
  }

  /**
   * Generation 3 reports what nobody caught; generation 4 leaves it to Node,
   * which prints it and exits with 1.
   */
  listen() {
    if (this.#generation >= 4) return
    process.on('uncaughtException', error => this.#say('Uncaught Exception', error, EXIT_EXCEPTION))
    process.on('unhandledRejection', reason => this.rejection(reason))
  }

  /** Ends the process as after a rejection that nobody handled. */
  rejection(reason) {
    if (this.#generation >= 4) this.crash(reason)
    else this.#say('Unhandled Promise Rejection', unhandledRejection(reason), EXIT_REJECTION)
  }

  /** Ends the process because the function can't be loaded. */
  async initFailed(thrown) {
    const crash = this.#generation >= 4
    this.#said = this.spoken = true
    this.#log.failure(crash ? 'Init Error' : 'Uncaught Exception', thrown)
    await this.#report(thrown)
    if (crash) this.crash(thrown)
    else process.exit(EXIT_EXCEPTION)
  }

  /** Ends the process the way Node does after an exception, nothing posted. */
  crash(thrown) {
    this.spoken = true
    complain(`Uncaught:\n${inspect(thrown)}\n\nNode.js ${process.version}\n`)
    process.exit(EXIT_CRASH)
  }

  /** Ends the process because the Runtime API has no more events for it. */
  async apiGone(error) {
    this.spoken = true
    complain(`[sluice] ${error.message}\n`)
    if (error.status !== undefined && this.#generation < 4) await this.#report(error)
    process.exit(this.#generation >= 4 ? EXIT_CRASH : EXIT_EXCEPTION)
  }

  async #say(title, error, code) {
    this.#log.failure(title, error)
    if (this.#said) return
    this.#said = this.spoken = true
    await this.#report(error)
    process.exit(code)
  }
}

/** Writes to stderr at once. */
export function complain(text) {
  try {
    writeSync(2, text)
  } catch {
    // Nobody reads it.
  }
}
