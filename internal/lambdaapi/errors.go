package lambdaapi

import (
	"encoding/json"
	"fmt"
	"net/http"

	sluice "github.com/sluice-run/sluice"
)

// capital are the codes whose body says Message instead of message
// (docs/contract/control-api.md §1).
var capital = map[string]bool{
	"ResourceNotFoundException": true, "CodeSigningConfigNotFoundException": true, "ServiceException": true,
	"CodeVerificationFailedException": true, "InvalidCodeSignatureException": true, "RecursiveInvocationException": true,
	"ResourceInUseException": true, "PublicPolicyException": true,
}

// bare are the codes whose body has no Type.
var bare = map[string]bool{"ValidationException": true, "RequestEntityTooLargeException": true, "AccessDeniedException": true, "UnknownOperationException": true}

// errorBody is the document of an error in the casing of its shape.
func errorBody(e *sluice.Error) []byte {
	var body any
	switch {
	case capital[e.Code]:
		kind := "User"
		if e.Status >= 500 {
			kind = "Service"
		}
		body = struct{ Type, Message string }{kind, e.Message}
	case bare[e.Code] || e.Reason == withoutType:
		body = struct {
			Message string `json:"message,omitempty"`
		}{e.Message}
	default:
		body = struct {
			Reason  string `json:",omitempty"`
			Type    string
			Message string `json:"message"`
		}{e.Reason, "User", e.Message}
	}
	text, _ := json.Marshal(body) // strings only
	return text
}

// withoutType marks the few InvalidParameterValue errors whose body has no Type.
const withoutType = "\x00"

func failure(code string, status int, format string, args ...any) *sluice.Error {
	return &sluice.Error{Code: code, Status: status, Message: fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) *sluice.Error {
	return failure("InvalidParameterValueException", http.StatusBadRequest, format, args...)
}

func invalidBare(format string, args ...any) *sluice.Error {
	e := invalid(format, args...)
	e.Reason = withoutType
	return e
}

func notFound(format string, args ...any) *sluice.Error {
	return failure("ResourceNotFoundException", http.StatusNotFound, format, args...)
}

func conflict(format string, args ...any) *sluice.Error {
	return failure("ResourceConflictException", http.StatusConflict, format, args...)
}

func stale(which string) *sluice.Error {
	return failure("PreconditionFailedException", http.StatusPreconditionFailed, "%s", which)
}

// notSupported refuses what AWS has and Sluice has not.
func notSupported(format string, args ...any) *sluice.Error {
	return invalid("Sluice does not support this: "+format, args...)
}
