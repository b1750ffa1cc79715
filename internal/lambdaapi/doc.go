// Package lambdaapi serves the Lambda REST API: what AWS's clients send to create,
// change and invoke functions (docs/contract/control-api.md,
// docs/contract/invoke-api.md).
//
// An operation is a function that gets a call (the request with its labels, query
// and body) and returns a status and a document, or an *sluice.Error. One file holds
// one kind of resource. What Sluice does not support is refused with a typed error,
// never accepted and ignored.
package lambdaapi
