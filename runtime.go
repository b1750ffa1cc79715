package sluice

import (
	"slices"
	"strings"
)

// RuntimeFamily is what a runtime is served with.
type RuntimeFamily string

// The families that are served.
const (
	// NodeJS and Python are managed runtimes: an interpreter and our bootstrap.
	NodeJS RuntimeFamily = "nodejs"
	Python RuntimeFamily = "python"
	// OSOnly runtimes start a program of the function's own.
	OSOnly RuntimeFamily = "provided"
)

// Go1x is the runtime whose program has the handler's name.
const Go1x = "go1.x"

// Runtimes are the identifiers of the runtimes that are served, each family's oldest
// first.
var Runtimes = []string{
	"nodejs18.x", "nodejs20.x", "nodejs22.x", "nodejs24.x",
	"python3.10", "python3.11", "python3.12", "python3.13", "python3.14",
	Go1x, "provided", "provided.al2", "provided.al2023",
}

// FamilyOf returns the family of a runtime, "" if it is not served.
func FamilyOf(runtime string) RuntimeFamily {
	switch {
	case !slices.Contains(Runtimes, runtime):
		return ""
	case strings.HasPrefix(runtime, string(NodeJS)):
		return NodeJS
	case strings.HasPrefix(runtime, string(Python)):
		return Python
	}
	return OSOnly
}
