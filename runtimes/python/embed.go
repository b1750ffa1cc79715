// Package python carries the managed Python runtime: the modules that run
// inside a function's process. README.md describes them.
package python

import "embed"

// Files holds the runtime; its entry is bootstrap.py. The modules find each
// other by their places, so that the tree has to be written as it is.
//
//go:embed *.py sluice_runtime/*.py
var Files embed.FS
