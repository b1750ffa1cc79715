package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// This file is the function's runtime: it asks Lambda's Runtime API for events and
// streams back what a net/http handler answers. It is all a function behind a
// Function URL needs, without dependencies.

// serve answers events one after the other until the API can't be reached.
func serve(handler http.Handler) error {
	api := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/"
	for {
		next, err := http.Get(api + "next")
		if err != nil {
			return err
		}
		event, err := io.ReadAll(next.Body)
		next.Body.Close()
		if err != nil {
			return err
		}
		if next.StatusCode != http.StatusOK {
			return fmt.Errorf("next event: %s: %s", next.Status, event)
		}
		if err := answer(handler, event, api, next.Header); err != nil {
			return err
		}
	}
}

// answer runs the handler for one event while its response is on the way.
func answer(handler http.Handler, event []byte, api string, about http.Header) error {
	deadline, _ := strconv.ParseInt(about.Get("Lambda-Runtime-Deadline-Ms"), 10, 64)
	ctx, cancel := context.WithDeadline(context.Background(), time.UnixMilli(deadline))
	defer cancel()
	body, pipe := io.Pipe()
	w := &response{pipe: pipe, header: http.Header{}}
	url := api + about.Get("Lambda-Runtime-Aws-Request-Id") + "/response"
	post, err := http.NewRequest(http.MethodPost, url, body)
	if err != nil {
		return err
	}
	post.Header.Set("Content-Type", "application/vnd.awslambda.http-integration-response")
	post.Header.Set("Lambda-Runtime-Function-Response-Mode", "streaming")
	// An error after the first byte is told in trailers.
	post.Trailer = http.Header{"Lambda-Runtime-Function-Error-Type": nil, "Lambda-Runtime-Function-Error-Body": nil}

	finished := make(chan struct{})
	go func() {
		defer close(finished)
		defer pipe.Close()
		r, err := request(ctx, event)
		if err == nil {
			err = run(handler, w, r)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "error:", err)
			w.WriteHeader(http.StatusInternalServerError)
			text, _ := json.Marshal(map[string]string{"errorType": "HandlerError", "errorMessage": err.Error()})
			post.Trailer.Set("Lambda-Runtime-Function-Error-Type", "HandlerError")
			post.Trailer.Set("Lambda-Runtime-Function-Error-Body", base64.StdEncoding.EncodeToString(text))
		}
		w.WriteHeader(http.StatusOK)
	}()
	reply, err := http.DefaultClient.Do(post)
	body.Close() // when the platform takes no more, writes fail
	<-finished
	if err != nil {
		return err
	}
	return reply.Body.Close()
}

// run turns a panic of the handler into an error.
func run(handler http.Handler, w http.ResponseWriter, r *http.Request) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	handler.ServeHTTP(w, r)
	return nil
}

// request makes the request that the event of a Function URL describes.
func request(ctx context.Context, event []byte) (*http.Request, error) {
	var e struct {
		RawPath, RawQueryString, Body string
		Headers                       map[string]string
		Cookies                       []string
		IsBase64Encoded               bool
		RequestContext                struct {
			HTTP struct{ Method, SourceIP string }
		}
	}
	if err := json.Unmarshal(event, &e); err != nil {
		return nil, fmt.Errorf("event: %w", err)
	}
	var body io.Reader = strings.NewReader(e.Body)
	if e.IsBase64Encoded {
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	url := "https://" + e.Headers["host"] + e.RawPath
	if e.RawQueryString != "" {
		url += "?" + e.RawQueryString
	}
	r, err := http.NewRequestWithContext(ctx, e.RequestContext.HTTP.Method, url, body)
	if err != nil {
		return nil, err
	}
	for name, value := range e.Headers {
		r.Header.Set(name, value)
	}
	if len(e.Cookies) > 0 {
		r.Header.Set("Cookie", strings.Join(e.Cookies, "; "))
	}
	r.RemoteAddr = e.RequestContext.HTTP.SourceIP
	return r, nil
}

// response is the http.ResponseWriter of one event. Status and headers go before the
// body, as JSON and eight zero bytes.
type response struct {
	pipe   *io.PipeWriter
	header http.Header
	begun  bool
}

func (w *response) Header() http.Header { return w.header }

func (w *response) WriteHeader(status int) {
	if w.begun {
		return
	}
	w.begun = true
	head := struct {
		StatusCode int               `json:"statusCode"`
		Headers    map[string]string `json:"headers"`
		Cookies    []string          `json:"cookies,omitempty"`
	}{status, map[string]string{}, w.header.Values("Set-Cookie")}
	for name, values := range w.header {
		if name != "Set-Cookie" {
			head.Headers[name] = strings.Join(values, ", ")
		}
	}
	text, _ := json.Marshal(head)
	w.pipe.Write(append(text, make([]byte, 8)...))
}

func (w *response) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.pipe.Write(p)
}

// Flush has nothing to do: nothing is held back. It is here for handlers that call it.
func (w *response) Flush() {}
