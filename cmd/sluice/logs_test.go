package main

import (
	"os"
	"strings"
	"testing"
	"time"
)

func TestLogsOfNoSuchFunction(t *testing.T) {
	addr := serveAnswering(t)
	for args, want := range map[string]struct {
		code   int
		stderr string
	}{
		"logs Nobody":            {exitFailure, "there is no function Nobody, and nothing that one logged"},
		"logs Plain":             {exitOK, ""}, // it has logged nothing so far
		"logs Plain --filter no": {exitOK, ""},
		"logs":                   {exitOK, ""},
	} {
		s := newSession(t, nil, append(strings.Fields(args), "--endpoint", "http://"+addr)...)
		if code := s.run(t.Context()); code != want.code || !strings.Contains(s.stderr.(*output).String(), want.stderr) || want.stderr == "" && s.stderr.(*output).String() != "" {
			t.Errorf("%s: exit code %d, %s", args, code, s.stderr)
		}
	}
	s := newSession(t, nil, "logs", "Nobody", "-f", "--endpoint", "http://"+addr)
	ended := make(chan int)
	go func() { ended <- s.run(t.Context()) }()
	for until := time.Now().Add(20 * time.Second); !strings.Contains(s.stderr.(*output).String(), "warning: there is no function Nobody"); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("%s", s.stderr)
		}
	}
	s.interrupt <- os.Interrupt
	if code := <-ended; code != exitOK {
		t.Errorf("exit code %d", code)
	}
}

func TestLogLinesOfOtherDaysHaveADate(t *testing.T) {
	s := newSession(t, nil)
	now := time.Now()
	for at, want := range map[time.Time]string{now: now.Format("15:04:05.000") + " f | x\n", now.AddDate(0, 0, -3): now.AddDate(0, 0, -3).Format("2006-01-02 15:04:05.000") + " f | x\n"} {
		var out strings.Builder
		s.stdout = &out
		text := `{"time":"` + at.Format(time.RFC3339Nano) + `","function":"f","text":"x"}`
		if err := s.printLine([]byte(text), logsFlags{}); err != nil || out.String() != want {
			t.Errorf("%q %v, want %q", out.String(), err, want)
		}
	}
}
