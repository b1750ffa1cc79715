package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sluice-run/sluice/internal/config"
)

// startServe runs `sluice serve --json` on a free port and waits for its banner.
func startServe(t *testing.T) (addr string) {
	t.Helper()
	s := newSession(t, nil, "serve", "--json", "--addr", "127.0.0.1:0", "--data", t.TempDir(), "--sandbox", "process")
	ended := make(chan int, 1)
	go func() { ended <- s.run(context.Background()) }()
	t.Cleanup(func() {
		s.interrupt <- os.Interrupt
		<-ended
	})
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if found := regexp.MustCompile(`"address":"(http://[^"]+)"`).FindStringSubmatch(s.stdout.(*output).String()); found != nil {
			return found[1]
		}
		if time.Now().After(deadline) {
			t.Fatalf("no banner: %s%s", s.stdout, s.stderr)
		}
	}
}

// Every command of a client has --json, and prints nothing else with it; without it and
// without a terminal it prints no control characters.
func TestClientsPrintJSONOrPlainText(t *testing.T) {
	addr := startServe(t)
	dir := t.TempDir()
	template := strings.Replace(templateText, "Timeout: !Ref Seconds", "Timeout: !Ref Seconds, FunctionUrlConfig: {AuthType: NONE, InvokeMode: RESPONSE_STREAM}", 1) +
		"  Table:\n    Type: AWS::DynamoDB::Table\nOutputs:\n  Url: {Value: !GetAtt FnUrl.FunctionUrl}\n"
	for name, text := range map[string]string{"template.yaml": template, "index.mjs": answering + `
export const handler = awslambda.streamifyResponse(async (event, s) => { s.write('one'); await new Promise(r => setTimeout(r, 60)); s.end('two') })`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	name := ""
	for _, tt := range []struct {
		args string
		has  []string // members of the first value, or of its first element
	}{
		{"deploy --stack app --dry-run DIR", []string{"stack", "steps", "outputs", "notRun", "warnings", "done"}},
		{"deploy --stack app DIR", []string{"stack", "steps", "outputs", "notRun", "warnings", "done"}},
		{"list", []string{"name", "runtime", "lastModified", "urls"}},
		{"invoke FN", []string{"requestId", "executedVersion", "functionError", "text"}},
		{"invoke FN --stream", []string{"type", "atMs", "size", "text"}},
		{"invoke FN --timeline", []string{"pieces", "firstByteMs", "largestGapMs", "totalMs", "bytes"}},
		{"logs FN", []string{"time", "function", "text", "source"}},
		{"usage", []string{"since", "region", "prices", "functions"}},
		{"doctor URL", []string{"url", "verdict", "findings", "pieces"}},
		{"delete FN", []string{"deleted"}},
	} {
		url := addr + "/lambda-url/" + name + "/"
		args := strings.Fields(strings.NewReplacer("DIR", dir, "FN", name, "URL", url).Replace(tt.args))
		if tt.args != "doctor URL" {
			args = append(args, "--endpoint", addr)
		}
		if !strings.HasPrefix(tt.args, "de") { // they can be done once
			s := newSession(t, nil, args...)
			code := s.run(t.Context())
			stdout := s.stdout.(*output).String() + s.stderr.(*output).String()
			if code != exitOK || strings.ContainsFunc(stdout, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' }) {
				t.Errorf("%s: exit code %d, %q", tt.args, code, stdout)
			}
		}
		s := newSession(t, nil, append(args, "--json")...)
		if code := s.run(t.Context()); code != exitOK || s.stderr.(*output).String() != "" {
			t.Errorf("%s --json: exit code %d, %s", tt.args, code, s.stderr)
		}
		var first map[string]any
		for i, d := 0, json.NewDecoder(strings.NewReader(s.stdout.(*output).String())); d.More(); i++ {
			var value any
			if err := d.Decode(&value); err != nil {
				t.Fatalf("%s --json: %v: %s", tt.args, err, s.stdout)
			}
			if list, ok := value.([]any); ok && len(list) > 0 {
				value = list[0]
			}
			if i == 0 {
				first, _ = value.(map[string]any)
			}
		}
		for _, member := range tt.has {
			if value, ok := first[member]; !ok || value == nil {
				t.Errorf("%s --json has no %s: %s", tt.args, member, s.stdout)
			}
		}
		if steps, ok := first["steps"].([]any); ok {
			name = steps[0].(map[string]any)["function"].(string)
			if notRun := first["notRun"].([]any)[0].(map[string]any); notRun["name"] != "Table" || notRun["type"] != "AWS::DynamoDB::Table" {
				t.Errorf("%v", notRun)
			}
		}
	}
}

func TestDeleteTellsWhatIsGoneBeforeItFails(t *testing.T) {
	addr := startServe(t)
	s := newSession(t, nil, "delete", "nope", "--json", "--endpoint", addr)
	if code := s.run(t.Context()); code != exitFailure || strings.Join(strings.Fields(s.stdout.(*output).String()), "") != `{"deleted":[]}` || !strings.Contains(s.stderr.(*output).String(), "Function not found") {
		t.Errorf("exit code %d: %s%s", code, s.stdout, s.stderr)
	}
}

func TestSluicesOwnLog(t *testing.T) {
	for _, tt := range []struct {
		format config.LogFormat
		json   bool
		want   string
	}{
		{config.LogJSON, false, `^\{"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z","level":"WARN","msg":"odd","type":"sluice","n":1\}\n$`},
		{config.LogAuto, true, `^\{"time":"[^"]+Z","level":"WARN","msg":"odd","type":"sluice","n":1\}\n$`},
		{config.LogAuto, false, `^time=\S+ level=WARN msg=odd n=1\n$`},
		{config.LogText, false, `^time=\S+ level=WARN msg=odd n=1\n$`},
	} {
		var b bytes.Buffer
		cfg := config.Default()
		cfg.Log.Format = tt.format
		cfg.Log.Level = "warn"
		log := newLog(&b, cfg, tt.json)
		log.Info("hidden")
		log.Warn("odd", "n", 1)
		if !regexp.MustCompile(tt.want).MatchString(b.String()) {
			t.Errorf("%s %v: %s", tt.format, tt.json, b.String())
		}
	}
}
