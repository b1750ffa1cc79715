// Package doctor looks at a response from outside and says whether it streams: whether
// its pieces arrive apart, which headers betray somebody who holds them back, and whether
// its end is clean.
package doctor

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"time"
)

// Verdict is whether a response streams.
type Verdict string

// The verdicts.
const (
	// Streams: pieces came apart.
	Streams Verdict = "streams"
	// AtOnce: everything came together; a quick function looks the same.
	AtOnce Verdict = "at-once"
	// Broken: the response did not end as it should.
	Broken Verdict = "broken"
	// Refused: the answer was an error.
	Refused Verdict = "refused"
	// Elsewhere: the answer was a redirect.
	Elsewhere Verdict = "elsewhere"
)

// Finding is something worth knowing about a response.
type Finding struct {
	// Bad findings keep a response from streaming, or may.
	Bad  bool   `json:"bad"`
	Text string `json:"text"`
}

// Report is what an examination found.
type Report struct {
	URL      string      `json:"url"`
	Verdict  Verdict     `json:"verdict"`
	Protocol string      `json:"protocol"`
	Status   int         `json:"status"`
	Header   http.Header `json:"header"`
	// Connected and Headers are the times since the beginning.
	Connected time.Duration `json:"-"`
	Headers   time.Duration `json:"-"`
	Timeline  Timeline      `json:"-"`
	Findings  []Finding     `json:"findings"`
	// Error is how the response broke, "" for a clean end.
	Error string `json:"error,omitempty"`
}

// apart is the time between two pieces from which they were not sent together.
const apart = 20 * time.Millisecond

// Examine requests a URL and watches the response to its end, or until ctx ends.
func Examine(ctx context.Context, method, url string, body io.Reader, header http.Header) (*Report, error) {
	r := &Report{URL: url, Findings: []Finding{}}
	begin := time.Now()
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { r.Connected = time.Since(begin) }}
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, trace), method, url, body)
	if err != nil {
		return nil, err
	}
	req.Header = header.Clone()
	if req.Header == nil {
		req.Header = http.Header{}
	}
	// As a browser asks: whoever compresses on the way shows it.
	if req.Header.Get("Accept-Encoding") == "" {
		req.Header.Set("Accept-Encoding", "gzip, deflate, br")
	}
	transport := &http.Transport{Proxy: proxy, DialContext: dial, DisableCompression: true, ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	r.Headers, r.Protocol, r.Status, r.Header = time.Since(begin), resp.Proto, resp.StatusCode, resp.Header
	buf := make([]byte, 64<<10)
	var seen events
	kind, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
	counted := strings.EqualFold(strings.TrimSpace(kind), "text/event-stream") && resp.Header.Get("Content-Encoding") == ""
	for {
		n, err := resp.Body.Read(buf)
		if n > 0 {
			r.Timeline.Add(time.Since(begin), n)
			if counted {
				seen.push(buf[:n])
			}
		}
		if err != nil {
			r.Timeline.Total = time.Since(begin)
			if !errors.Is(err, io.EOF) {
				r.Error = err.Error()
				if errors.Is(ctx.Err(), context.DeadlineExceeded) {
					r.Error = "it did not end in time"
				} else if ctx.Err() != nil {
					r.Error = "it was interrupted here"
				}
			}
			break
		}
	}
	r.judge(resp, seen.count)
	return r, nil
}

func (r *Report) find(bad bool, format string, args ...any) {
	r.Findings = append(r.Findings, Finding{bad, fmt.Sprintf(format, args...)})
}

// judge draws the conclusions. The response had so many server-sent events, as far as
// it is known.
func (r *Report) judge(resp *http.Response, events int) {
	gap := r.Timeline.LargestGap()
	switch {
	case r.Error != "":
		r.Verdict = Broken
		r.find(true, "the response broke off: %s", r.Error)
	case r.Status >= 400:
		r.Verdict = Refused
		r.find(true, "the answer is %d %s", r.Status, http.StatusText(r.Status))
		return // what it looks like says nothing of the response that was meant
	case r.Status >= 300 && resp.Header.Get("Location") != "":
		r.Verdict = Elsewhere
		to := resp.Header.Get("Location")
		if location, err := resp.Location(); err == nil {
			to = location.String()
		}
		r.find(true, "the answer is %d %s: look at %s instead", r.Status, http.StatusText(r.Status), to)
		return
	case gap >= apart:
		r.Verdict = Streams
	default:
		r.Verdict = AtOnce
		came := "nothing came"
		if n := len(r.Timeline.Arrivals); n > 0 {
			came = fmt.Sprintf("all of it came in %s within %s", count(n, "piece"), short(r.Timeline.Total-r.Timeline.FirstByte()))
		}
		r.find(true, "%s, after %s: it was held back, or the function is as quick as that", came, short(r.Timeline.Total))
	}
	if length := resp.ContentLength; length >= 0 && resp.Request.Method != http.MethodHead {
		r.find(true, "Content-Length: %d says that somebody knew the size before the first byte left; a stream has none", length)
	}
	if encoding := resp.Header.Get("Content-Encoding"); encoding != "" {
		r.find(true, "Content-Encoding: %s: whoever compresses collects first, unless it flushes after every piece", encoding)
	}
	for _, name := range []string{"Via", "X-Cache", "CF-Cache-Status", "X-Varnish", "X-Served-By", "X-Amz-Cf-Pop", "Age"} {
		if value := resp.Header.Get(name); value != "" {
			r.find(false, "%s: %s: the response came through a proxy, which may buffer", name, value)
		}
	}
	if server := strings.ToLower(resp.Header.Get("Server")); strings.Contains(server, "nginx") && resp.Header.Get("X-Accel-Buffering") != "no" {
		r.find(false, "Server: %s: nginx buffers responses unless proxy_buffering is off, or the response says X-Accel-Buffering: no", resp.Header.Get("Server"))
	}
	if resp.ProtoMajor == 1 && len(resp.TransferEncoding) == 0 && resp.ContentLength < 0 {
		r.find(false, "the end of the response is the end of the connection: a client can't tell it from a broken one")
	}
	r.together(events)
	if r.Verdict == Streams && r.Headers > 0 && r.Timeline.FirstByte()-r.Headers > time.Second {
		r.find(false, "the headers came %s before the first byte of the body", short(r.Timeline.FirstByte()-r.Headers))
	}
}
