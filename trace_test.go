package sluice_test

import (
	"encoding/hex"
	"regexp"
	"strings"
	"testing"
	"time"

	sluice "github.com/sluice-run/sluice"
)

const (
	root   = "Root=1-643ecb2b-0123456789abcdef01234567"
	parent = "53995c3f42cd8ad8"
	w3c    = "00-643ecb2b0123456789abcdef01234567-53995c3f42cd8ad8-01"
)

func TestATraceBeginsWithTheEpoch(t *testing.T) {
	now := time.Unix(0x643ecb2b, 0)
	one, other := sluice.NewTrace("", "", "", now), sluice.NewTrace("", "", "", now)
	if !regexp.MustCompile(`^Root=1-643ecb2b-[0-9a-f]{24}$`).MatchString(one.Root()) || one.ID == other.ID || one.Span == other.Span {
		t.Errorf("%+v %+v", one, other)
	}
	// A function is told of a parent even when there is none (docs/contract/runtime-api.md §2.1).
	if want := one.Root() + ";Parent=" + hex.EncodeToString(one.Span[:]) + ";Sampled=0"; one.Header() != want {
		t.Errorf("%q, want %q", one.Header(), want)
	}
}

// TestHeadersOfACaller has the X-Ray header that is as good as what came.
func TestHeadersOfACaller(t *testing.T) {
	const other = "00-11111111111111111111111111111111-2222222222222222-00"
	for _, tc := range []struct{ name, xray, traceparent, received string }{
		{"X-Ray", root + ";Parent=" + parent + ";Sampled=1", "", root + ";Parent=" + parent + ";Sampled=1"},
		{"not sampled", root + ";Parent=" + parent + ";Sampled=0", "", root + ";Parent=" + parent + ";Sampled=0"},
		{"a decision asked for", root + ";Sampled=?", "", root},
		{"any order, with spaces", "Sampled=1; Parent=" + parent + " ;" + root, "", root + ";Parent=" + parent + ";Sampled=1"},
		{"of a load balancer", "Self=1-00000000-000000000000000000000001;" + root, "", root},
		{"with parts of others", root + ";Lineage=a:1|b:2;Sampled=0;CalledFrom=app", "", root + ";Sampled=0;Lineage=a:1|b:2;CalledFrom=app"},
		{"capitals", strings.ToUpper(root[5:]), "", ""},
		{"capitals in the id", "Root=1-643ECB2B-0123456789ABCDEF01234567", "", root},
		{"bad parent", root + ";Parent=xyz;Sampled=1", "", root + ";Sampled=1"},
		{"short", root[:len(root)-1] + ";Parent=" + parent, "", ""},
		{"version 2", strings.Replace(root, "=1-", "=2-", 1), "", ""},
		{"zeros", "Root=1-00000000-000000000000000000000000", "", ""},
		{"no root", "Parent=" + parent + ";Sampled=1", "", ""},
		{"W3C", "", w3c, root + ";Parent=" + parent + ";Sampled=1"},
		{"W3C, not sampled", "", w3c[:53] + "00", root + ";Parent=" + parent + ";Sampled=0"},
		{"W3C, other flags", "", w3c[:53] + "fe", root + ";Parent=" + parent + ";Sampled=0"},
		{"W3C of the future", "", "cc" + w3c[2:] + "-what the future will be like", root + ";Parent=" + parent + ";Sampled=1"},
		{"W3C, version 0 with more", "", w3c + "-more", ""},
		{"W3C of the future without a dash", "", "cc" + w3c[2:] + ".more", ""},
		{"W3C, forbidden version", "", "ff" + w3c[2:], ""},
		{"W3C in capitals", "", strings.ToUpper(w3c), ""},
		{"W3C without a trace", "", "00-" + strings.Repeat("0", 32) + w3c[35:], ""},
		{"W3C without a span", "", w3c[:36] + strings.Repeat("0", 16) + "-01", ""},
		{"W3C, short", "", w3c[:54], ""},
		{"both, X-Ray names a parent", root + ";Parent=" + parent + ";Sampled=1", other, root + ";Parent=" + parent + ";Sampled=1"},
		{"both, X-Ray names none", root + ";Lineage=x", other, "Root=1-11111111-111111111111111111111111;Parent=2222222222222222;Sampled=0;Lineage=x"},
		{"X-Ray is nonsense", "hello", w3c, root + ";Parent=" + parent + ";Sampled=1"},
	} {
		got := sluice.NewTrace(tc.xray, tc.traceparent, "", time.Unix(0x700, 0))
		if tc.received == "" { // nothing of it is used
			if !strings.HasPrefix(got.Received(), "Root=1-00000700-") || len(got.Received()) != len(root) {
				t.Errorf("%s: %q", tc.name, got.Received())
			}
		} else if got.Received() != tc.received {
			t.Errorf("%s: %q, want %q", tc.name, got.Received(), tc.received)
		}
	}
}

// TestWhatTheFunctionIsTold: our span is its parent if it is recorded, else the
// caller's, or its spans would hang below one that nobody has.
func TestWhatTheFunctionIsTold(t *testing.T) {
	now := time.Now()
	passed := sluice.NewTrace(root+";Parent="+parent+";Sampled=1;Lineage=x", "", "", now)
	if want := root + ";Parent=" + parent + ";Sampled=1;Lineage=x"; passed.Header() != want {
		t.Errorf("%q, want %q", passed.Header(), want)
	}
	passed.Recorded = true
	if want := root + ";Parent=" + hex.EncodeToString(passed.Span[:]) + ";Sampled=1;Lineage=x"; passed.Header() != want {
		t.Errorf("%q, want %q", passed.Header(), want)
	}
	if want := "00-643ecb2b0123456789abcdef01234567-" + hex.EncodeToString(passed.Span[:]) + "-01"; passed.TraceParent() != want {
		t.Errorf("%q, want %q", passed.TraceParent(), want)
	}
	if passed.Answer() != root+";Sampled=1" {
		t.Errorf("%q", passed.Answer())
	}
	begun := sluice.NewTrace(root, "", "", now)
	if begun.Answer() != root+";Sampled=0" {
		t.Errorf("%q", begun.Answer())
	}
	begun.Recorded = true
	if !strings.HasSuffix(begun.Header(), ";Sampled=1") {
		t.Errorf("%q", begun.Header())
	}
}

func FuzzTrace(f *testing.F) {
	f.Add(root+";Parent="+parent+";Sampled=1;Lineage=x", w3c)
	f.Add("Self=;"+root+";;Sampled=?;=", "cc"+w3c[2:]+"-x")
	form := regexp.MustCompile(`^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=[01](;|$)`)
	f.Fuzz(func(t *testing.T, xray, traceparent string) {
		got := sluice.NewTrace(xray, traceparent, "", time.Now())
		if got.ID == [16]byte{} || !form.MatchString(got.Header()) {
			t.Fatalf("%q", got.Header())
		}
		// What waits in a queue is the same trace when it comes out.
		again := sluice.NewTrace(got.Received(), "", "", time.Now())
		again.Span = got.Span
		if again != got {
			t.Fatalf("%+v, read from %q: %+v", got, got.Received(), again)
		}
		if strings.ContainsAny(got.Header(), "\r\n") && !strings.ContainsAny(xray, "\r\n") {
			t.Fatalf("%q", got.Header())
		}
	})
}
