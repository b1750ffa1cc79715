// Package runtimes says which program serves a runtime such as "nodejs22.x": a
// node on the PATH of the same major, one that Install fetched, or, with a
// warning, another major. It also puts the bootstraps that are embedded in the
// binary on disk, where those programs can read them.
package runtimes
