package watch

import (
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// recorder collects what a watcher tells.
type recorder struct {
	mu      sync.Mutex
	changes []string
	settled int
}

// patience is generous: the machine may be busy.
const patience = 10 * time.Second

// watch starts a watcher of paths that stops with the test.
func watch(t *testing.T, paths ...string) (*Watcher, *recorder) {
	t.Helper()
	r := &recorder{}
	w, err := New(Options{
		Paths: paths,
		OnChange: func(files []string) {
			r.mu.Lock()
			r.changes = append(r.changes, files...)
			r.mu.Unlock()
		},
		OnSettled: func() {
			r.mu.Lock()
			r.settled++
			r.mu.Unlock()
		},
		OnError: func(err error) { t.Error(err) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w, r
}

// await waits until file was reported and the files came to rest.
func (r *recorder) await(t *testing.T, file string) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		r.mu.Lock()
		found := slices.Contains(r.changes, file) && r.settled > 0
		changes := slices.Clone(r.changes)
		r.mu.Unlock()
		if found {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s was not reported, but %v", file, changes)
		}
	}
}

func (r *recorder) forget() {
	r.mu.Lock()
	r.changes, r.settled = nil, 0
	r.mu.Unlock()
}

func write(t *testing.T, file string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(time.Now().String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestChangesBelowAFolder(t *testing.T) {
	dir := t.TempDir()
	deep := filepath.Join(dir, "a", "b", "c.js")
	write(t, deep)
	_, r := watch(t, dir)
	write(t, deep)
	r.await(t, deep)
	r.forget()

	fresh := filepath.Join(dir, "new", "deep", "d.js")
	write(t, fresh)
	r.await(t, fresh)
	r.forget()
	time.Sleep(50 * time.Millisecond)
	write(t, fresh)
	r.await(t, fresh)
	r.forget()

	if err := os.Remove(deep); err != nil {
		t.Fatal(err)
	}
	r.await(t, deep)
}

func TestASingleFileSurvivesAnAtomicSave(t *testing.T) {
	dir := t.TempDir()
	file, other := filepath.Join(dir, "template.yaml"), filepath.Join(dir, "other")
	write(t, file)
	_, r := watch(t, file)
	for range 3 {
		write(t, other)
		if err := os.Rename(other, file); err != nil {
			t.Fatal(err)
		}
		r.await(t, file)
		r.forget()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if slices.Contains(r.changes, other) {
		t.Error("another file of the folder was reported")
	}
}

func TestDependenciesAndLitterAreNotReported(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "node_modules", "x", "index.js"))
	write(t, filepath.Join(dir, "__pycache__", "a.pyc"))
	_, r := watch(t, dir)
	for _, name := range []string{"node_modules/x/index.js", "__pycache__/a.pyc", ".git/index", "a.js~", ".a.js.swp", "4913"} {
		write(t, filepath.Join(dir, filepath.FromSlash(name)))
	}
	last := filepath.Join(dir, "last.js")
	write(t, last)
	r.await(t, last)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, file := range r.changes {
		if file != last {
			t.Errorf("%s was reported", file)
		}
	}
}

func TestUpdateReplacesThePaths(t *testing.T) {
	one, two := t.TempDir(), t.TempDir()
	w, r := watch(t, one)
	if err := w.Update([]string{two}); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(one, "old"))
	write(t, filepath.Join(two, "new"))
	r.await(t, filepath.Join(two, "new"))
	r.mu.Lock()
	defer r.mu.Unlock()
	if slices.Contains(r.changes, filepath.Join(one, "old")) {
		t.Error("a path that was left is still reported")
	}
}

func TestCloseEndsCallbacks(t *testing.T) {
	dir := t.TempDir()
	w, r := watch(t, dir)
	write(t, filepath.Join(dir, "a"))
	w.Close()
	w.Close()
	r.forget()
	write(t, filepath.Join(dir, "b"))
	if err := w.Update([]string{dir}); err != nil {
		t.Error(err)
	}
	time.Sleep(2 * quiet)
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.changes) > 0 || r.settled > 0 {
		t.Errorf("callbacks after Close: %v", r.changes)
	}
}
