package hosting

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/sluice-run/sluice/internal/archive"
)

// CodeCache keeps unpacked code packages on disk while somebody uses them.
type CodeCache struct {
	// Dir is the folder for them, emptied by its owner.
	Dir string
	// Fetch opens a package by its SHA-256.
	Fetch func(ctx context.Context, sum string) (io.ReadCloser, error)

	mu      sync.Mutex
	entries map[string]*cached
}

// cached is one package; its mutex is held while it is unpacked.
type cached struct {
	mu    sync.Mutex
	ready bool
	users int
}

// Acquire returns the folder of a package, unpacked, until Release.
func (c *CodeCache) Acquire(ctx context.Context, sum string) (string, error) {
	c.mu.Lock()
	e := c.entries[sum]
	if e == nil {
		if c.entries == nil {
			c.entries = map[string]*cached{}
		}
		e = &cached{}
		c.entries[sum] = e
	}
	e.users++
	c.mu.Unlock()
	e.mu.Lock()
	defer e.mu.Unlock()
	dir := filepath.Join(c.Dir, sum)
	if !e.ready {
		if err := c.unpack(ctx, sum, dir); err != nil {
			os.RemoveAll(dir)
			c.Release(sum)
			return "", fmt.Errorf("code package: %w", err)
		}
		e.ready = true
	}
	return dir, nil
}

// unpack goes through a file: a zip file's directory is at its end.
func (c *CodeCache) unpack(ctx context.Context, sum, dir string) error {
	data, err := c.Fetch(ctx, sum)
	if err != nil {
		return err
	}
	defer data.Close()
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return err
	}
	file, err := os.CreateTemp(c.Dir, "package-")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	defer file.Close()
	size, err := io.Copy(file, data)
	if err != nil {
		return err
	}
	return archive.Extract(file, size, dir, archive.MaxUnzipped)
}

// Release ends one use of a package; the last one removes it.
func (c *CodeCache) Release(sum string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[sum]
	if e.users--; e.users == 0 {
		delete(c.entries, sum)
		os.RemoveAll(filepath.Join(c.Dir, sum))
	}
}
