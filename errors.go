package sluice

import (
	"errors"
	"fmt"
	"net/http"
)

// Error is a refusal: the caller's request did not reach a function. Code,
// Status and Message are what the caller sees; Cause is for the log only.
type Error struct {
	// Code is AWS's exception name, sent as x-amzn-ErrorType.
	Code string
	// Status is the HTTP status.
	Status int
	// Message is public.
	Message string
	// Reason is the Reason member of throttles, else "".
	Reason string
	// Cause is private.
	Cause error
}

func (e *Error) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Message, e.Cause)
	}
	return e.Code + ": " + e.Message
}

func (e *Error) Unwrap() error { return e.Cause }

// AsError returns err as an *Error; anything else becomes a ServiceException
// whose message tells the caller nothing and whose cause keeps err.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Code: "ServiceException", Status: http.StatusInternalServerError, Message: "Internal Failure", Cause: err}
}

// ErrNotFound says that there is no function of that name and qualifier.
func ErrNotFound(arn string) *Error {
	return &Error{Code: "ResourceNotFoundException", Status: http.StatusNotFound, Message: "Function not found: " + arn}
}

// ErrThrottled refuses an invocation because a concurrency limit is reached;
// reason is AWS's, see the Throttle constants.
func ErrThrottled(reason string) *Error {
	return &Error{Code: "TooManyRequestsException", Status: http.StatusTooManyRequests, Message: "Rate Exceeded.", Reason: reason}
}

// AWS's reasons for a throttle (docs/contract/function-url.md §6).
const (
	ThrottleReserved     = "ReservedFunctionConcurrentInvocationLimitExceeded"
	ThrottleAccount      = "ConcurrentInvocationLimitExceeded"
	ThrottleReservedRate = "ReservedFunctionInvocationRateLimitExceeded"
	ThrottleAccountRate  = "FunctionInvocationRateLimitExceeded"
)

// ErrPayloadTooLarge refuses a request whose event exceeds limit bytes.
func ErrPayloadTooLarge(limit int64) *Error {
	return &Error{
		Code: "RequestEntityTooLargeException", Status: http.StatusRequestEntityTooLarge,
		Message: fmt.Sprintf("Request must be smaller than %d bytes for the InvokeFunction operation", limit),
	}
}

// ErrBuildFailed says that the function's code could not be built. It has no
// counterpart on AWS, where a broken build never gets deployed.
func ErrBuildFailed(message string) *Error {
	return &Error{Code: "BuildFailedException", Status: http.StatusBadGateway, Message: message}
}

// ErrShuttingDown refuses an invocation because the server is stopping.
func ErrShuttingDown() *Error {
	return &Error{Code: "ServiceUnavailableException", Status: http.StatusServiceUnavailable, Message: "The server is shutting down."}
}

// Causes that a front end passes to Body.Close.
var (
	// ErrClientGone: the client closed its connection.
	ErrClientGone = errors.New("client gone")
	// ErrOversized: the response passed its size quota.
	ErrOversized = errors.New("response exceeds its size quota")
	// ErrMalformed: the response could not be mapped to HTTP.
	ErrMalformed = errors.New("malformed response")
	// ErrBodyless: the answer has no body on the wire, so that the rest reaches nobody.
	ErrBodyless = errors.New("answer without a body")
)
