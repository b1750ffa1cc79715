package sluice

// Ending is how an invocation ended. Every invocation has exactly one.
type Ending string

const (
	// EndingComplete: the function finished its response.
	EndingComplete Ending = "complete"
	// EndingFunctionError: the function failed, before or during its response.
	EndingFunctionError Ending = "function-error"
	// EndingTimeout: the function's timeout passed.
	EndingTimeout Ending = "timeout"
	// EndingExit: the runtime process exited or was killed.
	EndingExit Ending = "exit"
	// EndingTruncated: the runtime broke off its response while it lived on.
	EndingTruncated Ending = "truncated"
	// EndingOversized: the response passed its size quota.
	EndingOversized Ending = "oversized"
	// EndingMalformed: the response could not be mapped to HTTP (bad prelude,
	// bad proxy result).
	EndingMalformed Ending = "malformed"
	// EndingClientGone: the client left; the function ran on.
	EndingClientGone Ending = "client-gone"
	// EndingRefused: the function was not invoked (throttle, policy, size, no
	// such URL).
	EndingRefused Ending = "refused"
	// EndingFault: Sluice itself failed.
	EndingFault Ending = "fault"
	// EndingShutdown: the server stopped before the function did.
	EndingShutdown Ending = "shutdown"
)

// Account is on whose account an invocation did not end well.
type Account string

const (
	// AccountNobody: it ended well.
	AccountNobody Account = ""
	// AccountFunction: its code, its runtime, or what it sent.
	AccountFunction Account = "function"
	// AccountClient: it left, or asked for what it may not have.
	AccountClient Account = "client"
	// AccountServer: Sluice failed, or was stopped.
	AccountServer Account = "server"
)

// Account says whose doing the ending was.
func (e Ending) Account() Account {
	switch e {
	case EndingComplete, "":
		return AccountNobody
	case EndingClientGone, EndingRefused:
		return AccountClient
	case EndingFault, EndingShutdown:
		return AccountServer
	}
	return AccountFunction
}
