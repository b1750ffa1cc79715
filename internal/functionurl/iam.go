package functionurl

import (
	"net/http"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/auth"
)

// IAM authorizes callers of AWS_IAM Function URLs by their own policy or by the
// function's: one of the two has to allow it, and none may deny it
// (docs/contract/function-url.md §7.2). policy returns the function's, nil for none.
func IAM(service *auth.Service, identity sluice.Identity, policy func(sluice.FunctionURL) *auth.Policy) func(*http.Request, []byte, sluice.FunctionURL) (*Caller, *sluice.Error) {
	return func(r *http.Request, body []byte, url sluice.FunctionURL) (*Caller, *sluice.Error) {
		caller, refused := service.Verify(r, body)
		if refused != nil {
			if refused.Code == "MissingAuthenticationTokenException" {
				refused = &sluice.Error{Code: accessDenied, Status: http.StatusForbidden, Message: forbidden}
			}
			return nil, refused
		}
		arn := identity.FunctionARN(url.Function, url.Qualifier)
		request := auth.Request{Action: "lambda:InvokeFunctionUrl", Resource: arn, Context: map[string]string{
			"lambda:FunctionUrlAuthType": string(sluice.AuthIAM), "lambda:FunctionArn": arn,
		}}
		decision := caller.Allowed(request)
		if p := policy(url); p != nil && decision != auth.Denied {
			decision = max(decision, p.DecideFor(caller.ARN, request))
		}
		if decision != auth.Allowed {
			return nil, &sluice.Error{Code: accessDenied, Status: http.StatusForbidden, Message: forbidden}
		}
		return &Caller{AccessKey: caller.AccessKeyID, AccountID: caller.AccountID, CallerID: caller.UserID, UserARN: caller.ARN, UserID: caller.UserID}, nil
	}
}
