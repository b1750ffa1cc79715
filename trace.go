package sluice

import (
	"crypto/rand"
	"encoding/hex"
	"strings"
	"time"
)

// Trace is an invocation's place in a distributed trace. X-Ray and W3C Trace Context
// write the same 16 bytes in two notations, 1-<8 hex>-<24 hex> and <32 hex>, so one
// value serves both.
type Trace struct {
	ID [16]byte
	// Parent is the span that the invocation was made in, zero when its caller named
	// none.
	Parent [8]byte
	// Span is the invocation's own. It is made up even if nobody records it: a
	// function is always told of a parent (docs/contract/runtime-api.md §2.1).
	Span [8]byte
	// Sampling is what the caller decided.
	Sampling Sampling
	// Recorded tells that Span will be exported, so that the function's own spans
	// belong below it.
	Recorded bool
	// State is W3C's tracestate, as it came.
	State string
	// Rest holds the other parts of the X-Ray header, as they came: ";Lineage=…".
	Rest string
}

// Sampling is whether a trace is recorded.
type Sampling uint8

// The three states of a decision.
const (
	// SamplingOpen leaves it to whoever is asked first.
	SamplingOpen Sampling = iota
	// SamplingOff: nobody records the trace.
	SamplingOff
	// SamplingOn: everybody does.
	SamplingOn
)

// NewTrace reads the headers X-Amzn-Trace-Id, traceparent and tracestate of a request
// that arrives at now; each may be empty or nonsense. X-Ray's is AWS's own and wins,
// unless it names no parent and traceparent does: a load balancer adds a Root to
// requests that are part of a trace already. Without any the trace begins here.
func NewTrace(xray, traceparent, tracestate string, now time.Time) Trace {
	t, known := parseXRay(xray)
	if t.Parent == ([8]byte{}) {
		if w3c, ok := parseW3C(traceparent); ok {
			w3c.Rest, w3c.State = t.Rest, tracestate
			t, known = w3c, true
		}
	}
	var random [20]byte
	rand.Read(random[:]) // never fails
	copy(t.Span[:], random[12:])
	if !known {
		sec := uint32(now.Unix())
		t.ID[0], t.ID[1], t.ID[2], t.ID[3] = byte(sec>>24), byte(sec>>16), byte(sec>>8), byte(sec)
		copy(t.ID[4:], random[:])
	}
	return t
}

// Root is the part of an X-Ray header that names the trace: "Root=1-<8 hex>-<24 hex>".
func (t *Trace) Root() string {
	var b [headerLength]byte
	return string(t.appendRoot(b[:0]))
}

// Header is the X-Ray header for the function: "Root=1-…;Parent=…;Sampled=0". Its
// parent is the invocation's span; one that nobody records is left out of the trace,
// as with AWS's PassThrough.
func (t *Trace) Header() string {
	parent := t.Span
	if !t.Recorded && t.Parent != ([8]byte{}) {
		parent = t.Parent
	}
	var b [headerLength]byte
	header := t.appendParent(t.appendRoot(b[:0]), parent)
	return string(append(t.appendSampled(header), t.Rest...))
}

// Received is the X-Ray header that the invocation came with, or would have come with:
// NewTrace reads from it what this trace was made from, State aside.
func (t *Trace) Received() string {
	var b [headerLength]byte
	header := t.appendRoot(b[:0])
	if t.Parent != ([8]byte{}) {
		header = t.appendParent(header, t.Parent)
	}
	switch t.Sampling {
	case SamplingOn:
		header = append(header, ";Sampled=1"...)
	case SamplingOff:
		header = append(header, ";Sampled=0"...)
	}
	return string(append(header, t.Rest...))
}

// TraceParent is the W3C header traceparent that names Span, for a trace that is recorded.
func (t *Trace) TraceParent() string {
	var b [len("00-0123456789abcdef0123456789abcdef-0123456789abcdef-01")]byte
	header := append(b[:0], "00-"...)
	header = append(hex.AppendEncode(header, t.ID[:]), '-')
	header = append(hex.AppendEncode(header, t.Span[:]), "-01"...)
	return string(header)
}

// Answer is the X-Ray header of a response: the trace, and whether it is recorded
// (docs/contract/function-url.md §3.2).
func (t *Trace) Answer() string {
	var b [headerLength]byte
	return string(t.appendSampled(t.appendRoot(b[:0])))
}

const headerLength = len("Root=1-643ecb2b-0123456789abcdef01234567;Parent=0123456789abcdef;Sampled=0")

func (t *Trace) appendRoot(b []byte) []byte {
	b = append(b, "Root=1-"...)
	b = hex.AppendEncode(b, t.ID[:4])
	b = append(b, '-')
	return hex.AppendEncode(b, t.ID[4:])
}

func (t *Trace) appendSampled(b []byte) []byte {
	if t.Recorded || t.Sampling == SamplingOn {
		return append(b, ";Sampled=1"...)
	}
	return append(b, ";Sampled=0"...)
}

func (t *Trace) appendParent(b []byte, parent [8]byte) []byte {
	b = append(b, ";Parent="...)
	return hex.AppendEncode(b, parent[:])
}

// maxRest bounds the parts of an X-Ray header that are only passed on.
const maxRest = 512

// parseXRay reads X-Amzn-Trace-Id: "Root=1-…;Parent=…;Sampled=1", in any order and
// with parts of others between them. It reports false without a valid Root.
func parseXRay(header string) (t Trace, ok bool) {
	rest := ""
	for part := range strings.SplitSeq(header, ";") {
		part = strings.TrimSpace(part)
		name, value, _ := strings.Cut(part, "=")
		switch name {
		case "Root":
			// 1-<8>-<24>
			if len(value) != 35 || value[:2] != "1-" || value[10] != '-' || !decode(t.ID[:4], value[2:10]) || !decode(t.ID[4:], value[11:]) {
				return Trace{}, false
			}
			ok = t.ID != [16]byte{}
		case "Parent":
			if !decode(t.Parent[:], value) {
				t.Parent = [8]byte{}
			}
		case "Sampled":
			switch value {
			case "0":
				t.Sampling = SamplingOff
			case "1":
				t.Sampling = SamplingOn
			}
		case "", "Self": // Self is the hop of a load balancer, not ours to repeat
		default:
			if len(rest)+len(part) < maxRest {
				rest += ";" + part
			}
		}
	}
	if !ok {
		return Trace{}, false
	}
	t.Rest = rest
	return t, true
}

// parseW3C reads traceparent: "00-<32 hex>-<16 hex>-<2 hex>", and of later versions
// what they have in common with this one.
func parseW3C(header string) (t Trace, ok bool) {
	const length = len("00-0123456789abcdef0123456789abcdef-0123456789abcdef-00")
	header = strings.TrimSpace(header)
	var version, flags [1]byte
	switch {
	case len(header) < length, header != strings.ToLower(header),
		header[2] != '-', header[35] != '-', header[52] != '-',
		!decode(version[:], header[:2]), !decode(t.ID[:], header[3:35]), !decode(t.Parent[:], header[36:52]), !decode(flags[:], header[53:55]),
		version[0] == 0xff, version[0] == 0 && len(header) != length, len(header) > length && header[length] != '-',
		t.ID == [16]byte{}, t.Parent == [8]byte{}:
		return Trace{}, false
	}
	t.Sampling = SamplingOff
	if flags[0]&1 != 0 {
		t.Sampling = SamplingOn
	}
	return t, true
}

// decode fills to with the bytes that text names in hexadecimal digits, all of it.
func decode(to []byte, text string) bool {
	if len(text) != 2*len(to) {
		return false
	}
	for i := range to {
		high, low := digit(text[2*i]), digit(text[2*i+1])
		if high > 15 || low > 15 {
			return false
		}
		to[i] = high<<4 | low
	}
	return true
}

func digit(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 0xff
}
