// Package e2e tests the built binary as its users meet it: real processes, real
// sockets, real clients. It runs when SLUICE_E2E is set (make e2e). SLUICE_BINARY
// names the binary; without it the tests build one.
package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// binary is the program under test.
var binary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if os.Getenv("SLUICE_E2E") == "" {
		fmt.Println("end-to-end tests run with 'make e2e'")
		return 0
	}
	binary = os.Getenv("SLUICE_BINARY")
	if binary == "" {
		dir, err := os.MkdirTemp("", "sluice-e2e-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "sluice")
		build := exec.Command("go", "build", "-o", binary, "../../cmd/sluice")
		build.Stdout, build.Stderr = os.Stdout, os.Stderr
		if err := build.Run(); err != nil {
			fmt.Fprintln(os.Stderr, "build of the binary:", err)
			return 1
		}
	}
	return m.Run()
}
