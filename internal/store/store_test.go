package store_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sluice-run/sluice/internal/store"
	"github.com/sluice-run/sluice/internal/store/storetest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// The server library keeps one for the life of the process.
		goleak.IgnoreTopFunction("github.com/nats-io/nats-server/v2/server.init.0.func1"))
}

func mustOpen(t *testing.T, o store.Options) *store.Store {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s, err := store.Open(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestInMemory(t *testing.T) {
	storetest.Run(t, func(t *testing.T) *store.Store { return mustOpen(t, store.Options{}) }, nil)
}

func TestWithFiles(t *testing.T) {
	dir := ""
	storetest.Run(t, func(t *testing.T) *store.Store {
		dir = t.TempDir()
		return mustOpen(t, store.Options{Dir: dir})
	}, func(t *testing.T) *store.Store { return mustOpen(t, store.Options{Dir: dir}) })
}

func TestExternalServer(t *testing.T) {
	url := ""
	storetest.Run(t, func(t *testing.T) *store.Store {
		url = storetest.External(t)
		return mustOpen(t, store.Options{URL: url})
	}, func(t *testing.T) *store.Store { return mustOpen(t, store.Options{URL: url}) })
	if _, err := store.Open(t.Context(), store.Options{URL: "nats://127.0.0.1:1"}); err == nil || !strings.Contains(err.Error(), "store at nats://127.0.0.1:1") {
		t.Errorf("%v", err)
	}
}

func TestAFolderServesOneServer(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, store.Options{Dir: dir})
	defer s.Close()
	if _, err := store.Open(t.Context(), store.Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "in use by another server") {
		t.Errorf("%v", err)
	}
}

// filled returns a folder with ten records in it.
func filled(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	s := mustOpen(t, store.Options{Dir: dir})
	for i := range 10 {
		if _, err := s.Create(t.Context(), "function.f"+string(rune('0'+i)), []byte(strings.Repeat("x", 500))); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	return dir
}

// blocks are the message files of the registry.
func blocks(t *testing.T, dir string) []string {
	t.Helper()
	var files []string
	filepath.WalkDir(dir, func(path string, _ fs.DirEntry, _ error) error {
		if strings.Contains(path, "KV_registry") && strings.HasSuffix(path, ".blk") {
			files = append(files, path)
		}
		return nil
	})
	if len(files) == 0 {
		t.Fatal("no message files")
	}
	return files
}

func TestDamageIsReported(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, dir string){
		"truncated": func(t *testing.T, dir string) {
			for _, file := range blocks(t, dir) {
				if err := os.Truncate(file, 2000); err != nil {
					t.Fatal(err)
				}
			}
		},
		"flipped": func(t *testing.T, dir string) {
			for _, file := range blocks(t, dir) {
				data, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				data[len(data)/2] ^= 0xff
				if err := os.WriteFile(file, data, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		},
		"gone": func(t *testing.T, dir string) {
			for _, file := range blocks(t, dir) {
				os.Remove(file)
			}
		},
		"stream gone": func(t *testing.T, dir string) {
			os.RemoveAll(filepath.Join(dir, "state"))
		},
		"witness": func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, "acknowledged"), []byte("nonsense nonsense nonsense"), 0o600); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filled(t)
			damage(t, dir)
			s, err := store.Open(t.Context(), store.Options{Dir: dir})
			var damaged *store.DamageError
			if !errors.As(err, &damaged) || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "restore it from a backup") {
				t.Errorf("%v", err)
			}
			if s != nil {
				t.Errorf("%d of 10 records are there", len(s.List("")))
				s.Close()
			}
		})
	}
}
