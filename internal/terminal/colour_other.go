//go:build !windows

package terminal

func understandsColour(uintptr) bool { return true }
