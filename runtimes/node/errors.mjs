// The runtime's own errors, and what of a thrown value leaves the process: the
// error document for the Runtime API, the X-Ray cause, the line in the log.
// docs/contract/node-runtime.md §2.1, §3.1, §4.4.

import { types } from 'node:util'

/** Makes an error of the runtime; name is AWS's, such as Runtime.HandlerNotFound. */
function define(name) {
  const short = name.slice(name.indexOf('.') + 1)
  const kind = { [short]: class extends Error {} }[short]
  Object.defineProperty(kind.prototype, 'name', { value: name, configurable: true, writable: true })
  return kind
}

export const MalformedHandlerName = define('Runtime.MalformedHandlerName')
export const HandlerNotFound = define('Runtime.HandlerNotFound')
export const MalformedStreamingHandler = define('Runtime.MalformedStreamingHandler')
export const InvalidStreamingOperation = define('Runtime.InvalidStreamingOperation')
export const CallbackHandlerDeprecated = define('Runtime.CallbackHandlerDeprecated')
export const JSONStringifyError = define('Runtime.JSONStringifyError')
export const NodeJsExit = define('Runtime.NodeJsExit')
export const PlatformError = define('Runtime.PlatformError')
// Sluice's own: AWS waits until the timeout instead.
export const StreamNotEnded = define('Runtime.StreamNotEnded')
// Sluice's own: AWS ends the process instead.
export const StreamDestroyed = define('Runtime.StreamDestroyed')

const importModuleError = define('Runtime.ImportModuleError')
const userCodeSyntaxError = define('Runtime.UserCodeSyntaxError')
const unhandledPromiseRejection = define('Runtime.UnhandledPromiseRejection')

/** Wraps the failure to find a module. */
export function importError(cause) {
  return wrap(importModuleError, cause)
}

/** Wraps a syntax error in the function's code. */
export function syntaxError(cause) {
  return wrap(userCodeSyntaxError, cause)
}

/** Wraps the reason of a promise rejection that nobody handled. */
export function unhandledRejection(reason) {
  const error = wrap(unhandledPromiseRejection, reason)
  error.reason = reason
  return error
}

// The stack of the wrapper would show the runtime; the place in the function's
// code is what its author needs.
function wrap(Kind, cause) {
  const error = new Kind(textOf(cause))
  const stack = types.isNativeError(cause) && typeof cause.stack === 'string' ? cause.stack : ''
  const lines = stack.split('\n')
  const first = lines.findIndex(line => /^\s+at /.test(line))
  // A syntax error's stack begins with the file, the line and a caret.
  const place = stack && !stack.startsWith(textOf(cause).split('\n')[0]) ? lines : first < 0 ? [] : lines.slice(first)
  error.stack = [`${error.name}: ${error.message}`, ...place].join('\n')
  return error
}

function textOf(value) {
  try {
    return String(value)
  } catch {
    return Object.prototype.toString.call(value)
  }
}

/** The value as an Error, for places that need one. */
export function asError(value) {
  return value instanceof Error || types.isNativeError(value) ? value : new Error(textOf(value))
}

function looksLikeError(value) {
  return types.isNativeError(value) || value instanceof Error ||
    (!!value && [value.name, value.message, value.stack].every(part => typeof part === 'string' && part !== ''))
}

// DEL is not allowed in a header, and AWS's clients escape it everywhere.
function escapeDel(text) {
  return text.replaceAll('\x7f', '%7F')
}

/**
 * The error document that the Runtime API and the caller get.
 * @param {unknown} thrown any value
 * @returns {{errorType: string, errorMessage: string, trace: string[]}}
 */
export function errorDocument(thrown) {
  try {
    if (looksLikeError(thrown)) {
      return {
        errorType: escapeDel(String(thrown.name)),
        errorMessage: escapeDel(String(thrown.message)),
        trace: escapeDel(String(thrown.stack ?? '')).split('\n').filter((line, i, all) => line !== '' || all.length > 1),
      }
    }
    return { errorType: typeof thrown, errorMessage: escapeDel(String(thrown)), trace: [] }
  } catch {
    return {
      errorType: 'handled',
      errorMessage: 'callback called with Error argument, but there was a problem while retrieving one or more of its message, name, and stack',
      trace: [],
    }
  }
}

/**
 * The error as JSON for a text log line: name, message, code, own enumerable
 * properties and the stack as an array.
 */
export function errorForLog(error) {
  try {
    return JSON.stringify(error, (_key, value) => {
      if (!(value instanceof Error) && !types.isNativeError(value)) return value
      const out = { errorType: value.name, errorMessage: value.message, code: value.code, ...value }
      if (typeof value.stack === 'string') out.stack = value.stack.split('\n')
      return out
    })
  } catch {
    return JSON.stringify(errorDocument(error))
  }
}

/** Text that is safe as an HTTP header value: printable ASCII, the rest is "?". */
export function headerText(text) {
  return text.replace(/[^\x20-\x7e]/g, '?').trim()
}

// Larger causes are left out: the header is for tracing only.
const CAUSE_LIMIT = 64 << 10

/** The Lambda-Runtime-Function-XRay-Error-Cause header, or "" if there is none. */
export function xrayCause(thrown) {
  const { errorType, errorMessage, trace } = errorDocument(thrown)
  const stack = []
  for (const line of trace) {
    const frame = /^\s+at (?:(.*?) \()?(?:file:\/\/)?(.+?):(\d+)(?::\d+)?\)?$/.exec(line)
    if (frame) stack.push({ path: frame[2], line: Number(frame[3]), label: frame[1] || 'anonymous' })
  }
  const cause = JSON.stringify({
    working_directory: process.cwd(),
    exceptions: [{ type: errorType, message: errorMessage, stack }],
    paths: [...new Set(stack.map(frame => frame.path))],
  }).replace(/[^\x20-\x7e]/g, c => '\\u' + c.charCodeAt(0).toString(16).padStart(4, '0'))
  return cause.length > CAUSE_LIMIT ? '' : cause
}
