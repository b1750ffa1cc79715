package functionurl

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	sluice "github.com/sluice-run/sluice"
)

const (
	accessDenied = "AccessDeniedException"
	// forbidden is AWS's own sentence (docs/contract/function-url.md §6).
	forbidden = "Forbidden. For troubleshooting Function URL authorization issues, see: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
)

// authorize decides whether the request may reach the function
// (docs/contract/function-url.md §7).
func (x *exchange) authorize() *sluice.Error {
	switch {
	case x.url.AuthType == sluice.AuthIAM && x.Authorize == nil:
		return &sluice.Error{Code: accessDenied, Status: http.StatusForbidden, Message: forbidden}
	case !slices.Contains(methods, x.r.Method):
		return &sluice.Error{
			Code: "InvalidRequestContentException", Status: http.StatusMethodNotAllowed,
			Message: "A Function URL takes the methods " + strings.Join(methods, ", ") + ", not " + x.r.Method + ".",
		}
	case x.url.AuthType == sluice.AuthNone && !x.url.Public:
		x.hint(fmt.Sprintf(`AuthType NONE does not open a Function URL by itself: the resource policy of %s has to allow lambda:InvokeFunctionUrl to everybody. `+
			`In a template, add an AWS::Lambda::Permission with Action: lambda:InvokeFunctionUrl, Principal: "*" and FunctionUrlAuthType: NONE (AWS::Serverless::Function adds it by itself)`,
			x.Identity.FunctionARN(x.url.Function, x.url.Qualifier)))
		return &sluice.Error{Code: accessDenied, Status: http.StatusForbidden, Message: forbidden}
	}
	return nil
}

// refuseUnknown answers for a URL that does not exist: 403, not 404.
func (x *exchange) refuseUnknown() {
	reason := `there is no Function URL with the id "` + x.target.id + `"`
	if x.target.id == "" {
		reason = `there is no Function URL for function "` + x.target.function + `"`
		if x.target.qualifier != "" {
			reason += ` and alias "` + x.target.qualifier + `"`
		}
	}
	x.answerRefusal(&sluice.Error{Code: accessDenied, Status: http.StatusForbidden}, []byte(`{"Message":null}`))
	x.ended(sluice.EndingRefused, reason)
}

// refuse answers for a request that reached no function
// (docs/contract/function-url.md §6).
func (x *exchange) refuse(e *sluice.Error) {
	ending, reason := sluice.EndingRefused, e.Error()
	if e.Reason != "" {
		reason += " (" + e.Reason + ")"
	}
	if e.Status == http.StatusInternalServerError {
		ending = sluice.EndingFault
	}
	if e.Code == "ResourceNotFoundException" {
		// The URL is there and what it leads to is not, such as a deleted alias.
		e = &sluice.Error{Code: accessDenied, Status: http.StatusForbidden, Message: forbidden}
	}
	var body []byte
	switch e.Code {
	case "BuildFailedException":
		// For the developer who looks at the browser, not for a program.
		x.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		body = append([]byte(e.Message), '\n')
	case "InvalidSignatureException", "UnrecognizedClientException", "IncompleteSignatureException":
		body = append(appendString(append(body, `{"message":`...), e.Message), '}')
	case "TooManyRequestsException":
		body = append(body, `{"Reason":`...)
		body = appendString(body, e.Reason)
		body = append(body, `,"Type":"User","message":`...)
		body = append(appendString(body, e.Message), '}')
	default:
		body = append(body, `{"Message":`...)
		body = append(appendString(body, e.Message), '}')
	}
	x.answerRefusal(e, body)
	if x.access.Ending == sluice.EndingComplete {
		x.ended(ending, reason)
	}
}

func (x *exchange) answerRefusal(e *sluice.Error, body []byte) {
	header := x.w.Header()
	if header.Get("Content-Type") == "" {
		header.Set("Content-Type", "application/json")
	}
	header["x-amzn-ErrorType"] = []string{e.Code}
	x.answer(e.Status, body)
}

// failed answers 502 for a function that failed before the answer began: AWS
// tells the client nothing more, the log has the rest.
func (x *exchange) failed(ending sluice.Ending, reason string) {
	const text = "Internal Server Error"
	clear(x.w.Header())
	x.w.Header().Set("Content-Type", "application/json")
	x.answer(http.StatusBadGateway, []byte(text))
	if x.access.Ending == sluice.EndingComplete {
		x.ended(ending, reason)
	}
}

// malformed answers 502 for a response that can't be mapped to HTTP.
func (x *exchange) malformed(body sluice.Body, why string) {
	body.Close(sluice.ErrMalformed)
	x.hint(why)
	x.failed(sluice.EndingMalformed, why)
}

// oversized advises on a response over one of the two quotas; streamed tells which.
func (x *exchange) oversized(streamed bool) {
	dial, now, aws := "bufferedPayload", x.quotas.BufferedPayload, sluice.DefaultQuotas().BufferedPayload
	what := "refused this result"
	if streamed {
		dial, now, aws = "streamedPayload", x.quotas.StreamedPayload, sluice.DefaultQuotas().StreamedPayload
		what = "cut this stream"
	}
	text := "the response is larger than " + sluice.FormatSize(now)
	if now == aws {
		text = "AWS would have " + what + " at " + strconv.FormatInt(aws/sluice.MB, 10) + " MB"
	}
	text += "; raise " + dial + " (now " + sluice.FormatSize(now) + ")"
	if !streamed {
		text += ", or stream the response: InvokeMode RESPONSE_STREAM and awslambda.streamifyResponse"
	}
	x.hint(text)
}
