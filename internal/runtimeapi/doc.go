// Package runtimeapi is the HTTP API that a runtime calls from inside its
// execution environment: it hands out events, takes responses and errors, and
// keeps the state machine between them (docs/contract/runtime-api.md §1-5).
//
// The path that every response takes is short on purpose. A parked GET /next is
// answered by the goroutine that invokes; the body of POST /response is read by
// the goroutine that delivers it to the client, straight from the runtime's
// connection. There is no pipe, no copy and no goroutine in between, and a slow
// client stops the runtime's socket. That is why the HTTP/1.1 server here is our
// own: net/http keeps the connection to itself while a handler runs.
//
// Words: an Event is what /next delivers; a Call is one delivered event and its
// answer; a connection is parked while it waits in /next.
package runtimeapi
