// awslambda.InvokeStore of generation 4: what belongs to the invocation, for
// libraries that don't get the context handed. One invocation runs at a time,
// so that a plain object is enough. docs/contract/node-runtime.md §4.1.

const PROTECTED = {
  REQUEST_ID: Symbol.for('_AWS_LAMBDA_REQUEST_ID'),
  X_RAY_TRACE_ID: Symbol.for('_AWS_LAMBDA_X_RAY_TRACE_ID'),
  TENANT_ID: Symbol.for('_AWS_LAMBDA_TENANT_ID'),
}
const PROTECTED_VALUES = new Set(Object.values(PROTECTED))

export class InvokeStore {
  static PROTECTED_KEYS = PROTECTED
  #context

  /** The context of an event. */
  static contextOf(event) {
    return {
      [PROTECTED.REQUEST_ID]: event.id,
      [PROTECTED.X_RAY_TRACE_ID]: event.traceId,
      [PROTECTED.TENANT_ID]: event.tenantId,
    }
  }

  /** Runs fn with context, which stays until the next run. */
  run(context, fn) {
    this.#context = context
    return fn()
  }

  getContext() {
    return this.#context
  }

  hasContext() {
    return this.#context !== undefined
  }

  get(key) {
    return this.#context?.[key]
  }

  /** @throws {Error} for the keys that belong to Lambda */
  set(key, value) {
    if (PROTECTED_VALUES.has(key)) throw new Error(`Cannot modify protected Lambda context field: ${String(key)}`)
    if (this.#context) this.#context[key] = value
  }

  getRequestId() {
    return this.get(PROTECTED.REQUEST_ID) ?? '-'
  }

  getXRayTraceId() {
    return this.get(PROTECTED.X_RAY_TRACE_ID)
  }

  getTenantId() {
    return this.get(PROTECTED.TENANT_ID)
  }
}
