package e2e

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

const ssrExample = "../../examples/ssr"

// ssrSlow makes the reviews take longer than the function has.
var ssrSlow = []string{"Timeout: 15", "Timeout: 3", "reviews: 6 }", "reviews: 60 }"}

// ssrMarks are texts of the page in the order in which they arrive.
var ssrMarks = []string{"<h1>Fieldfare desk lamp</h1>", "Warm bulb", "With you on", "Ines"}

func TestSSRSendsTheShellBeforeTheData(t *testing.T) {
	d := startDev(t, copyOf(t, ssrExample))
	resp := d.get("Shop", "?pause=800")
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("status %d, %v", resp.StatusCode, resp.Header)
	}
	chunks, at, err := arrivals(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	body := strings.Join(chunks, "")
	if !strings.HasSuffix(body, "</html>") || strings.Contains(body, "Old Mill") {
		t.Errorf("the page: %q", body)
	}
	// When each was there.
	last := time.Duration(-1)
	for _, mark := range ssrMarks {
		i := 1
		for ; i < len(chunks) && !strings.Contains(strings.Join(chunks[:i], ""), mark); i++ {
		}
		if !strings.Contains(body, mark) || at[i-1] < last+100*time.Millisecond && last >= 0 {
			t.Errorf("%q came at %v, after one at %v", mark, at[i-1], last)
		}
		last = at[i-1]
	}
	// What failed leads to the log.
	request := d.wait("request", func(e event) bool { return e.Function == "Shop" })
	if request.Ending != "complete" || !strings.Contains(body, resp.Header.Get("x-amzn-RequestId")) {
		t.Errorf("%+v; no request id in %q", request, body)
	}
	d.waitLog("the shops hung up")
	d.waitLog("parts that failed: 1")
	if strings.Contains(body, "hung up") {
		t.Error("the page tells what is for the log")
	}
}

func TestSSRScriptsHaveTheNonce(t *testing.T) {
	d := startDev(t, copyOf(t, ssrExample))
	nonces := map[string]bool{}
	for range 2 {
		resp := d.get("Shop", "?pause=10")
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		policy := resp.Header.Get("Content-Security-Policy")
		nonce := regexp.MustCompile(`script-src 'nonce-([^']+)';`).FindStringSubmatch(policy)
		if !strings.HasPrefix(policy, "default-src 'none'; ") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") || nonce == nil {
			t.Fatalf("policy %q", policy)
		}
		nonces[nonce[1]] = true
		scripts := regexp.MustCompile(`<script[^>]*>`).FindAllString(string(body), -1)
		for _, script := range scripts {
			if !strings.Contains(script, `nonce="`+nonce[1]+`"`) && !strings.Contains(script, `type="application/json"`) {
				t.Errorf("without nonce: %s", script)
			}
		}
		if len(scripts) < 5 {
			t.Errorf("%d scripts: %q", len(scripts), scripts)
		}
	}
	if len(nonces) != 2 {
		t.Error("two pages have the same nonce")
	}
}

// Bots get the page in its order, when everything is ready.
func TestSSRGivesBotsTheWholePage(t *testing.T) {
	d := startDev(t, copyOf(t, ssrExample))
	req, _ := http.NewRequest("GET", d.url("Shop", "?pause=150&trouble=0"), nil)
	req.Header.Set("User-Agent", "Mozilla/5.0 (compatible; Examplebot/2.1)")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	bytes, err := io.ReadAll(resp.Body)
	body := string(bytes)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("%d %v", resp.StatusCode, err)
	}
	place := -1
	for _, text := range []string{"Fieldfare desk lamp</h1>", "With you on", "Old Mill", "Ines", "Warm bulb"} {
		i := strings.Index(body, text)
		if i <= place {
			t.Errorf("%q at %d, after one at %d", text, i, place)
		}
		place = i
	}
	// Neither a fallback nor a script that would move a part to its place.
	if strings.Contains(body, `class="waiting"`) || strings.Contains(body, "$RC(") || strings.Contains(body, "<div hidden") {
		t.Errorf("not in one piece: %s", body)
	}
	if e := d.wait("request", func(event) bool { return true }); e.FirstByteMs < 6*150 {
		t.Errorf("first byte after %v ms: it did not wait", e.FirstByteMs)
	}
}

// Before its time is up, the function ends the page with fallbacks, whether or not
// what it waits for can be stopped.
func TestSSREndsThePageBeforeTheDeadline(t *testing.T) {
	for name, sleeps := range map[string]string{"a source that stops": ", undefined, { signal });", "a source that doesn't": ");"} {
		t.Run(name, func(t *testing.T) {
			d := startDev(t, copyOf(t, ssrExample, append(slices.Clone(ssrSlow), ", undefined, { signal });", sleeps)...))
			for i, query := range []string{"?pause=500&trouble=0", "?pause=500&trouble=0&whole"} {
				status, body, err := d.body("Shop", query)
				if status != 200 || err != nil || !strings.HasSuffix(body, "</html>") {
					t.Fatalf("%d %v %q", status, err, body)
				}
				if !strings.Contains(body, "Warm bulb") || strings.Contains(body, "Ines") || !strings.Contains(body, "Collecting reviews") {
					t.Errorf("%s: %s", query, body)
				}
				d.waitLog("a part is left out: the time of the function is nearly up")
				requests := 0
				e := d.wait("request", func(event) bool { requests++; return requests == i+1 })
				if e.Ending != "complete" {
					t.Errorf("%s: %+v", query, e)
				}
			}
		})
	}
	d := startDev(t, copyOf(t, ssrExample, ssrSlow...))
	if status, body, err := d.body("Shop", "parts/reviews?pause=500"); status != 504 || err != nil || !strings.Contains(body, "too long") {
		t.Errorf("%d %v %s", status, err, body)
	}
}

func TestSSRAnswersOtherRequests(t *testing.T) {
	d := startDev(t, copyOf(t, ssrExample))
	for _, tt := range []struct {
		method, path, contentType, cache string
		status                           int
		body                             string
	}{
		{"HEAD", "?pause=5000", "text/html; charset=utf-8", "no-store", 200, ""},
		{"HEAD", "nothing", "text/html; charset=utf-8", "no-store", 404, ""},
		{"GET", "nothing", "text/html; charset=utf-8", "no-store", 404, `There is nothing here</h1>`},
		{"GET", "nothing/at/all", "text/html; charset=utf-8", "no-store", 404, `href="../../page.css?v=`},
		{"POST", "", "text/plain; charset=utf-8", "no-store", 405, "POST is not offered"},
		{"GET", "client.js", "text/javascript; charset=utf-8", "no-cache", 200, "hydrat"},
		{"GET", "icon.svg", "image/svg+xml", "no-cache", 200, "<svg"},
		{"GET", "parts/shops?pause=0&attempt=1", "application/json; charset=utf-8", "no-store", 502, `{"error":`},
		{"GET", "parts/shops?pause=0&attempt=2", "application/json; charset=utf-8", "no-store", 200, `"Old Mill"`},
		{"GET", "parts/toString", "application/json; charset=utf-8", "no-store", 404, `{"error":`},
	} {
		t.Run(tt.method+" "+tt.path, func(t *testing.T) {
			req, _ := http.NewRequest(tt.method, d.url("Shop", tt.path), nil)
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != tt.status || resp.Header.Get("Content-Type") != tt.contentType || resp.Header.Get("Cache-Control") != tt.cache ||
				resp.Header.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(string(body), tt.body) || (tt.method == "HEAD") != (len(body) == 0) {
				t.Errorf("%d %v %v %.300s", resp.StatusCode, resp.Header, err, body)
			}
		})
	}
	// HEAD, which was first, doesn't wait for the data: that would have taken all the
	// time there is.
	report := d.waitLog("REPORT RequestId: ").Text
	var milliseconds float64
	_, duration, _ := strings.Cut(report, "\tDuration: ")
	fmt.Sscanf(duration, "%f ms", &milliseconds)
	if milliseconds <= 0 || milliseconds > 4000 {
		t.Errorf("HEAD: %q", report)
	}
	// The page's own addresses may be kept for ever.
	_, page, _ := d.body("Shop", "?pause=0")
	for _, found := range regexp.MustCompile(`(?:href|src)="([^"]*\?v=[^"]*)"`).FindAllStringSubmatch(page, -1) {
		resp := d.get("Shop", found[1])
		if resp.StatusCode != 200 || !strings.Contains(resp.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d %v", found[1], resp.StatusCode, resp.Header)
		}
	}
}

// A shell that fails is known before anything has left.
func TestSSRSaysThatTheShellFailed(t *testing.T) {
	d := startDev(t, copyOf(t, ssrExample, "<Picture />", "<Picture {...JSON.parse('{')} />"))
	for _, query := range []string{"", "?whole", "?pause=0"} {
		status, body, err := d.body("Shop", query)
		if status != 500 || err != nil || !strings.Contains(body, "Sorry") || strings.Contains(body, "JSON") {
			t.Errorf("%q: %d %v %s", query, status, err, body)
		}
	}
	d.waitLog("SyntaxError")
}

type ssrState struct {
	Title    string
	There    []string
	Waiting  int
	Complete bool
}

// ssrSeen is what browser/ssr.mjs saw.
type ssrSeen struct {
	Said, Reported, Fetched, Shops, Order []string
	Basket, Count, Alert, Fallback        string
	Alerts                                int
	Wide                                  bool
	WhenBought                            ssrState
	States                                []ssrState
}

func TestSSRInTheBrowser(t *testing.T) {
	browser := chromium(t)
	d := startDev(t, copyOf(t, ssrExample))
	for form, url := range map[string]string{"host": d.ready.Functions[0].URLs[0].Host, "path": d.url("Shop", "")} {
		t.Run(form, func(t *testing.T) {
			seen := browse[ssrSeen](t, browser, "ssr.mjs", url, "arrive")
			shell := slices.ContainsFunc(seen.States, func(s ssrState) bool {
				return s.Title == "Fieldfare desk lamp" && s.Waiting == 4 && len(s.There) == 0 && !s.Complete
			})
			if last := seen.States[len(seen.States)-1]; !shell || len(last.There) != 4 || last.Waiting != 0 || !last.Complete {
				t.Errorf("no shell before the data: %+v", seen.States)
			}
			// When each was seen first.
			place := func(name string) int {
				return slices.IndexFunc(seen.States, func(s ssrState) bool { return slices.Contains(s.There, name) })
			}
			if !(place("companions") < place("delivery") && place("delivery") < place("shops") && place("delivery") < place("reviews")) {
				t.Errorf("the order: %+v", seen.States)
			}
			if seen.Basket != "2 in your basket" || seen.Count != "2" || seen.WhenBought.Complete || slices.Contains(seen.WhenBought.There, "reviews") {
				t.Errorf("the buttons before the page is complete: %q %q %+v", seen.Basket, seen.Count, seen.WhenBought)
			}
			if !slices.Equal(seen.Fetched, []string{"shops"}) || len(seen.Shops) != 3 || len(seen.Said) != 1 || !strings.Contains(seen.Said[0], "rendered again") || seen.Wide {
				t.Errorf("%+v", seen)
			}
		})
	}
	t.Run("trouble", func(t *testing.T) {
		seen := browse[ssrSeen](t, browser, "ssr.mjs", d.url("Shop", ""), "trouble")
		// Chromium itself reports the answer with status 502.
		if len(seen.Reported) != 1 {
			t.Errorf("the browser reported %q", seen.Reported)
		}
		if !strings.HasPrefix(seen.Alert, "The shops don’t answer") || seen.Alerts != 0 || len(seen.Shops) != 3 || !slices.Equal(seen.Fetched, []string{"shops", "shops"}) || seen.Wide {
			t.Errorf("%+v", seen)
		}
	})
	t.Run("whole", func(t *testing.T) {
		seen := browse[ssrSeen](t, browser, "ssr.mjs", d.url("Shop", ""), "whole")
		if !slices.Equal(seen.Order, []string{"delivery", "reviews", "companions"}) || seen.Fallback != "Asking the shops…" {
			t.Errorf("%+v", seen)
		}
	})
}

// What the function had no time for, the browser gets.
func TestSSRIsCompletedByTheBrowser(t *testing.T) {
	browser := chromium(t)
	d := startDev(t, copyOf(t, ssrExample, ssrSlow...))
	seen := browse[ssrSeen](t, browser, "ssr.mjs", d.url("Shop", ""), "late")
	if !slices.Equal(seen.Fetched, []string{"reviews"}) || len(seen.States[len(seen.States)-1].There) != 4 {
		t.Errorf("%+v", seen)
	}
	if e := d.wait("request", func(e event) bool { return !strings.Contains(e.Path, ".") }); e.Ending != "complete" {
		t.Errorf("%+v", e)
	}
}
