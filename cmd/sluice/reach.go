package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"
)

// unreachableError tells that nobody answers where a server should be.
type unreachableError struct {
	endpoint string
	err      error
}

func (e *unreachableError) Error() string {
	why := e.err.Error()
	var name *net.DNSError
	switch {
	case errors.Is(e.err, syscall.ECONNREFUSED):
		why = "connection refused"
	case errors.As(e.err, &name):
		why = "there is no host " + name.Name
	}
	return fmt.Sprintf("no server answers at %s: %s. Start one with 'sluice serve' or 'sluice dev', or name another with --endpoint or SLUICE_ENDPOINT", e.endpoint, why)
}

func (e *unreachableError) Unwrap() error { return e.err }

// reaching is a transport that says so when there is no server.
type reaching struct {
	http.RoundTripper
	endpoint string
}

func (t *reaching) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.RoundTripper.RoundTrip(r)
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		err = &unreachableError{t.endpoint, err}
	}
	return resp, err
}
