// Knows when nothing is left that could make the function go on.

export class EventLoop {
  #onEmpty = null

  constructor() {
    process.on('beforeExit', () => {
      const onEmpty = this.#onEmpty
      this.#onEmpty = null
      onEmpty?.()
    })
  }

  /** Calls onEmpty once, when the event loop runs empty; replaces an earlier one. */
  whenEmpty(onEmpty) {
    this.#onEmpty = onEmpty
  }

  /** Forgets what whenEmpty was given. */
  forget() {
    this.#onEmpty = null
  }

  /**
   * Calls onEmpty as whenEmpty does, also when the event loop is empty already
   * and its end has been announced.
   */
  afterTurn(onEmpty) {
    this.whenEmpty(onEmpty)
    setImmediate(() => {})
  }

  /**
   * The names of what keeps the event loop from running empty, apart from the
   * runtime's own connection, which does not count while a handler runs.
   */
  busyWith() {
    const handles = process._getActiveHandles().filter(handle => !isOutput(handle))
    const timers = process.getActiveResourcesInfo().filter(name => name === 'Timeout' || name === 'Immediate')
    return [...handles, ...process._getActiveRequests()].map(it => it.constructor.name).concat(timers)
  }
}

// An open stdout or stderr is listed, but nothing comes of it.
function isOutput(handle) {
  return handle.fd === 1 || handle.fd === 2
}
