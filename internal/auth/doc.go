// Package auth decides who may call: it verifies signatures (AWS's SigV4, in
// headers or presigned) against the credentials a server knows, and evaluates
// policies in IAM's JSON.
//
// A server without credentials is for development on the loopback address: it takes
// any signature, so that SDKs with made-up keys work, but still wants one, so that a
// web page can't call it.
package auth
