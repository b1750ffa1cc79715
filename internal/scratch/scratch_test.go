package scratch

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFoldersOfTheDeadAreRemoved(t *testing.T) {
	parent, err := os.MkdirTemp("/tmp", "") // short, as the paths of sockets have to be
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(parent)
	t.Setenv("TMPDIR", parent)
	dead, err := New()
	if err != nil {
		t.Fatal(err)
	}
	os.WriteFile(filepath.Join(dead.Path, "file"), nil, 0o600)
	dead.lock.Close() // as the end of its process does
	foreign := filepath.Join(parent, "sluice-notes")
	os.MkdirAll(foreign, 0o700)
	living, err := New()
	if err != nil {
		t.Fatal(err)
	}
	other, err := New()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dead.Path); !os.IsNotExist(err) {
		t.Errorf("the folder of a dead server is still there: %v", err)
	}
	for _, path := range []string{living.Path, other.Path, foreign} {
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
	for _, d := range []*Dir{living, other} {
		if err := d.Remove(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(d.Path); !os.IsNotExist(err) {
			t.Errorf("%v", err)
		}
	}
}

func TestPathsAreShortEnoughForSockets(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), strings.Repeat("long", 30)))
	d, err := New()
	if err != nil {
		t.Fatal(err)
	}
	defer d.Remove()
	if len(d.Path) > maxPath {
		t.Errorf("%s has %d bytes", d.Path, len(d.Path))
	}
}
