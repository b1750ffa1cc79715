package spelling

import (
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	candidates := []string{"Timeout", "MemorySize", "limits.streamRate", "nodejs22.x", "nodejs20.x"}
	for name, want := range map[string]string{
		"Timout": "Timeout", "tiemout": "Timeout", "memory_size": "MemorySize", "stream-rate": "limits.streamRate", "node22.x": "nodejs22.x",
		"Handler": "", "T": "", "": "", strings.Repeat("Timeout", 20): "",
	} {
		if got := Nearest(name, candidates); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
