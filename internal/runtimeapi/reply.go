package runtimeapi

import "strconv"

// reply is a complete HTTP answer, built once where it can be.
type reply struct {
	wire []byte
}

var (
	accepted         = jsonReply("202 Accepted", []byte("{\"status\":\"OK\"}\n"))
	pong             = textReply("200 OK", "pong")
	notFound         = textReply("404 Not Found", "404 page not found\n")
	methodNotAllowed = textReply("405 Method Not Allowed", "")
	badRequest       = errorReply("400 Bad Request", "BadRequest", "The request is not valid HTTP/1.1.")
	invalidRequestID = errorReply("400 Bad Request", "InvalidRequestID", "Invalid request ID")
	invalidMode      = errorReply("400 Bad Request", "InvalidFunctionResponseMode", "Invalid function response mode")
	truncated        = errorReply("400 Bad Request", "TruncatedHTTPRequest", "HTTP request detected as truncated")
	fromBrowser      = errorReply("403 Forbidden", "Forbidden", "The Runtime API does not serve web pages.")
	continueReply    = []byte("HTTP/1.1 100 Continue\r\n\r\n")
)

// stateReply refuses an operation that the state machine does not allow.
func stateReply(from state, to string) *reply {
	return errorReply("403 Forbidden", "InvalidStateTransition",
		"State transition from "+from.String()+" to "+to+" failed for runtime. Error: State transition is not allowed")
}

func tooLargeReply(limit int64) *reply {
	return errorReply("413 Request Entity Too Large", "RequestEntityTooLarge",
		"Exceeded maximum allowed payload size ("+strconv.FormatInt(limit, 10)+" bytes).")
}

func errorReply(status, errorType, message string) *reply {
	return jsonReply(status, append(appendErrorFields(nil, "errorMessage", message, "errorType", errorType), "}\n"...))
}

func jsonReply(status string, body []byte) *reply {
	return newReply(status, "application/json", body)
}

func textReply(status, body string) *reply {
	return newReply(status, "text/plain; charset=utf-8", []byte(body))
}

func newReply(status, contentType string, body []byte) *reply {
	b := append([]byte("HTTP/1.1 "), status...)
	b = append(b, "\r\nContent-Type: "...)
	b = append(b, contentType...)
	b = append(b, "\r\nContent-Length: "...)
	b = strconv.AppendInt(b, int64(len(body)), 10)
	b = append(b, "\r\n\r\n"...)
	return &reply{wire: append(b, body...)}
}
