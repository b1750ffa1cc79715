package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"testing"
)

// chromium returns the browser's path. In CI there is one; a developer without
// one runs the rest of the suite.
func chromium(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("SLUICE_CHROMIUM"); path != "" {
		return path
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatal("no Chromium: set SLUICE_CHROMIUM")
	}
	t.Skip("no Chromium: set SLUICE_CHROMIUM")
	return ""
}

// browse runs a script of the folder browser and returns what it saw.
func browse[Seen any](t *testing.T, browser, script string, args ...string) Seen {
	t.Helper()
	out, err := browserScript(t, browser, script, args...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return whatWasSeen[Seen](t, out)
}

func browserScript(t *testing.T, browser, script string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), "node", append([]string{"browser/" + script}, args...)...)
	cmd.Env = append(os.Environ(), "SLUICE_CHROMIUM="+browser)
	cmd.Stderr = os.Stderr
	return cmd
}

// whatWasSeen reads what a script printed, and looks at what browser/chromium.mjs
// notes for all of them.
func whatWasSeen[Seen any](t *testing.T, printed []byte) (seen Seen) {
	t.Helper()
	var page struct{ Complaints, Foreign []string }
	for _, part := range []any{&page, &seen} {
		if err := json.Unmarshal(printed, part); err != nil {
			t.Fatalf("%v: %s", err, printed)
		}
	}
	if len(page.Foreign) > 0 {
		t.Errorf("requests to elsewhere: %q", page.Foreign)
	}
	if len(page.Complaints) > 0 {
		t.Errorf("the browser complains: %q", page.Complaints)
	}
	return seen
}

func TestBrowserShowsThePageWhileItArrives(t *testing.T) {
	browser := chromium(t)
	d := startDev(t, "../../examples/hello")
	// The host form: Chromium resolves *.localhost by itself.
	seen := browse[struct {
		Status int
		Counts []struct{ Count, At int }
	}](t, browser, "watch.mjs", d.ready.Functions[0].URLs[0].Host+"?pause=400", "li[id^=line-]", "#done")
	grew := 0
	for _, s := range seen.Counts {
		if s.Count > 0 {
			grew++
		}
	}
	first, last := seen.Counts[0], seen.Counts[len(seen.Counts)-1]
	if seen.Status != 200 || last.Count != 5 || grew < 3 || last.At-first.At < 800 {
		t.Errorf("the DOM did not grow line by line: %+v", seen)
	}
}
