// Package functionurl is the front end of Function URLs: it turns an HTTP request
// into an event in payload format 2.0, has it invoked, and turns the response
// into HTTP (docs/contract/function-url.md).
//
// A request is an exchange: it ends with one answer, or with a connection that
// was broken off, and is reported once either way. An answer has a head (status
// and headers, checked before they reach the wire) and a body. In invoke mode
// BUFFERED the function's whole result is mapped to both; in RESPONSE_STREAM the
// head comes from the prelude, and the payload flows through one buffer, flushed
// when nothing more has arrived. A stream that breaks is broken for the client
// too: nothing is ever appended to a body.
//
// A refusal is an answer that no function was asked for. A hint is advice in the
// function's log that AWS would not have given.
package functionurl
