// Where AWS's behaviour surprises. By default (quirks: aws) the runtime does
// what AWS does and says so in one hint line; with quirks: fixed it does what
// is named in "fixed", without a hint. README.md has the same list as a table.
//
//   hint      what the developer reads: cause, then cure
//   fixed     what happens with quirks: fixed (documentation, and a reminder
//             that every entry needs a test for both)
//   once      the hint is about the code, not the event: once for each process

const FIXED = 'or set quirks: fixed'

const QUIRKS = {
  preludeLost: {
    hint: data => data
      ? `end(data) without an earlier write() loses the status and headers given to HttpResponseStream.from: AWS answers 502; write() the data, then end(), ${FIXED}`
      : `end() without an earlier write() loses the status and headers given to HttpResponseStream.from; write('') before end(), ${FIXED}`,
    fixed: 'the prelude is written before end()',
  },
  nonAsyncStreaming: {
    hint: () => `a streaming handler must be async: AWS fails the response when the handler returns; make it an async function, ${FIXED}`,
    fixed: 'the response lasts until the stream is ended',
  },
  contentTypeTooLate: {
    hint: () => `setContentType() and HttpResponseStream.from() work only before the first write(); call them first`,
    fixed: 'the same error without the hint: the type has left already',
  },
  bytesAsJson: {
    hint: name => `write() of a ${name} sends JSON, not its bytes, on this runtime; write Buffer.from(x.buffer, x.byteOffset, x.byteLength), ${FIXED}`,
    fixed: 'the bytes are written',
  },
  streamDestroyed: {
    hint: () => `destroy() of the response stream, or a failed pipeline() into it, breaks the response off and ends the process on AWS; catch the error and end() the stream, ${FIXED}`,
    fixed: 'the response fails with the error; the process lives on',
  },
  connectionLost: {
    hint: () => 'the connection to the Runtime API was closed in the middle of the response; AWS\'s runtime ends the process then',
    fixed: 'later writes are dropped; the process lives on',
  },
  writeAfterEnd: {
    hint: () => `write() after end() of the response stream ends the process on AWS; await whatever still writes before end(), ${FIXED}`,
    fixed: 'the write fails with ERR_STREAM_WRITE_AFTER_END; the process lives on',
  },
  returnIgnored: {
    hint: () => `the handler is not async and returned a value: AWS ignores it and answers null; make the handler async, ${FIXED}`,
    fixed: 'the value is the result',
  },
  callbackNotCalled: {
    hint: () => 'the handler takes a callback and never called it: the result is null; call callback(error, result) or make the handler async',
    fixed: 'null, without the hint',
  },
  neverSettled: {
    hint: generation => generation >= 4
      ? `the handler's promise never settled and nothing is left that could settle it: AWS ends the process without a result; await only what is sure to happen, ${FIXED}`
      : `the handler's promise never settled and nothing is left that could settle it: AWS answers null; await only what is sure to happen, ${FIXED}`,
    fixed: 'the invocation fails with Runtime.NodeJsExit; the process lives on',
  },
  initNeverSettled: {
    hint: () => 'the module\'s top-level await never settled and nothing is left that could settle it; the process ends',
    fixed: 'the same, with an init error that says so',
  },
  loopNotEmpty: {
    hint: resources => `the result is ready, but AWS keeps the invocation open until the event loop is empty (still there: ${resources}); set context.callbackWaitsForEmptyEventLoop = false, ${FIXED}`,
    fixed: 'the next event is asked for at once',
  },
  callbackHandler: {
    hint: () => `handlers with a callback (three parameters) are refused from Node.js 24 on; make the handler async with two parameters, ${FIXED}`,
    fixed: 'callbacks work',
  },
  importErrorName: {
    hint: () => 'AWS reports a missing import of an ES module as "Error", not as Runtime.ImportModuleError; package the missing module',
    fixed: 'Runtime.ImportModuleError',
  },
  esmSyntax: {
    hint: file => `${file} has import or export statements but is loaded as CommonJS; rename it to .mjs or put "type": "module" into package.json`,
    fixed: 'the same error without the hint',
  },
  badEvent: {
    hint: () => `the event or client context is not JSON: AWS's Node.js 24 runtime ends the process, ${FIXED}`,
    fixed: 'the invocation fails with the SyntaxError',
  },
  notStringified: {
    hint: message => `the result can't be turned into JSON (${message}); return plain data without BigInt or cycles`,
    fixed: 'the same error type, and the message says why',
  },
  preludeStatus: {
    once: true,
    hint: () => `the prelude has "status", which AWS ignores (it answers 200); name it statusCode, ${FIXED}`,
    fixed: 'status is taken as statusCode',
  },
  preludeStatusCode: {
    once: true,
    hint: value => `the prelude's statusCode is ${value}; AWS wants a whole number from 100 to 599, ${FIXED}`,
    fixed: 'a numeric string is taken as the number',
  },
  preludeSetCookie: {
    once: true,
    hint: () => `Set-Cookie among the prelude's headers is not reliable on AWS; use cookies: ["name=value"], ${FIXED}`,
    fixed: 'moved to cookies',
  },
  preludeHeaderValue: {
    once: true,
    hint: name => `the prelude's header ${name} is not a string; AWS wants one string for each header, ${FIXED}`,
    fixed: 'arrays are joined with ", ", other values turned into strings, undefined and null left out',
  },
  preludeBody: {
    once: true,
    hint: () => `the prelude has "body", which AWS ignores in a streamed response; write() it, ${FIXED}`,
    fixed: 'body (base64 with isBase64Encoded) is written first',
  },
  preludeMultiValue: {
    once: true,
    hint: () => `the prelude has "multiValueHeaders", which AWS ignores here; join the values in headers, ${FIXED}`,
    fixed: 'joined into headers',
  },
}

export class Quirks {
  /** True with quirks: fixed. */
  fixed
  #log
  #given = new Set()
  #ever = new Set()

  /** @param {{quirks: 'aws' | 'fixed'}} settings */
  constructor(settings, log) {
    this.fixed = settings.quirks === 'fixed'
    this.#log = log
  }

  /** A new invocation: hints may be repeated. */
  begin() {
    this.#given.clear()
  }

  /** Gives the hint of a quirk, at most once for each invocation or process. */
  hint(name, detail) {
    const quirk = QUIRKS[name]
    const given = quirk.once ? this.#ever : this.#given
    if (this.fixed || given.has(name)) return
    given.add(name)
    this.#log.hint(quirk.hint(detail))
  }
}

/** The names of all quirks, for the test that compares them with the README. */
export const quirkNames = Object.keys(QUIRKS)
