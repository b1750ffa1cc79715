package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/sluice-run/sluice/internal/config"
)

// manPages writes the manual to a folder; the environment of whoever does must not show.
func manPages(t *testing.T) (dir string) {
	t.Helper()
	s := newSession(t, nil, "man", "pages")
	s.environ = append(s.environ, "SOURCE_DATE_EPOCH=1700000000", "SLUICE_ENDPOINT=http://secret.example")
	if code := s.run(t.Context()); code != exitOK {
		t.Fatalf("exit code %d: %s", code, s.stderr)
	}
	return filepath.Join(s.dir, "pages")
}

func TestEveryCommandAndFlagIsInTheManual(t *testing.T) {
	dir := manPages(t)
	pages, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	commands := commandsOf(newSession(t, nil).rootCommand())
	if len(pages) != len(commands) || len(commands) < 20 {
		t.Errorf("%d pages for %d commands", len(pages), len(commands))
	}
	for _, cmd := range commands {
		name := strings.ReplaceAll(cmd.CommandPath(), " ", "-")
		data, err := os.ReadFile(filepath.Join(dir, name+".1"))
		if err != nil {
			t.Error(err)
			continue
		}
		page := strings.ReplaceAll(string(data), `\-`, "-")
		for _, want := range []string{`.TH ` + strings.ToUpper(name) + ` 1 2023-11-14 `, ".SH NAME\n" + name + " - " + cmd.Short[:10], "\n.SH EXIT STATUS\n.TP\n.B 0\n", ".SH ENVIRONMENT"} {
			if !strings.Contains(page, want) {
				t.Errorf("%s lacks %q", name, want)
			}
		}
		if strings.Contains(page, "secret") || strings.Contains(page, "Exit codes:") {
			t.Errorf("%s has a default from the environment, or its exit codes twice", name)
		}
		for example := range strings.Lines(cmd.Example) {
			if example = roff(strings.TrimSpace(example)); !strings.Contains(string(data), "\n"+example+"\n") {
				t.Errorf("%s lacks the example %s", name, example)
			}
		}
		flags := pflag.NewFlagSet("", pflag.PanicOnError)
		flags.AddFlagSet(cmd.LocalFlags())
		flags.AddFlagSet(cmd.InheritedFlags())
		flags.VisitAll(func(f *pflag.Flag) {
			option := `\fB--` + f.Name + `\fR`
			if f.Shorthand != "" {
				option = `\fB-` + f.Shorthand + `\fR, ` + option
			}
			if !strings.Contains(page, "\n.TP\n"+option) {
				t.Errorf("%s lacks --%s", name, f.Name)
			}
			for _, variable := range f.Annotations[config.VariableAnnotation] {
				if !strings.Contains(page, `\fB`+variable+`\fR`) {
					t.Errorf("%s lacks %s", name, variable)
				}
			}
		})
	}
}

func TestDevsPageNamesEveryVariable(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(manPages(t), "sluice-dev.1"))
	if err != nil {
		t.Fatal(err)
	}
	for _, variable := range []string{"SLUICE_ADDR", "SLUICE_CONFIG", "SLUICE_LIMITS", "SLUICE_LOG_FORMAT", "SLUICE_TLS_ACME_ROOTS", "NO_COLOR"} {
		if !strings.Contains(string(page), variable) {
			t.Errorf("%s is missing", variable)
		}
	}
}

func TestTheManualIsWellFormed(t *testing.T) {
	pages, _ := filepath.Glob(filepath.Join(manPages(t), "*.1"))
	checked := false
	for _, checker := range [][]string{{"mandoc", "-Tlint", "-Wwarning"}, {"groff", "-ww", "-z", "-man", "-Tutf8"}} {
		if _, err := exec.LookPath(checker[0]); err != nil {
			continue
		}
		checked = true
		for _, page := range pages { // groff takes several for one document
			out, err := exec.Command(checker[0], append(checker[1:], page)...).CombinedOutput()
			if err != nil || len(bytes.TrimSpace(out)) > 0 {
				t.Errorf("%s: %v\n%s", checker[0], err, out)
			}
		}
	}
	if !checked && os.Getenv("CI") != "" {
		t.Fatal("neither mandoc nor groff is installed")
	}
	if !checked {
		t.Skip("neither mandoc nor groff is on the PATH")
	}
}

func TestRoffKeepsTextAsItIs(t *testing.T) {
	for text, want := range map[string]string{
		`.hidden`: `\&.hidden`, `'quoted'`: `\(aqquoted\(aq`, `a\b`: `a\eb`, `--flag`: `\-\-flag`, `…`: `\[u2026]`, "~ ^ `": `\(ti \(ha \(ga`,
	} {
		if got := roff(text); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}
