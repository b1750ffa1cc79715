package config

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// OTLP is how spans are sent, as OpenTelemetry's own variables say it:
// OTEL_EXPORTER_OTLP_…, of which the forms with TRACES win, and OTEL_TRACES_SAMPLER.
// They are read only where spans are sent: they may be meant for other programs.
type OTLP struct {
	// Headers go with every request: "name=value,name=value", escaped as in URLs.
	Headers string
	// Timeout bounds one request.
	Timeout time.Duration
	// Compress sends gzip.
	Compress bool
	// CA, Certificate and Key are PEM files for TLS.
	CA, Certificate, Key string
	Sampling             Sampling
}

// Sampling says which traces are recorded.
type Sampling struct {
	// ParentBased leaves the decision to the caller where it has made one.
	ParentBased bool
	// Ratio of the other traces, 0 to 1.
	Ratio float64
}

// collectorMistake says why no collector can be at address, or "".
func collectorMistake(address string) string {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return "is not the address of a collector; write one such as http://127.0.0.1:4318"
	case u.User != nil:
		return "holds a password; send it in a header, with OTEL_EXPORTER_OTLP_HEADERS"
	case u.RawQuery != "" || u.Fragment != "":
		return "goes on after the path; leave out ? and #, what a collector asks for goes into OTEL_EXPORTER_OTLP_HEADERS"
	}
	return ""
}

// TracesURL is where spans are sent to, "" for nowhere.
func (c Config) TracesURL() string {
	if u, err := url.Parse(c.Traces); err == nil && c.Traces != "" && u.Path == "" {
		return c.Traces + tracesPath
	}
	return c.Traces
}

// tracesPath is where collectors take spans.
const tracesPath = "/v1/traces"

const otlpPrefix = "OTEL_EXPORTER_OTLP_"

// otlp returns a variable of OTLP, in its form for traces if there is one.
func (l *loader) otlp(name string) (value, variable string) {
	for _, variable := range []string{otlpPrefix + "TRACES_" + name, otlpPrefix + name} {
		if value := strings.TrimSpace(l.env[variable]); value != "" {
			return value, variable
		}
	}
	return "", ""
}

// readOTLP takes the endpoint of OpenTelemetry's variables for the key traces.
func (l *loader) readOTLP(dir string) {
	exporter := l.env["OTEL_TRACES_EXPORTER"]
	if strings.EqualFold(l.env["OTEL_SDK_DISABLED"], "true") || exporter != "" && exporter != "otlp" {
		return
	}
	endpoint, variable := l.otlp("ENDPOINT")
	if endpoint == "" {
		return
	}
	if u, err := url.Parse(endpoint); err == nil && u.Host != "" {
		// A base for all signals, unless the variable is the one for traces, which is
		// taken as it is.
		if variable == otlpPrefix+"ENDPOINT" {
			u = u.JoinPath(tracesPath)
		} else if u.Path == "" {
			u.Path = "/"
		}
		endpoint = u.String()
	}
	for _, s := range settings() {
		if s.key == "traces" {
			l.apply(s, endpoint, variable, dir)
		}
	}
}

// checkOTLP reads the other variables, if spans are sent.
func (l *loader) checkOTLP() {
	if l.config.Traces == "" {
		return
	}
	o := &l.config.OTLP
	if protocol, variable := l.otlp("PROTOCOL"); protocol != "" && protocol != "http/protobuf" {
		l.fail("", variable, "%q is not spoken; set http/protobuf, and the collector's address for it, whose port is 4318 as a rule. "+
			"Without traces: --traces=", protocol)
	}
	headers, variable := l.otlp("HEADERS")
	if _, err := parseHeaders(headers); err != nil {
		l.fail("", variable, "%v", err)
	}
	o.Headers = headers
	if text, variable := l.otlp("TIMEOUT"); text != "" {
		ms, err := strconv.Atoi(text)
		if err != nil || ms <= 0 {
			l.fail("", variable, "%q is not a number of milliseconds", text)
		}
		o.Timeout = time.Duration(ms) * time.Millisecond
	}
	switch compression, variable := l.otlp("COMPRESSION"); compression {
	case "", "none":
	case "gzip":
		o.Compress = true
	default:
		l.fail("", variable, "%q is neither gzip nor none", compression)
	}
	o.CA, _ = l.otlp("CERTIFICATE")
	o.Certificate, variable = l.otlp("CLIENT_CERTIFICATE")
	if o.Key, _ = l.otlp("CLIENT_KEY"); o.Certificate != "" && o.Key == "" {
		l.fail("", variable, "a certificate needs its key; set %sCLIENT_KEY", otlpPrefix)
	}
	l.readSampler()
}

// readSampler reads the samplers that OpenTelemetry names.
func (l *loader) readSampler() {
	const variable, argument = "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG"
	name := strings.ToLower(strings.TrimSpace(l.env[variable]))
	if name == "" {
		return
	}
	s := &l.config.OTLP.Sampling
	base := strings.TrimPrefix(name, "parentbased_")
	s.ParentBased = base != name
	switch base {
	case "always_on":
		s.Ratio = 1
	case "always_off":
		s.Ratio = 0
	case "traceidratio":
		text := strings.TrimSpace(l.env[argument])
		if text == "" {
			return
		}
		ratio, err := strconv.ParseFloat(text, 64)
		if err != nil || !(0 <= ratio && ratio <= 1) {
			l.fail("", argument, "%q is not a ratio; write a number from 0 to 1", text)
		}
		s.Ratio = ratio
	default:
		l.fail("", variable, "%q is no sampler that Sluice has; write always_on, always_off or traceidratio, each also with parentbased_ before it", name)
	}
}

// Header returns the headers that go with every request.
func (o OTLP) Header() http.Header {
	h, _ := parseHeaders(o.Headers) // checked by Load
	return h
}

func parseHeaders(text string) (http.Header, error) {
	h := http.Header{}
	for pair := range strings.SplitSeq(text, ",") {
		if pair = strings.TrimSpace(pair); pair == "" {
			continue
		}
		name, value, ok := strings.Cut(pair, "=")
		if name = strings.TrimSpace(name); !ok || name == "" || strings.ContainsAny(name, " \t\r\n:()<>@,;\\\"/[]?={}") {
			// The value may be a secret.
			return nil, fmt.Errorf("a header is not written as name=value; separate several with commas")
		}
		decoded, err := url.PathUnescape(strings.TrimSpace(value))
		if err != nil || strings.ContainsAny(decoded, "\r\n\x00") {
			return nil, fmt.Errorf("the value of the header %s is not escaped as in URLs; write %%2C for a comma and %%25 for %%", name)
		}
		h.Set(name, decoded)
	}
	return h, nil
}
