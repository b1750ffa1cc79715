package process

import (
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/sluice-run/sluice/internal/sandbox"
	"github.com/sluice-run/sluice/internal/sandbox/sandboxtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) { sandboxtest.Test(t, New()) }

func TestPrivateMounts(t *testing.T) {
	d := New()
	if !d.privateMounts() {
		t.Log("this machine does not allow mount namespaces: only TMPDIR is private")
		return
	}
	b := sandboxtest.Open(t, d, nil)
	mark := filepath.Base(b.Spec.Tmp) + "-mark"
	b.Expect("echo own > /tmp/"+mark+"; ls /tmp/"+mark+"; ls "+b.Spec.Code, "/tmp/"+mark+"\ncode.txt\n")
	if _, err := os.Stat("/tmp/" + mark); err == nil {
		t.Error("the sandbox wrote to the host's /tmp")
	}
	if _, err := os.Stat(filepath.Join(b.Spec.Tmp, mark)); err != nil {
		t.Errorf("the sandbox's file is not in its own folder: %v", err)
	}
	if b.Box.Layout().Opt != "/opt" {
		t.Errorf("layout %+v", b.Box.Layout())
	}
	b.Expect("ulimit -n", "1024\n")
}

// Commands that need something below /opt keep the machine's own.
func TestOptOfTheMachineStaysWhereItIsNeeded(t *testing.T) {
	dir, err := os.MkdirTemp("/opt", "sluice-test-")
	if err != nil {
		t.Skip("/opt can't be written")
	}
	defer os.RemoveAll(dir)
	b := sandboxtest.Open(t, New(), func(s *sandbox.Spec) { s.Programs = []string{dir} })
	if b.Box.Layout().Opt != "" {
		t.Errorf("layout %+v", b.Box.Layout())
	}
	b.Expect("ls -d "+dir, dir+"\n")
}
