package config

import (
	"path/filepath"
	"strings"
)

// dataFolder returns the folder for a user's state, or "" if the user has no
// home: $XDG_DATA_HOME/sluice or ~/.local/share/sluice, on macOS
// ~/Library/Application Support/sluice, on Windows %LocalAppData%\sluice.
// XDG_DATA_HOME counts on every system that sets it, and, as its specification
// asks, only if absolute.
func dataFolder(goos string, env map[string]string) string {
	if xdg := env["XDG_DATA_HOME"]; filepath.IsAbs(xdg) {
		return filepath.Join(xdg, "sluice")
	}
	if goos == "windows" {
		if local := env["LocalAppData"]; local != "" {
			return filepath.Join(local, "sluice")
		}
	}
	switch home := homeFolder(goos, env); {
	case home == "":
		return ""
	case goos == "darwin":
		return filepath.Join(home, "Library", "Application Support", "sluice")
	case goos == "windows":
		return filepath.Join(home, "AppData", "Local", "sluice")
	default:
		return filepath.Join(home, ".local", "share", "sluice")
	}
}

func homeFolder(goos string, env map[string]string) string {
	if goos == "windows" {
		return env["USERPROFILE"]
	}
	return env["HOME"]
}

// resolve makes path absolute: a leading "~/" is the user's home, anything else
// relative starts at base.
func resolve(path, base, home string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok && home != "" {
		return filepath.Join(home, rest)
	}
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(base, path)
}
