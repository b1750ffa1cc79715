package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReadmeCommands runs the commands of README.md in their order: a `sluice
// dev` goes on until the next one, and curl has to understand its answers.
func TestReadmeCommands(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var d *devServer
	var srv *server
	defer func() {
		if srv != nil {
			srv.stop()
		}
	}()
	ran := map[string]int{}
	written := "" // by sluice init
	for _, found := range regexp.MustCompile(`(?m)^\$ (.+)$`).FindAllStringSubmatch(string(text), -1) {
		command := found[1]
		words := shellWords(t, command)
		switch {
		case strings.HasPrefix(command, "go run ./cmd/sluice "):
			words = words[2:]
			words[0] = "sluice"
			fallthrough
		case words[0] == "sluice" && words[1] == "dev":
			if d != nil {
				d.stop()
			}
			project := filepath.Join("../..", words[2])
			if filepath.Base(written) == words[2] {
				project = written
			}
			d = startDev(t, append([]string{project}, words[3:]...)...)
			ran["dev"]++
		case strings.HasPrefix(command, "sluice init "):
			written = filepath.Join(t.TempDir(), words[3])
			if out, err := exec.Command(binary, "init", words[2], written).CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", command, err, out)
			}
			ran["other"]++
		case words[0] == "curl":
			for i := range words {
				words[i] = strings.ReplaceAll(words[i], "http://127.0.0.1:9000", d.base())
			}
			out, err := exec.Command("curl", append([]string{"--fail", "--silent", "--show-error"}, words[1:]...)...).CombinedOutput()
			if err != nil || len(out) == 0 {
				t.Errorf("%s: %v\n%s", command, err, out)
			}
			ran["curl"]++
		case command == "sluice config check", command == "sluice runtimes list":
			if out, err := exec.Command(binary, words[1:]...).CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", command, err, out)
			}
			ran["other"]++
		case srv == nil && d != nil && words[0] == "sluice" && (words[1] == "doctor" || words[1] == "invoke" || words[1] == "usage"):
			for i := range words {
				words[i] = strings.ReplaceAll(words[i], "http://127.0.0.1:9000", d.base())
			}
			cmd := exec.Command(binary, words[1:]...)
			cmd.Env = append(os.Environ(), "SLUICE_ENDPOINT="+d.base())
			if out, err := cmd.CombinedOutput(); err != nil || len(out) == 0 {
				t.Errorf("%s: %v\n%s", command, err, out)
			}
			ran["other"]++
		case command == "sluice serve":
			srv = startServe(t, t.TempDir())
		case srv != nil && words[0] == "sluice":
			for i := range words {
				if strings.HasPrefix(words[i], "examples/") {
					words[i] = filepath.Join("../..", words[i])
				}
			}
			if out := srv.must(binary, words[1:]...); out == "" {
				t.Errorf("%s prints nothing", command)
			}
			ran["client"]++
		case command == "make test", strings.HasPrefix(command, "sluice runtimes install "):
			// CI has a stage for the one, a test of internal/runtimes for the other.
		default:
			t.Errorf("README.md has the command %q, which this test does not know", command)
		}
	}
	if ran["dev"] < 4 || ran["curl"] < 4 || ran["other"] < 2 || ran["client"] < 4 {
		t.Errorf("README.md has fewer commands than expected: %v", ran)
	}
}

// shellWords splits a command line with double quotes.
func shellWords(t *testing.T, line string) []string {
	t.Helper()
	var words []string
	for _, m := range regexp.MustCompile(`"([^"]*)"|(\S+)`).FindAllStringSubmatch(line, -1) {
		words = append(words, m[1]+m[2])
	}
	return words
}
