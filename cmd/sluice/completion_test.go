package main

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// completions runs what a shell runs, and returns what it would offer and how.
func completions(t *testing.T, s *session, args ...string) (offered []string, directive string) {
	t.Helper()
	s.stdout, s.stderr = &output{}, &output{}
	s.args = append([]string{cobra.ShellCompNoDescRequestCmd}, args...)
	if code := s.run(t.Context()); code != exitOK {
		t.Fatalf("%q: exit code %d: %s", args, code, s.stderr)
	}
	lines := strings.Split(strings.TrimSpace(s.stdout.(*output).String()), "\n")
	directive = lines[len(lines)-1]
	if stderr := s.stderr.(*output).String(); !strings.HasPrefix(stderr, "Completion ended with directive:") || strings.Count(stderr, "\n") != 1 {
		t.Errorf("%q: %s", args, stderr)
	}
	typed := args[len(args)-1]
	if _, value, ok := strings.Cut(typed, "="); ok && strings.HasPrefix(typed, "--") {
		typed = value
	}
	for _, line := range lines[:len(lines)-1] {
		if strings.HasPrefix(line, typed) { // the scripts look at that
			offered = append(offered, line)
		}
	}
	return offered, directive
}

const (
	filesToo   = ":0"
	noSpace    = ":6"
	nothing    = ":4"
	foldersToo = ":16"
)

func TestCompletion(t *testing.T) {
	for _, tt := range []struct {
		args      string
		offered   string
		directive string
	}{
		{"init ", "node typescript python go chat ssr", nothing},
		{"init ty", "typescript", nothing},
		{"init node ", "", foldersToo},
		{"init node x ", "", nothing},
		{"serve --sandbox ", "auto oci process", nothing},
		{"serve --sandbox=o", "oci", nothing},
		{"dev --log-format ", "auto text json", nothing},
		{"dev --log-level ", "debug info warn error", nothing},
		{"dev --quirks ", "aws fixed", nothing},
		{"serve --tls-acme ", "letsencrypt letsencrypt-staging", nothing},
		{"dev --limits ", "streamedPayload= streamBurst= streamRate= bufferedPayload= requestPayload= concurrency=", noSpace},
		{"dev --limits streamRate=0,str", "streamRate=0,streamedPayload= streamRate=0,streamBurst= streamRate=0,streamRate=", noSpace},
		{"dev ", "", filesToo},
		{"dev --credentials ", "", filesToo},
		{"dev --data ", "", foldersToo},
		{"dev --addr ", "", nothing},
		{"deploy ", "", filesToo},
		{"doctor -X P", "POST PUT PATCH", nothing},
		{"runtimes install nodejs22.x nodejs2", "nodejs20.x nodejs24.x", nothing},
		{"runtimes ", "install list remove", nothing},
		{"config ", "check", nothing},
		{"usage ", "", nothing},
		{"completion ", "bash fish powershell zsh", nothing},
		{"de", "delete deploy dev", nothing},
	} {
		args := strings.Split(tt.args, " ")
		offered, directive := completions(t, newSession(t, nil), args...)
		if strings.Join(offered, " ") != tt.offered || directive != tt.directive {
			t.Errorf("%s: %q %s, want %q %s", tt.args, offered, directive, tt.offered, tt.directive)
		}
	}
}

// A flag that takes a value says which, or a shell offers the files of the folder.
func TestEveryFlagAndArgumentIsCompleted(t *testing.T) {
	var look func(cmd *cobra.Command)
	look = func(cmd *cobra.Command) {
		if cmd.ValidArgsFunction == nil {
			t.Errorf("%s: arguments", cmd.CommandPath())
		}
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if _, ok := cmd.GetFlagCompletionFunc(f.Name); !ok && f.Value.Type() != "bool" {
				t.Errorf("%s: --%s", cmd.CommandPath(), f.Name)
			}
		})
		for _, sub := range cmd.Commands() {
			look(sub)
		}
	}
	look(newSession(t, nil).rootCommand())
}

func TestFunctionsAreCompletedQuicklyAndSilently(t *testing.T) {
	s := newSession(t, nil)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	release := make(chan bool)
	silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer silent.Close()
	defer close(release)
	failing := httptest.NewServer(http.NotFoundHandler())
	defer failing.Close()
	for _, endpoint := range []string{"http://" + closed.Addr().String(), silent.URL, failing.URL, "nonsense"} {
		begin := time.Now()
		if offered, directive := completions(t, s, "invoke", "--endpoint", endpoint, ""); len(offered) > 0 || directive != nothing {
			t.Errorf("%s: %q %s", endpoint, offered, directive)
		}
		if took := time.Since(begin); took > 20*serverPatience {
			t.Errorf("%s: %v", endpoint, took)
		}
	}
}

func TestFunctionsAreCompleted(t *testing.T) {
	s, addr, code := startDev(t)
	for args, want := range map[string][]string{
		"invoke ": {"Fn"}, "invoke F": {"Fn"}, "invoke X": nil, "invoke Fn ": nil, "logs ": {"Fn"}, "delete ": {"Fn"}, "delete Fn ": nil,
	} {
		client := newSession(t, nil)
		client.environ = append(client.environ, "SLUICE_ENDPOINT=http://"+addr)
		if offered, directive := completions(t, client, strings.Split(args, " ")...); !slices.Equal(offered, want) || directive != nothing {
			t.Errorf("%s: %q %s", args, offered, directive)
		}
	}
	s.interrupt <- os.Interrupt
	<-code
}

func TestCompletionScripts(t *testing.T) {
	for shell, want := range map[string]string{"bash": "complete -o", "zsh": "#compdef sluice", "fish": "complete -c sluice", "powershell": "Register-ArgumentCompleter"} {
		s := newSession(t, nil, "completion", shell)
		if code := s.run(context.Background()); code != exitOK || !strings.Contains(s.stdout.(*output).String(), want) {
			t.Errorf("%s: exit code %d: %s", shell, code, s.stderr)
		}
	}
	s := newSession(t, nil, "completion", "tcsh")
	if code := s.run(context.Background()); code != exitUsage {
		t.Errorf("exit code %d: %s", code, s.stderr)
	}
}
