// Package serve is `sluice serve`: a server that functions are deployed to through
// the Lambda API, and that remembers them.
package serve
