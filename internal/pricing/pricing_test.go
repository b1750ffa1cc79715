package pricing

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	sluice "github.com/sluice-run/sluice"
)

func TestCost(t *testing.T) {
	table := Published()
	for _, tt := range []struct {
		name string
		r    sluice.Record
		want float64
	}{
		{"a million requests, as it were", sluice.Record{Architecture: "x86_64"}, 0.2e-6},
		{"a GB for a second", sluice.Record{Architecture: "x86_64", MemoryMB: 1024, Billed: time.Second}, 0.2e-6 + 0.0000166667},
		{"on arm64", sluice.Record{Architecture: "arm64", MemoryMB: 2048, Billed: time.Second}, 0.2e-6 + 2*0.0000133334},
		{"a GB past the burst", sluice.Record{Architecture: "x86_64", Mode: sluice.ResponseStream, PastBurst: 1 << 30}, 0.2e-6 + 0.008},
		{"a buffered response pays nothing for bytes", sluice.Record{Architecture: "x86_64", Mode: sluice.Buffered, PastBurst: 1 << 30}, 0.2e-6},
		{"more /tmp", sluice.Record{Architecture: "x86_64", EphemeralStorageMB: 1536, Billed: time.Second}, 0.2e-6 + 0.0000000309},
	} {
		if got := table.Cost(&tt.r); math.Abs(got-tt.want) > 1e-12 {
			t.Errorf("%s: %g, expected %g", tt.name, got, tt.want)
		}
	}
}

func TestLoad(t *testing.T) {
	file := filepath.Join(t.TempDir(), "prices.yaml")
	for text, want := range map[string]string{
		"requests: 1\nduration: {x86_64: 2}\n": "",
		"request: 1\n":                         "request",
		"requests: -1\n":                       "negative",
		"requests: much\n":                     "much",
	} {
		os.WriteFile(file, []byte(text), 0o600)
		table, err := Load(file)
		if want == "" {
			if err != nil || table.Requests != 1 || table.Duration["x86_64"] != 2 {
				t.Errorf("%+v %v", table, err)
			}
		} else if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), file) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := Load(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a file that is not there")
	}
}
