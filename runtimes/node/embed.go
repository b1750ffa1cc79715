// Package node carries the managed Node.js runtime: the ES modules that run
// inside a function's process. README.md describes them.
package node

import "embed"

// Files holds the runtime; its entry is index.mjs. The modules import each
// other by relative path, so that they have to be written into one folder.
//
//go:embed *.mjs
var Files embed.FS
