package console

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/auth"
)

func get(t *testing.T, method, target string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, r)
	return w.Result()
}

func TestAssetsHaveTheirTypes(t *testing.T) {
	for name := range load() {
		res := get(t, http.MethodGet, Path+name)
		if res.StatusCode != http.StatusOK {
			t.Errorf("%s: status %d", name, res.StatusCode)
		}
		want := types[path.Ext(name)]
		if got := res.Header.Get("Content-Type"); got != want || want == "" {
			t.Errorf("%s: type %q, want %q", name, got, want)
		}
		if tag := res.Header.Get("ETag"); !regexp.MustCompile(`^"[0-9a-f]{32}"$`).MatchString(tag) {
			t.Errorf("%s: ETag %q", name, tag)
		}
	}
}

func TestTheFolderIsItsIndex(t *testing.T) {
	res := get(t, http.MethodGet, Path)
	body, _ := io.ReadAll(res.Body)
	if res.StatusCode != http.StatusOK || !bytes.Contains(body, []byte("<title>Sluice</title>")) {
		t.Errorf("status %d, body %.80q", res.StatusCode, body)
	}
	res = get(t, http.MethodGet, strings.TrimSuffix(Path, "/"))
	if res.StatusCode != http.StatusFound || res.Header.Get("Location") != Path {
		t.Errorf("without the slash: status %d to %q", res.StatusCode, res.Header.Get("Location"))
	}
}

func TestEveryAnswerIsProtected(t *testing.T) {
	want := map[string]string{
		"X-Content-Type-Options":     "nosniff",
		"Referrer-Policy":            "no-referrer",
		"Cross-Origin-Opener-Policy": "same-origin",
		"Cache-Control":              "no-cache",
		"Content-Security-Policy":    pagePolicy,
	}
	for _, target := range []string{Path, Path + "main.mjs", Path + "console.css", Path + "nothing"} {
		res := get(t, http.MethodGet, target)
		for name, value := range want {
			if got := res.Header.Get(name); got != value {
				t.Errorf("%s: %s: %q, want %q", target, name, got, value)
			}
		}
	}
}

func TestTheFrameRunsItsOwnScriptOnly(t *testing.T) {
	policy := get(t, http.MethodGet, Path+frame).Header.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none';", "script-src 'sha256-", "frame-ancestors 'self';", "sandbox allow-scripts"} {
		if !strings.Contains(policy, part) {
			t.Errorf("the frame's policy lacks %q: %s", part, policy)
		}
	}
	if strings.Contains(policy, "allow-same-origin") || strings.Contains(policy, "'unsafe-inline'; script") {
		t.Errorf("the frame's policy allows too much: %s", policy)
	}
	if n := bytes.Count(load()[frame].body, []byte("<script")); n != 1 {
		t.Errorf("the frame has %d scripts; the policy knows one", n)
	}
}

func TestAnAssetThatIsKnownIsNotSentAgain(t *testing.T) {
	tag := get(t, http.MethodGet, Path+"main.mjs").Header.Get("ETag")
	if res := get(t, http.MethodGet, Path+"main.mjs", "If-None-Match", tag); res.StatusCode != http.StatusNotModified {
		t.Errorf("status %d, want 304", res.StatusCode)
	}
}

func TestHeadHasNoBody(t *testing.T) {
	res := get(t, http.MethodHead, Path)
	if body, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusOK || len(body) > 0 {
		t.Errorf("status %d, %d bytes", res.StatusCode, len(body))
	}
}

func TestOtherMethodsAreRefused(t *testing.T) {
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions} {
		res := get(t, method, Path)
		if res.StatusCode != http.StatusMethodNotAllowed || res.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: status %d, Allow %q", method, res.StatusCode, res.Header.Get("Allow"))
		}
	}
}

func TestWhatIsNotThereIsNotFound(t *testing.T) {
	for _, target := range []string{Path + "nothing.mjs", Path + "assets/main.mjs", Path + "index.html/", "/_sluice/other", "/main.mjs"} {
		if res := get(t, http.MethodGet, target); res.StatusCode != http.StatusNotFound {
			t.Errorf("%s: status %d, want 404", target, res.StatusCode)
		}
	}
}

// The name of SVG's vocabulary is no address that anything is read from.
const svg = "http://www.w3.org/2000/svg"

func TestNoAssetMentionsAnotherOrigin(t *testing.T) {
	other := regexp.MustCompile(`(?i)(https?:|wss?:)?//[a-z0-9-]+\.[a-z]`)
	for name, file := range load() {
		if found := other.Find(bytes.ReplaceAll(file.body, []byte(svg), nil)); found != nil {
			t.Errorf("%s mentions %s", name, found)
		}
	}
}

func TestNoAssetMakesMarkupOfText(t *testing.T) {
	markup := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|\beval\(|new Function|document\.write|srcdoc`)
	for name, file := range load() {
		if found := markup.Find(file.body); found != nil && name != frame {
			t.Errorf("%s has %s", name, found)
		}
		if regexp.MustCompile(`(?i)\son[a-z]+="|\sstyle="`).Match(file.body) {
			t.Errorf("%s has an inline handler or style, which the policy forbids", name)
		}
	}
}

func node(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("node")
	if err != nil {
		t.Skip("there is no node to run the modules with")
	}
	return path
}

func TestModules(t *testing.T) {
	program := node(t)
	files, err := filepath.Glob("test/*.test.mjs")
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests of the modules: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, append([]string{"--test"}, files...)...).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestTheServerTakesTheSignatures lets the page's module sign requests and the
// server's verify them.
func TestTheServerTakesTheSignatures(t *testing.T) {
	program := node(t)
	const secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	service := auth.New(sluice.DefaultIdentity(), []auth.Credential{{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: secret}})
	out, err := exec.CommandContext(t.Context(), program, "test/sign.mjs", sluice.DefaultIdentity().Region, secret).Output()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); n++ {
		var request struct {
			Method, URL, Body string
			Headers           map[string]string
		}
		if err := json.Unmarshal(lines.Bytes(), &request); err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(request.Method, request.URL, strings.NewReader(request.Body))
		for name, value := range request.Headers {
			r.Header.Set(name, value)
		}
		if _, refused := service.Verify(r, []byte(request.Body)); refused != nil {
			t.Errorf("%s %s: %s", request.Method, request.URL, refused.Message)
		}
		if _, refused := service.Verify(r, []byte(request.Body+" ")); refused == nil {
			t.Errorf("%s %s: another body is taken with the same signature", request.Method, request.URL)
		}
	}
	if n < 5 {
		t.Errorf("%d requests were signed", n)
	}
}

// TestThePageIsSmall keeps the whole of it below what one picture weighs.
func TestThePageIsSmall(t *testing.T) {
	total := 0
	for _, file := range load() {
		total += len(file.body)
	}
	if total > 200_000 {
		t.Errorf("the assets have %d bytes", total)
	}
}
