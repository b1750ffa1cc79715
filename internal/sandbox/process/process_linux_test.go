package process

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sluice-run/sluice/internal/sandbox"
)

func TestPrivateTmp(t *testing.T) {
	d := New()
	if !d.Capabilities().PrivateTmp {
		t.Log("this machine does not allow mount namespaces: only TMPDIR is private")
		return
	}
	dir := t.TempDir()
	code, tmp := filepath.Join(dir, "code"), filepath.Join(dir, "private")
	for _, p := range []string{code, tmp} {
		if err := os.Mkdir(p, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	mark := filepath.Base(dir) + "-mark"
	out := run(t, d, sandbox.Spec{
		Command: []string{"/bin/sh", "-c", "echo own > /tmp/" + mark + "; pwd; ls -d " + code + "; ls /tmp/" + mark},
		Dir:     code, Tmp: tmp, Visible: []string{code},
	})
	want := code + "\n" + code + "\n/tmp/" + mark + "\n"
	if out != want {
		t.Errorf("output %q, want %q", out, want)
	}
	if _, err := os.Stat("/tmp/" + mark); err == nil {
		t.Error("the sandbox wrote to the host's /tmp")
	}
	if _, err := os.Stat(filepath.Join(tmp, mark)); err != nil {
		t.Errorf("the sandbox's file is not in its own folder: %v", err)
	}
}

func TestKillEndsTheWholeGroup(t *testing.T) {
	d := New()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	sb, err := d.Start(context.Background(), sandbox.Spec{
		Command: []string{"/bin/sh", "-c", "sleep 600 & sleep 600"}, Dir: "/", Stdout: w, Stderr: w, Tmp: t.TempDir(),
	})
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	sb.Kill()
	<-sb.Done()
	if sb.Exit() != "signal: killed" {
		t.Errorf("exit %q", sb.Exit())
	}
	// The pipe ends only when every process that holds it is gone.
	r.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.ReadAll(r); err != nil {
		t.Errorf("a process survived: %v", err)
	}
}

func TestExitWording(t *testing.T) {
	d := New()
	for script, want := range map[string]string{"exit 0": "", "exit 3": "exit status 3", "kill -SEGV $$": "signal: segmentation fault"} {
		sb, err := d.Start(context.Background(), sandbox.Spec{Command: []string{"/bin/sh", "-c", script}, Dir: "/", Tmp: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		<-sb.Done()
		if got := sb.Exit(); got != want {
			t.Errorf("%s: exit %q, want %q", script, got, want)
		}
	}
}

func TestStartErrorsNameTheirType(t *testing.T) {
	d := New()
	for _, tt := range []struct {
		spec sandbox.Spec
		want string
	}{
		{sandbox.Spec{Command: []string{"/bin/true"}, Dir: "/no/such"}, "Runtime.InvalidWorkingDir"},
		{sandbox.Spec{Command: []string{"/no/such"}, Dir: "/"}, "Runtime.InvalidEntrypoint"},
	} {
		_, err := d.Start(context.Background(), tt.spec)
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("error %v, want %s", err, tt.want)
		}
	}
}

func run(t *testing.T, d *Driver, spec sandbox.Spec) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	spec.Stdout, spec.Stderr = w, w
	sb, err := d.Start(context.Background(), spec)
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	out, _ := io.ReadAll(r)
	<-sb.Done()
	if sb.Exit() != "" {
		t.Fatalf("exit %s: %s", sb.Exit(), out)
	}
	return string(out)
}
