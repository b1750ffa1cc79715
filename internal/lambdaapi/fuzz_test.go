package lambdaapi

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/auth"
	"github.com/sluice-run/sluice/internal/registry"
	"github.com/sluice-run/sluice/internal/store"
)

// nobody refuses every invocation.
type nobody struct{}

func (nobody) Invoke(context.Context, *sluice.Invocation) (*sluice.Response, error) {
	return nil, sluice.ErrThrottled(sluice.ThrottleAccount)
}

// newAPI returns an API over a store in memory.
func newAPI(t testing.TB) *API {
	t.Helper()
	s, err := store.Open(context.Background(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	identity := sluice.DefaultIdentity()
	return &API{
		Registry: registry.New(s), Invoker: nobody{}, Identity: identity, Quotas: sluice.DefaultQuotas, Auth: auth.New(identity, nil),
		Changed: func(string) {}, Provisioned: func(string, string) (int, string) { return 0, "" }, URL: func(id string) string { return "http://" + id },
		Enqueue: func(context.Context, *sluice.Invocation) error { return nil },
		Tails:   &Tails{}, Log: slog.New(slog.DiscardHandler), Now: time.Now,
	}
}

// FuzzRequests: whatever a client sends, it gets a status, and JSON if it gets
// anything.
func FuzzRequests(f *testing.F) {
	f.Add("POST", "/2015-03-31/functions", `{"FunctionName":"fn","Role":"arn:aws:iam::123456789012:role/r","Runtime":"nodejs20.x","Handler":"a.b","Code":{"ZipFile":"UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA=="}}`)
	f.Add("GET", "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Afn?Qualifier=1", "")
	f.Add("PUT", "/2019-09-25/functions/fn/event-invoke-config", `{"MaximumRetryAttempts":1}`)
	f.Add("POST", "/2015-03-31/functions/fn/aliases", `{"Name":"a","FunctionVersion":"1","RoutingConfig":{"AdditionalVersionWeights":{"2":0.5}}}`)
	f.Add("POST", "/2015-03-31/functions/fn/policy", `{"StatementId":"s","Action":"lambda:InvokeFunction","Principal":"*"}`)
	f.Add("POST", "/2018-10-31/layers/l/versions", `{"Content":{"ZipFile":"UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA=="}}`)
	f.Add("GET", "/2018-10-31/layers?find=LayerVersion&Arn=arn:aws:lambda:us-east-1:123456789012:layer:l:1", "")
	f.Add("POST", "/2015-03-31/functions/fn/invocations", `{}`)
	handler := newAPI(f).Handler()
	f.Fuzz(func(t *testing.T, method, target, body string) {
		r, err := http.NewRequest(method, "http://localhost"+target, strings.NewReader(body))
		if err != nil || !strings.HasPrefix(target, "/") {
			return
		}
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=x")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code < 200 || w.Code >= 500 {
			t.Errorf("%s %q %q: status %d %s", method, target, body, w.Code, w.Body)
		}
		if w.Code >= 300 && w.Code < 400 {
			return // the router's cleaned path
		}
		if text := w.Body.Bytes(); len(text) > 0 && !json.Valid(text) {
			t.Errorf("%s %q: %s", method, target, text)
		}
	})
}

// FuzzParseFunction: a name that is taken apart is the one that was put together.
func FuzzParseFunction(f *testing.F) {
	f.Add("arn:aws:lambda:us-east-1:123456789012:function:fn:live")
	f.Add("123456789012:function:fn")
	f.Add("fn:$LATEST")
	a := &API{Identity: sluice.DefaultIdentity()}
	f.Fuzz(func(t *testing.T, text string) {
		ref, err := a.parseFunction(text)
		if err != nil {
			return
		}
		if strings.Contains(ref.name, ":") {
			t.Errorf("%q has the name %q", text, ref.name)
		}
		if functionName.MatchString(text) && !strings.HasPrefix(text, "arn") && ref.name == "" {
			t.Errorf("%q has no name", text)
		}
	})
}
