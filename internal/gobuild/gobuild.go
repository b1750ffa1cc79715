// Package gobuild compiles Go functions with the Go of this machine, as `sam build`
// does.
package gobuild

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Spec says what to build.
type Spec struct {
	// Dir is the folder of the main package.
	Dir string
	// OS and Arch are Go's names, "linux" and "amd64".
	OS, Arch string
	// Out is the path of the program.
	Out string
}

// Failure is code that does not compile; Diagnostic is what the compiler said.
type Failure struct{ Diagnostic string }

func (f *Failure) Error() string { return f.Diagnostic }

// ErrNoGo: the code has to be built, and there is no Go on this machine.
var ErrNoGo = errors.New("the code is Go, and there is no go command on the PATH to build it; install Go from https://go.dev/dl/, or put the built program, named bootstrap, into the folder")

// IsSource tells whether a folder holds Go code and no program.
func IsSource(dir, program string) bool {
	if _, err := os.Stat(filepath.Join(dir, program)); err == nil {
		return false
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*.go"))
	return len(files) > 0
}

// Arch is Go's name of one of Lambda's architectures.
func Arch(architecture string) string {
	if architecture == "arm64" {
		return "arm64"
	}
	return "amd64"
}

// Build compiles. Mistakes in the code are a *Failure.
func Build(ctx context.Context, s Spec) error {
	tool, err := exec.LookPath("go")
	if err != nil {
		return ErrNoGo
	}
	cmd := exec.CommandContext(ctx, tool, "build", "-o", s.Out, ".")
	cmd.Dir = s.Dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+s.OS, "GOARCH="+s.Arch)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return &Failure{"go build: " + strings.TrimSpace(said.String())}
	case err != nil:
		return fmt.Errorf("go build: %w", err)
	}
	return nil
}
