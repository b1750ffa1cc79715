// Package telemetry delivers what happens in an execution environment to the extensions
// that have subscribed to it (docs/contract/runtime-api.md §7).
package telemetry

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Subscription is what an extension asked for.
type Subscription struct {
	// Types are "platform", "function" and "extension".
	Types []string
	// MaxItems, MaxBytes and Timeout bound what is collected before it is sent.
	MaxItems, MaxBytes int
	Timeout            time.Duration
	// Port is where the extension listens; Path is of its URI, "" for plain TCP.
	Port int
	Path string
}

// hosts are the names of the sandbox for those inside of it.
var hosts = []string{"sandbox.localdomain", "sandbox", "localhost", "127.0.0.1"}

// Parse reads the body of a subscription. Errors are for the extension's author.
func Parse(body []byte) (Subscription, error) {
	var in struct {
		SchemaVersion string
		Types         []string
		Buffering     struct{ MaxItems, MaxBytes, TimeoutMs *int }
		Destination   struct {
			Protocol, URI string
			Port          *int
		}
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return Subscription{}, fmt.Errorf("the body is not the JSON of a subscription: %w", err)
	}
	switch in.SchemaVersion {
	case "", "2020-08-15", "2021-03-18", "2022-07-01", "2022-12-13", "2025-01-29":
	default:
		return Subscription{}, fmt.Errorf("schemaVersion %q is unknown", in.SchemaVersion)
	}
	s := Subscription{Types: in.Types}
	if len(s.Types) == 0 {
		return s, errors.New("types is empty; name some of platform, function and extension")
	}
	for _, kind := range s.Types {
		if kind != "platform" && kind != "function" && kind != "extension" {
			return s, fmt.Errorf("type %q is none of platform, function and extension", kind)
		}
	}
	var timeout int
	for _, b := range []struct {
		name                   string
		given                  *int
		to                     *int
		least, most, otherwise int
	}{
		{"maxItems", in.Buffering.MaxItems, &s.MaxItems, 1000, 10_000, 10_000},
		{"maxBytes", in.Buffering.MaxBytes, &s.MaxBytes, 262_144, 1_048_576, 262_144},
		{"timeoutMs", in.Buffering.TimeoutMs, &timeout, 25, 30_000, 1000},
	} {
		*b.to = b.otherwise
		if b.given == nil {
			continue
		}
		if *b.to = *b.given; *b.given < b.least || *b.given > b.most {
			return s, fmt.Errorf("buffering.%s is %d; it may be %d to %d", b.name, *b.given, b.least, b.most)
		}
	}
	s.Timeout = time.Duration(timeout) * time.Millisecond
	return s, s.destination(in.Destination.Protocol, in.Destination.URI, in.Destination.Port)
}

func (s *Subscription) destination(protocol, uri string, port *int) error {
	switch strings.ToUpper(protocol) {
	case "TCP":
		if port == nil || *port < 1 || *port > 65535 {
			return errors.New("destination.port is missing or no port")
		}
		s.Port = *port
		return nil
	case "HTTP":
	default:
		return fmt.Errorf("destination.protocol %q is neither HTTP nor TCP", protocol)
	}
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "http" || !slices.Contains(hosts, u.Hostname()) {
		return fmt.Errorf("destination.URI %q is not of the form http://sandbox.localdomain:<port>/<path>", uri)
	}
	if s.Port, err = strconv.Atoi(u.Port()); err != nil {
		if s.Port = 80; u.Port() != "" {
			return fmt.Errorf("destination.URI %q has no valid port", uri)
		}
	}
	if s.Path = u.RequestURI(); s.Path == "" {
		s.Path = "/"
	}
	return nil
}
