// Package store keeps what a server must not forget: records, code packages, and
// events that wait for their invocation. It is the only room that knows NATS
// JetStream, which runs embedded (no listener, an in-process connection) or
// somewhere else.
//
// A write is acknowledged when it is on disk. All records are held in memory as
// well, kept up to date by a watch, so that reads cost nothing and never wait. A
// record has a revision; a writer names the one it has seen, and of two concurrent
// writers one gets ErrConflict.
//
// A folder that has lost something acknowledged is not opened: see DamageError.
package store
