package main

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// onTerminal runs a command whose output is a terminal, and returns what that shows.
func onTerminal(t *testing.T, environ []string, args ...string) string {
	t.Helper()
	text, code := runOnTerminal(t, environ, args...)
	if code != exitOK {
		t.Errorf("%q: exit code %d, %q", args, code, text)
	}
	return text
}

func runOnTerminal(t *testing.T, environ []string, args ...string) (text string, code int) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	shown := make(chan string, 1)
	go func() {
		text, _ := io.ReadAll(master) // ends with EIO
		shown <- string(text)
	}()
	s := newSession(t, nil, args...)
	s.environ, s.stdout, s.stderr = append(s.environ, environ...), tty, tty
	code = s.run(t.Context())
	tty.Close()
	return strings.ReplaceAll(<-shown, "\r\n", "\n"), code
}

// A table is for somebody who looks; a program gets lines of values.
func TestTables(t *testing.T) {
	endpoint := "http://" + serveAnswering(t)
	onTerminal(t, nil, "invoke", "Page", "--endpoint", endpoint)
	for _, tt := range []struct {
		command, heads, line string
		columns              int
	}{
		{"list --endpoint " + endpoint, `FUNCTION +RUNTIME +LAST MODIFIED +URL`, `Page +nodejs\S+ .*`, 4},
		{"usage --endpoint " + endpoint, `INVOCATIONS +ERRORS +GB-SECONDS +BYTES +PAST 6 MB +ESTIMATE +FUNCTION`, ` *\d+ +0 +\d\.\d+ +\d+ +0 +\$0\.\d+ +Page`, 7},
		{"runtimes list", `RUNTIME +SERVED BY +PATH +NOTE`, `nodejs22.x +\S.*`, 4},
	} {
		args := strings.Fields(tt.command)
		if text := onTerminal(t, nil, args...); !regexp.MustCompile("(?m)^ *"+tt.heads+"$").MatchString(text) || !regexp.MustCompile("(?m)^"+tt.line+"$").MatchString(text) {
			t.Errorf("%s on a terminal:\n%s", tt.command, text)
		}
		s := newSession(t, nil, args...)
		if code := s.run(t.Context()); code != exitOK {
			t.Errorf("%s: exit code %d, %s", tt.command, code, s.stderr)
		}
		lines := strings.Split(strings.TrimSuffix(s.stdout.(*output).String(), "\n"), "\n")
		for _, line := range lines {
			if cells := strings.Split(line, "\t"); len(cells) != tt.columns || strings.TrimSpace(cells[0]) != cells[0] || strings.HasPrefix(line, tt.heads[:4]) || cells[tt.columns-1] == "all" {
				t.Errorf("%s elsewhere: %q", tt.command, line)
			}
		}
		if tt.command[:5] == "usage" && len(lines) != 1 {
			t.Errorf("%q", lines)
		}
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		s = newSession(t, nil, args...)
		s.stdout = full
		if code := s.run(t.Context()); code != exitFailure || !strings.Contains(s.stderr.(*output).String(), "no space left") {
			t.Errorf("%s on a full disk: exit code %d, %s", tt.command, code, s.stderr)
		}
		full.Close()
	}
}

func TestOnATerminal(t *testing.T) {
	endpoint := "http://" + serveAnswering(t)
	const head, body = "\x1b[2m201 Created\x1b[0m\n", "<p>one<p>two\n"
	if text := onTerminal(t, nil, "invoke", "Page", "--endpoint", endpoint); !strings.HasPrefix(text, head) || !strings.HasSuffix(text, "\n\n"+body) {
		t.Errorf("%q", text)
	}
	for _, variable := range []string{"NO_COLOR=1", "TERM=dumb", "CLICOLOR=0"} {
		if text := onTerminal(t, []string{variable}, "invoke", "Page", "--endpoint", endpoint); !strings.HasPrefix(text, "201 Created\n") || strings.Contains(text, "\x1b") {
			t.Errorf("%s: %q", variable, text)
		}
	}
	if text := onTerminal(t, nil, "invoke", "Prints", "--logs", "--endpoint", endpoint); !strings.Contains(text, "a\x1b[31mb\x1b[0m\n") || strings.Contains(text, "[2J") {
		t.Errorf("%q", text)
	}
	// What a function fails with, and what it prints, may be coloured and no more.
	if text, code := runOnTerminal(t, nil, "invoke", "Screams", "--stream", "--endpoint", endpoint); code != exitFailure || !strings.Contains(text, "the function failed: RangeError: loud") || strings.Contains(text, "[2J") {
		t.Errorf("exit code %d, %q", code, text)
	}
	if text := onTerminal(t, nil, "logs", "Prints", "--filter", "a", "--endpoint", endpoint); !strings.Contains(text, "a\x1b[31mb\x1b[0m\n") || strings.Contains(text, "[2J") {
		t.Errorf("%q", text)
	}
	if text := onTerminal(t, []string{"NO_COLOR=1"}, "logs", "Prints", "--endpoint", endpoint); strings.Contains(text, "\x1b") || !strings.Contains(text, "ab\n") {
		t.Errorf("%q", text)
	}
	if text := onTerminal(t, nil, "logs", "Prints", "--json", "--endpoint", endpoint); strings.Contains(text, "\x1b") {
		t.Errorf("%q", text)
	}
}
