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

func TestBrowserShowsThePageWhileItArrives(t *testing.T) {
	browser := chromium(t)
	d := startDev(t, "../../examples/hello")
	// The host form: Chromium resolves *.localhost by itself.
	cmd := exec.Command("node", "browser/watch.mjs", d.ready.Functions[0].URLs[0].Host+"?pause=400", "li[id^=line-]", "#done")
	cmd.Env = append(os.Environ(), "SLUICE_CHROMIUM="+browser)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var result struct {
		Status int
		Seen   []struct{ Count, At int }
	}
	if err := json.Unmarshal(out, &result); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	grew := 0
	for _, s := range result.Seen {
		if s.Count > 0 {
			grew++
		}
	}
	first, last := result.Seen[0], result.Seen[len(result.Seen)-1]
	if result.Status != 200 || last.Count != 5 || grew < 3 || last.At-first.At < 800 {
		t.Errorf("the DOM did not grow line by line: %+v", result)
	}
}
