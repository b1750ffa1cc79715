package serve

import (
	"context"
	"fmt"

	"github.com/sluice-run/sluice/internal/config"
	"github.com/sluice-run/sluice/internal/sandbox"
	"github.com/sluice-run/sluice/internal/sandbox/oci"
	"github.com/sluice-run/sluice/internal/sandbox/process"
)

// chooseDriver returns the sandbox driver of a configuration, and in words what it is and
// why. Dir is for its files.
func chooseDriver(ctx context.Context, cfg config.Config, dir string) (driver sandbox.Driver, about string, err error) {
	if cfg.Sandbox == config.SandboxProcess {
		return process.New(), "process: functions have this user's rights", cfg.CheckUnsandboxed()
	}
	containers, failed := oci.New(ctx, oci.Options{Runtime: cfg.OCIRuntime, Dir: dir, Outbound: cfg.Outbound})
	switch {
	case failed == nil:
		about = "oci: containers by " + containers.Runtime()
		if cfg.Outbound {
			return containers, about + ", which may connect to the outside", nil
		}
		return containers, about + ", without outbound connections (--outbound allows them)", nil
	case cfg.Sandbox == config.SandboxOCI:
		return nil, "", fmt.Errorf("sandbox oci: %w", failed)
	}
	// A server that falls back must not do so where others count on the isolation.
	if err := cfg.CheckUnsandboxed(); err != nil {
		return nil, "", fmt.Errorf("%w. Containers don't work here: %w", err, failed)
	}
	return process.New(), fmt.Sprintf("process: functions have this user's rights; containers don't work here: %v", failed), nil
}
