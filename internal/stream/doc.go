// Package stream holds what happens to a response body on its way from the
// runtime to the client, whoever the client is: the prelude that an HTTP
// integration puts in front of its payload, and the limits on size and
// bandwidth.
//
// A body is a sluice.Body. ReadPrelude takes the prelude off one, Limiter wraps
// one; both give a sluice.Body again. Nothing here opens a socket, starts a
// goroutine or looks at payload bytes.
package stream
