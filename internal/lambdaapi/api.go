package lambdaapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/auth"
	"github.com/sluice-run/sluice/internal/destination"
	"github.com/sluice-run/sluice/internal/images"
	"github.com/sluice-run/sluice/internal/objects"
	"github.com/sluice-run/sluice/internal/registry"
)

// API is what the Lambda API works with. All members are required.
type API struct {
	Registry *registry.Registry
	Invoker  sluice.Invoker
	// Enqueue keeps an asynchronous invocation; it is on disk when Enqueue
	// returns.
	Enqueue  func(ctx context.Context, inv *sluice.Invocation) error
	Identity sluice.Identity
	Quotas   func() sluice.Quotas
	Auth     *auth.Service
	// ReadOnly, if not empty, refuses every operation that changes something, and says
	// why.
	ReadOnly string
	// Changed is told the name of a function after it was changed or deleted.
	Changed func(name string)
	// Objects is where code in S3 is read from.
	Objects *objects.Source
	// Destinations are what events may be sent to besides functions.
	Destinations *destination.Sender
	// Images are container images, nil if functions can't have one; NoImages says why.
	Images   *images.Store
	NoImages string
	// HotReload allows functions that run from folders of this machine.
	HotReload bool
	// Provisioned tells how many environments of a qualifier are kept ready, and
	// why they are not all.
	Provisioned func(name, qualifier string) (ready int, failed string)
	// URL is the address of a Function URL by its id.
	URL func(id string) string
	// Tails collects the log tails that callers ask for.
	Tails *Tails
	// Domain is the host name that is served besides loopback addresses.
	Domain string
	Log    *slog.Logger
	// Now is the clock, time.Now but in tests.
	Now func() time.Time
}

// maxRequest bounds a request of the control plane, in bytes
// (docs/contract/control-api.md §4.1).
const maxRequest = 70167211

// call is one request on its way through an operation.
type call struct {
	*API
	r     *http.Request
	ctx   context.Context
	query url.Values
	// status is 200 unless the operation sets it.
	status int
	name   string
}

// label returns a path label, percent-decoded.
func (c *call) label(name string) string { return c.r.PathValue(name) }

// function reads the label {F} and the query's Qualifier.
func (c *call) function() (reference, error) {
	return c.reference(c.label("F"), c.query.Get("Qualifier"))
}

// unqualified is function for operations that take no qualifier.
func (c *call) unqualified() (reference, error) { return c.reference(c.label("F"), "") }

// body decodes the request; an empty one is an empty object, and members that are
// not known are ignored.
func (c *call) body(into any) error {
	data, err := io.ReadAll(http.MaxBytesReader(nil, c.r.Body, maxRequest))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return failure("RequestEntityTooLargeException", http.StatusRequestEntityTooLarge, "Request must be smaller than %d bytes for the %s operation", maxRequest, c.name)
	case err != nil:
		return failure("InvalidRequestContentException", http.StatusBadRequest, "The request body could not be read: %v", err)
	case len(strings.TrimSpace(string(data))) == 0:
		return nil
	}
	if err := json.Unmarshal(data, into); err != nil {
		return failure("InvalidRequestContentException", http.StatusBadRequest, "Could not parse request body into json: %s", describe(err))
	}
	return nil
}

// describe makes the decoder's errors readable for somebody who wrote the JSON.
func describe(err error) string {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return fmt.Sprintf("%s is a %s, expected a %s", wrong.Field, wrong.Value, wrong.Type)
	}
	return err.Error()
}

// page cuts a list to Marker and MaxItems; next is the marker of the next page, ""
// on the last one.
func page[T any](c *call, all []T, most int) (items []T, next string, err error) {
	start, count := 0, most
	if marker := c.query.Get("Marker"); marker != "" {
		if start, err = strconv.Atoi(marker); err != nil || start < 0 || start > len(all) {
			return nil, "", invalid("The provided Marker is invalid: %s", marker)
		}
	}
	if text := c.query.Get("MaxItems"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 10000 {
			var v constraints
			v.between(n, "maxItems", 1, 10000)
			return nil, "", v.err()
		}
		count = min(n, most)
	}
	end := min(start+count, len(all))
	if end < len(all) {
		next = strconv.Itoa(end)
	}
	return all[start:end], next, nil
}

// operation answers one kind of request. Its document is sent as JSON; nil sends
// nothing.
type operation func(*call) (any, error)

// Handler returns the API's HTTP handler.
func (a *API) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, route := range a.routes() {
		mux.HandleFunc(route.pattern, func(w http.ResponseWriter, r *http.Request) { a.serve(w, r, route) })
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		a.fail(w, sluice.NewRequestID(), failure("UnknownOperationException", http.StatusNotFound, "%s %s is no operation of the Lambda API that Sluice serves.", r.Method, r.URL.Path))
	})
	return a.guard(mux)
}

// Match reports whether a request is one for the Lambda API: its path begins with
// the date of an API version.
func Match(r *http.Request) bool {
	path := r.URL.Path
	return len(path) > 11 && path[0] == '/' && path[5] == '-' && path[8] == '-' && path[11] == '/' && digits.MatchString(path[1:5])
}

// guard keeps web pages out: they can send requests to a developer's machine, but
// can't choose their Host; and without a signature nothing is answered.
func (a *API) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !a.servesHost(r.Host) {
			a.fail(w, sluice.NewRequestID(), failure("AccessDeniedException", http.StatusForbidden, "The host %s is not served here; use localhost, a loopback address or the configured domain.", r.Host))
			return
		}
		caller, err := a.authenticate(r)
		if err != nil {
			a.fail(w, sluice.NewRequestID(), err)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, caller)))
	})
}

// callerKey is the caller's in a request's context.
type callerKey struct{}

// authenticate finds out who calls. A signature covers the payload, which is
// therefore read here, unless nobody checks it.
func (a *API) authenticate(r *http.Request) (*auth.Caller, error) {
	var body []byte
	if !a.Auth.Open() {
		var err error
		if body, err = io.ReadAll(http.MaxBytesReader(nil, r.Body, maxRequest)); err != nil {
			return nil, failure("RequestEntityTooLargeException", http.StatusRequestEntityTooLarge, "Request must be smaller than %d bytes", maxRequest)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	caller, refused := a.Auth.Verify(r, body)
	if refused != nil {
		return nil, refused
	}
	return caller, nil
}

// GuardHost keeps out what a browser sends to a host that is not served here, and asks
// for no signature. It is for what may be read by whoever can connect.
func (a *API) GuardHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !a.servesHost(r.Host) || r.Header.Get("Origin") != "" {
			a.fail(w, sluice.NewRequestID(), failure("AccessDeniedException", http.StatusForbidden, "The host %s is not served here, or the request comes from a web page.", r.Host))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Guard lets those callers through to next whose policy allows the action on
// everything, for what is Sluice's own.
func (a *API) Guard(action string, next http.Handler) http.Handler {
	return a.GuardBy(func(*http.Request) string { return action }, next)
}

// GuardBy does as Guard, with an action for each request.
func (a *API) GuardBy(actionOf func(*http.Request) string, next http.Handler) http.Handler {
	return a.guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		action := actionOf(r)
		caller := r.Context().Value(callerKey{}).(*auth.Caller)
		if caller.Allowed(auth.Request{Action: action, Resource: "*"}) != auth.Allowed {
			a.fail(w, sluice.NewRequestID(), denied(caller, action, "*"))
			return
		}
		next.ServeHTTP(w, r)
	}))
}

func denied(caller *auth.Caller, action, resource string) *sluice.Error {
	return failure("AccessDeniedException", http.StatusForbidden, "User: %s is not authorized to perform: %s on resource: %s because no identity-based policy allows the %s action", caller.ARN, action, resource, action)
}

// actions are the operations whose action in a policy has another name.
var actions = map[string]string{"Invoke": "InvokeFunction", "InvokeWithResponseStream": "InvokeFunction"}

// authorize decides whether the caller may do this.
func (c *call) authorize() error {
	caller := c.r.Context().Value(callerKey{}).(*auth.Caller)
	action := "lambda:" + or(actions[c.name], c.name)
	resource := "*"
	if label := c.label("F"); label != "" {
		ref, err := c.function()
		if err != nil {
			return nil // the operation reports it
		}
		resource = c.arn(ref)
	} else if label := c.label("ARN"); label != "" {
		resource = label
	} else if label := c.label("L"); label != "" {
		resource = c.layerARN(label, 0)
	}
	request := auth.Request{Action: action, Resource: resource, Context: map[string]string{"lambda:FunctionArn": resource}}
	if caller.Allowed(request) == auth.Allowed {
		return nil
	}
	return denied(caller, action, resource)
}

func (a *API) servesHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	if ip := net.ParseIP(host); ip != nil {
		return ip.IsLoopback()
	}
	return host == "localhost" || host == a.Domain || strings.HasSuffix(host, ".localhost")
}

func (a *API) serve(w http.ResponseWriter, r *http.Request, route route) {
	c := &call{API: a, r: r, ctx: r.Context(), query: r.URL.Query(), status: http.StatusOK, name: route.name}
	id := sluice.NewRequestID()
	if err := c.authorize(); err != nil {
		a.fail(w, id, err)
		return
	}
	if route.stream != nil {
		route.stream(c, w)
		return
	}
	if a.ReadOnly != "" && r.Method != http.MethodGet {
		a.fail(w, id, notSupported("%s: %s.", route.name, a.ReadOnly))
		return
	}
	document, err := route.do(c)
	if err != nil {
		a.fail(w, id, err)
		return
	}
	head(w, id)
	if document == nil {
		w.WriteHeader(c.status)
		return
	}
	text, err := json.Marshal(document)
	if err != nil {
		a.fail(w, id, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(c.status)
	w.Write(text)
}

// fail answers with an error.
func (a *API) fail(w http.ResponseWriter, id string, err error) {
	refused := sluice.AsError(err)
	if refused.Status == http.StatusInternalServerError {
		a.Log.Error("the Lambda API failed", "request", id, "error", err)
	}
	head(w, id)
	body := errorBody(refused)
	w.Header().Set("Content-Type", "application/json")
	w.Header()["x-amzn-ErrorType"] = []string{refused.Code}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(refused.Status)
	w.Write(body)
}

func head(w http.ResponseWriter, id string) {
	w.Header()["x-amzn-RequestId"] = []string{id}
}

// edit changes a function, with a missing one reported as ref.
func (c *call) edit(ref reference, change func(*registry.Function) error) (*registry.Function, error) {
	f, err := c.Registry.Edit(c.ctx, ref.name, change)
	if errors.Is(err, registry.ErrNotFound) {
		return nil, c.functionMissing(ref)
	}
	if err == nil {
		c.Changed(ref.name)
	}
	return f, err
}

// find returns a function, with a missing one reported as ref.
func (c *call) find(ref reference) (*registry.Function, error) {
	f, err := c.Registry.Function(ref.name)
	if errors.Is(err, registry.ErrNotFound) {
		return nil, c.functionMissing(ref)
	}
	return f, err
}

// version returns the version that a qualifier of f leads to: through an alias,
// or the published one, or the unpublished one for "".
func (c *call) version(f *registry.Function, ref reference) (*registry.Version, error) {
	number := ref.qualifier
	if alias := f.Aliases[number]; alias != nil {
		number = alias.Version
	}
	if number == "" || number == sluice.LatestVersion {
		return &f.Latest, nil
	}
	v, err := c.Registry.Version(f.Name, number)
	if errors.Is(err, registry.ErrNotFound) {
		return nil, c.functionMissing(ref)
	}
	return v, err
}

// stamp is the form of function and layer times.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000-0700") }
