package watch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"
)

// quiet is how long files have to rest before OnSettled.
const quiet = 50 * time.Millisecond

// Options say what to watch and whom to tell. The callbacks run on one goroutine,
// one at a time, and must not call Close.
type Options struct {
	// Paths are files and folders, absolute. Folders are watched with everything
	// below them but dependencies (node_modules), compiled files (__pycache__) and hidden folders. What does
	// not exist yet is reported when it appears in a folder that does.
	Paths []string
	// OnChange gets the files that were written, created, removed or renamed.
	OnChange func(files []string)
	// OnSettled is called once after a burst of changes.
	OnSettled func()
	// OnError gets what keeps changes from being noticed.
	OnError func(error)
}

// Watcher follows files until Close.
type Watcher struct {
	options Options
	events  *fsnotify.Watcher
	serving sync.WaitGroup

	mu     sync.Mutex
	closed bool
	// files are the single files that are followed; their folders are watched.
	files map[string]bool
	// trees are the folders that are followed with all below them.
	trees map[string]bool
	// watched are the folders that the system watches for us.
	watched map[string]bool
}

// New starts to watch.
func New(o Options) (*Watcher, error) {
	events, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, explain(err)
	}
	w := &Watcher{options: o, events: events, watched: map[string]bool{}}
	if err := w.Update(o.Paths); err != nil {
		events.Close()
		return nil, err
	}
	w.serving.Go(w.serve)
	return w, nil
}

// Close stops watching. No callback runs when it returns.
func (w *Watcher) Close() {
	w.mu.Lock()
	closed := w.closed
	w.closed = true
	w.mu.Unlock()
	if !closed {
		w.events.Close()
	}
	w.serving.Wait()
}

// Update replaces the paths. After Close it does nothing.
func (w *Watcher) Update(paths []string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil
	}
	w.files, w.trees = map[string]bool{}, map[string]bool{}
	wanted := map[string]bool{}
	for _, path := range paths {
		path = filepath.Clean(path)
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			w.trees[path] = true
			folders(path, func(dir string) { wanted[dir] = true })
			continue
		}
		w.files[path] = true
		wanted[filepath.Dir(path)] = true
	}
	for dir := range w.watched {
		if !wanted[dir] {
			w.events.Remove(dir) // gone already, or not: both are fine
			delete(w.watched, dir)
		}
	}
	var failed error
	for dir := range wanted {
		failed = errors.Join(failed, w.watch(dir))
	}
	return failed
}

// watch adds one folder; w.mu is held.
func (w *Watcher) watch(dir string) error {
	if w.watched[dir] {
		return nil
	}
	err := w.events.Add(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil // it appeared and went
	case err != nil:
		return fmt.Errorf("%s: %w", dir, explain(err))
	}
	w.watched[dir] = true
	return nil
}

// explain adds what to do about the limits of inotify.
func explain(err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("too many folders to watch: %w; raise the sysctl fs.inotify.max_user_watches, or point CodeUri to a smaller folder", err)
	case errors.Is(err, syscall.EMFILE):
		return fmt.Errorf("too many watchers: %w; raise the sysctl fs.inotify.max_user_instances", err)
	}
	return err
}

// folders calls found for root and the folders below it that hold a project's own
// files.
func folders(root string, found func(dir string)) {
	filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil // unreadable or gone: there is nothing to watch
		}
		if !entry.IsDir() {
			return nil
		}
		if path != root && skipped(entry.Name()) {
			return filepath.SkipDir
		}
		found(path)
		return nil
	})
}

// skipped are folders whose changes are not a developer's edits.
func skipped(name string) bool {
	return name == "node_modules" || name == "__pycache__" || strings.HasPrefix(name, ".")
}

// litter are files that editors put beside the one that is edited.
func litter(name string) bool {
	switch {
	case strings.HasSuffix(name, "~"), strings.HasPrefix(name, ".#"), strings.HasPrefix(name, "#") && strings.HasSuffix(name, "#"):
		return true
	case strings.HasPrefix(name, ".") && (strings.Contains(name, ".sw") || strings.HasSuffix(name, ".tmp")):
		return true
	}
	return name == "4913" || name == ".DS_Store" // Vim's test file, and Finder's
}

func (w *Watcher) serve() {
	settled := time.NewTimer(time.Hour)
	settled.Stop()
	defer settled.Stop()
	for {
		select {
		case event, open := <-w.events.Events:
			if !open {
				return
			}
			if files := w.changed(event); len(files) > 0 {
				w.options.OnChange(files)
				settled.Reset(quiet)
			}
		case err, open := <-w.events.Errors:
			if !open {
				return
			}
			if errors.Is(err, fsnotify.ErrEventOverflow) {
				// Something changed, and nobody can say what.
				w.options.OnChange(w.everything())
				settled.Reset(quiet)
				continue
			}
			w.options.OnError(explain(err))
		case <-settled.C:
			w.options.OnSettled()
		}
	}
}

// changed returns the followed files that an event is about.
func (w *Watcher) changed(event fsnotify.Event) []string {
	if event.Op == fsnotify.Chmod {
		return nil
	}
	path := event.Name
	if litter(filepath.Base(path)) {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	var files []string
	if event.Has(fsnotify.Create) {
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			return w.appeared(path)
		}
	}
	if w.follows(path) {
		files = append(files, path)
	}
	if event.Has(fsnotify.Remove) || event.Has(fsnotify.Rename) {
		delete(w.watched, path)
	}
	return files
}

// appeared takes in a new folder and returns its files, which may be there
// already. w.mu is held.
func (w *Watcher) appeared(path string) []string {
	if !w.trees[path] && (skipped(filepath.Base(path)) || !w.follows(path)) {
		return nil
	}
	var files []string
	folders(path, func(dir string) {
		if err := w.watch(dir); err != nil {
			w.options.OnError(err)
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			return
		}
		for _, entry := range entries {
			if !entry.IsDir() && !litter(entry.Name()) {
				files = append(files, filepath.Join(dir, entry.Name()))
			}
		}
	})
	return files
}

// follows tells that a change of path is to be reported; w.mu is held.
func (w *Watcher) follows(path string) bool {
	if w.files[path] || w.trees[path] {
		return true
	}
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		if w.trees[dir] {
			return true
		}
		if skipped(filepath.Base(dir)) || dir == filepath.Dir(dir) {
			return false
		}
	}
}

// everything is all that is followed.
func (w *Watcher) everything() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var paths []string
	for file := range w.files {
		paths = append(paths, file)
	}
	for dir := range w.trees {
		paths = append(paths, dir)
	}
	return paths
}
