// Package python holds the managed Python runtime as files.
package python

import "embed"

// Files are the runtime: bootstrap.py is what is started.
//
//go:embed *.py sluice_runtime/*.py
var Files embed.FS
