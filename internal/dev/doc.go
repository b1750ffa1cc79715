// Package dev is `sluice dev`: it keeps a project live. A project is a template,
// a folder with one, or a single handler file; its functions are built when they
// are needed, served at their Function URLs, and follow their files.
package dev
