package runtimes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	sluice "github.com/sluice-run/sluice"
)

// installable tells why a runtime can't be fetched, or returns nil.
func installable(name string) error {
	switch sluice.FamilyOf(name) {
	case sluice.NodeJS:
		return nil
	case sluice.Python:
		return fmt.Errorf("sluice does not fetch Python; install %s with your system's packages or from https://www.python.org", name)
	case sluice.OSOnly:
		return fmt.Errorf("%s runs the function's own program; there is nothing to install", name)
	}
	return &UnsupportedError{name}
}

// Install fetches the newest Node.js of the runtime's major with the npm client
// and returns it. What npm says goes to progress. An older one that was installed
// before is replaced, but only once the new one runs.
func (r *Resolver) Install(ctx context.Context, name string, progress io.Writer) (*Interpreter, error) {
	if err := installable(name); err != nil {
		return nil, err
	}
	major := releaseOf(name)
	if r.DataDir == "" {
		return nil, errors.New("there is no folder for runtimes; set one with --data")
	}
	npm := onPath(r.Path, "npm")
	if len(npm) == 0 {
		return nil, errors.New("the npm client is not on the PATH; it comes with Node.js, https://nodejs.org")
	}
	parent := filepath.Dir(r.dirOf(name))
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(parent, ".installing-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	wanted := packageName() + "@" + strconv.Itoa(major)
	// The packages are downloads and nothing else: their scripts need not run.
	cmd := exec.CommandContext(ctx, npm[0], "install", "--prefix", dir, "--no-save", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund", "--force", wanted)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, progress, progress
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("npm install %s: %w; npm's own message is above", wanted, err)
	}
	fresh := r.programOf(dir)
	version := r.version(fresh)
	r.forget(fresh)
	if version == "" {
		return nil, fmt.Errorf("npm installed %s, but its program %s does not run", wanted, filepath.Base(fresh))
	}
	if err := os.RemoveAll(r.dirOf(name)); err != nil {
		return nil, err
	}
	if err := os.Rename(dir, r.dirOf(name)); err != nil {
		return nil, err
	}
	path := r.programOf(r.dirOf(name))
	r.forget(path)
	return &Interpreter{Family: sluice.NodeJS, Path: path, Version: version, Release: major, Exact: true, Installed: true}, nil
}

// Remove deletes what Install fetched for a runtime.
func (r *Resolver) Remove(name string) error {
	if err := installable(name); err != nil {
		return err
	}
	if r.DataDir == "" || r.installedPath(name) == "" {
		return fmt.Errorf("%s is not installed; sluice runtimes list shows what is", name)
	}
	r.forget(r.installedPath(name))
	return os.RemoveAll(r.dirOf(name))
}
