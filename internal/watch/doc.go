// Package watch tells which files changed. It reports every change at once, so
// that nobody is served code that is known to be stale, and the quiet after a
// burst of changes, so that work is done once for all of them.
package watch
