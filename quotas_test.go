package sluice_test

import (
	"regexp"
	"testing"

	sluice "github.com/sluice-run/sluice"
)

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "4096": 4096, "200MB": 200 << 20, "200mb": 200 << 20, "6 MiB": 6 << 20, "1.5GB": 3 << 29, "64K": 64 << 10, "10b": 10,
	} {
		if got, err := sluice.ParseSize(text); got != want || err != nil {
			t.Errorf("%q: %d %v, want %d", text, got, err, want)
		}
	}
	// A size that rounds to zero would lift the limit.
	for _, text := range []string{"", "-1", "x", "10QB", "MB", "0.2", "NaN", "1e30GB"} {
		if got, err := sluice.ParseSize(text); err == nil {
			t.Errorf("%q: %d, want an error", text, got)
		}
	}
}

func TestFormatSizeIsReadBack(t *testing.T) {
	for _, n := range []int64{0, 1, 1023, 1024, 6 << 20, 20 << 20, 3 << 30, 6291556} {
		if got, err := sluice.ParseSize(sluice.FormatSize(n)); got != n || err != nil {
			t.Errorf("%d: %q reads as %d %v", n, sluice.FormatSize(n), got, err)
		}
	}
}

func TestRequestIDIsAVersion4UUID(t *testing.T) {
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	if id := sluice.NewRequestID(); !form.MatchString(id) {
		t.Errorf("%q", id)
	}
}

func TestHostLabel(t *testing.T) {
	for name, want := range map[string]string{"Hello": "hello", "my_fn": "my-fn", "--": "function", "a.b": "a-b"} {
		if got := sluice.HostLabel(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
