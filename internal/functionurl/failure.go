package functionurl

import (
	"encoding/json"
	"errors"
	"io"
	"strings"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/stream"
)

// maxDocument bounds what is read of an error document: it is only quoted.
const maxDocument = 64 << 10

// functionFailed answers for a function that failed instead of responding.
func (x *exchange) functionFailed(resp *sluice.Response) {
	document, _ := io.ReadAll(io.LimitReader(resp.Body, maxDocument))
	x.broke(&sluice.StreamError{Ending: endingOf(resp.FunctionError), Type: resp.FunctionError, Document: document})
}

// broke ends the exchange for a response that broke: with 502 as long as nothing
// was answered, else by breaking off the connection, so that no client takes the
// truncated body for a whole one (docs/contract/function-url.md §5).
func (x *exchange) broke(err error) {
	if x.r.Context().Err() != nil || errors.Is(err, sluice.ErrClientGone) {
		x.lost()
		return
	}
	var broken *sluice.StreamError
	if !errors.As(err, &broken) {
		broken = &sluice.StreamError{Ending: sluice.EndingFault, Type: "Sandbox.Failure", Message: err.Error()}
	}
	if broken.Ending == sluice.EndingOversized {
		quota := x.quotas.StreamedPayload
		x.oversized(x.begun && quota > 0 && x.inv.Meter.Bytes.Load() == quota)
	}
	if !x.begun {
		x.failed(broken.Ending, reasonOf(broken))
		return
	}
	// What the function wrote before it failed belongs to the client.
	x.flush()
	x.broken = true
	x.ended(broken.Ending, reasonOf(broken))
}

// endingOf classes a platform error type
// (docs/contract/execution-environment.md §4.3).
func endingOf(errorType string) sluice.Ending {
	switch errorType {
	case "Sandbox.Timedout", "Sandbox.Timeout":
		return sluice.EndingTimeout
	case "Runtime.ExitError", "Runtime.OutOfMemory":
		return sluice.EndingExit
	case "Runtime.TruncatedResponse":
		return sluice.EndingTruncated
	case stream.ErrorTypeTooLarge:
		return sluice.EndingOversized
	case "Sandbox.Failure":
		return sluice.EndingFault
	}
	return sluice.EndingFunctionError
}

// reasonOf explains a failure in the function's own words where it has some.
func reasonOf(broken *sluice.StreamError) string {
	var document struct{ ErrorType, ErrorMessage string }
	json.Unmarshal(broken.Document, &document)
	errorType, message := broken.Type, broken.Message
	if document.ErrorType != "" && broken.Ending == sluice.EndingFunctionError {
		// A runtime's header is coarser than its document.
		errorType = document.ErrorType
	}
	if message == "" {
		message = document.ErrorMessage
		if rest, ok := strings.CutPrefix(message, "RequestId: "); ok {
			if _, text, ok := strings.Cut(rest, " Error: "); ok {
				message = text
			}
		}
	}
	if message == "" {
		return errorType
	}
	return errorType + ": " + message
}
