// Package sluice holds the vocabulary that every room of Sluice shares: what a
// function, a Function URL, an invocation and a response are, how a stream may
// end, which quotas apply, and what an error looks like to a caller.
//
// Nothing here opens a socket or starts a process; the package imports the
// standard library only. The words are AWS Lambda's own. Where a rule is AWS's,
// the comment names the page under docs/contract it was taken from.
package sluice
