package serve

import (
	"context"
	"errors"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/environment"
	"github.com/sluice-run/sluice/internal/gobuild"
	"github.com/sluice-run/sluice/internal/launch"
	"github.com/sluice-run/sluice/internal/registry"
)

// runtime is how the process of a function is started.
func (s *Server) runtime(fn sluice.Function) (environment.Runtime, error) {
	in, err := s.launcher.Serves(fn.Runtime)
	if err != nil {
		return environment.Runtime{}, err
	}
	return s.launcher.Runtime(fn, in), nil
}

// image is how the process of a function with a container image is started
// (docs/contract/execution-environment.md §7).
func (s *Server) image(ctx context.Context, fn *sluice.Function, v *registry.Version) (environment.Runtime, error) {
	if s.images == nil {
		return environment.Runtime{}, errors.New("container images need the sandbox oci")
	}
	root, err := s.images.Root(ctx, v.Image.Resolved, v.Image.Digest, gobuild.Arch(fn.Architecture))
	if err != nil {
		return environment.Runtime{}, err
	}
	return launch.Image(fn, v.Image, v.ImageConfig, root), nil
}
