package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// onTerminal runs a command whose output is a terminal, and returns what that shows.
func onTerminal(t *testing.T, environ []string, args ...string) string {
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
	code := s.run(t.Context())
	tty.Close()
	text := strings.ReplaceAll(<-shown, "\r\n", "\n")
	if code != exitOK {
		t.Errorf("%q: exit code %d, %q", args, code, text)
	}
	return text
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
	onTerminal(t, nil, "invoke", "Prints", "--endpoint", endpoint)
	// What a function prints may be coloured and no more.
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
