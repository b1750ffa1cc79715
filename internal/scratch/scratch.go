// Package scratch makes the folder for everything that a server writes and that ends
// with it, and removes what killed servers have left.
package scratch

import (
	"os"
	"path/filepath"

	"github.com/sluice-run/sluice/internal/filelock"
)

const (
	// prefix is how the names of all scratch folders begin.
	prefix = "sluice-"
	// lockName is the file that its server holds a lock on.
	lockName = "lock"
	// maxPath is how long the path of a folder may be, in bytes: the path of a Unix
	// socket has room for 104 on macOS, and environments put theirs some way below.
	maxPath = 70
)

// Dir is a scratch folder, the caller's until Remove.
type Dir struct {
	// Path is absolute.
	Path string
	lock *os.File
}

// New makes a folder, in the system's folder for temporary files if its path is short
// enough for the paths of sockets, and removes those whose servers are gone.
func New() (*Dir, error) {
	parent := os.TempDir()
	if len(filepath.Join(parent, prefix+"0123456789")) > maxPath {
		parent = "/tmp"
	}
	sweep(parent)
	for {
		path, err := os.MkdirTemp(parent, prefix)
		if err != nil {
			return nil, err
		}
		lock, err := filelock.Take(filepath.Join(path, lockName))
		if err == nil {
			return &Dir{path, lock}, nil
		}
		if _, gone := os.Stat(path); gone == nil {
			os.RemoveAll(path)
			return nil, err
		} // swept by a server that started in this moment
	}
}

// Remove deletes the folder and everything in it.
func (d *Dir) Remove() error {
	err := os.RemoveAll(d.Path)
	d.lock.Close()
	return err
}

// sweep removes the folders that nobody holds a lock on. What can't be removed, such
// as another user's, stays.
func sweep(parent string) {
	left, _ := filepath.Glob(filepath.Join(parent, prefix+"*", lockName))
	for _, path := range left {
		lock, err := filelock.Take(path)
		if err != nil {
			continue
		}
		os.RemoveAll(filepath.Dir(path))
		lock.Close()
	}
}
