package launch

import (
	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/environment"
	"github.com/sluice-run/sluice/internal/registry"
	"github.com/sluice-run/sluice/internal/sandbox"
)

// Image returns how the process of fn is started from a container image whose files are
// in root: the image's ENTRYPOINT and CMD, or the function's own. The handler, which the
// process finds in _HANDLER, is the last argument if there are two; AWS does not say what
// it is there.
func Image(fn *sluice.Function, image *registry.Image, config *registry.ImageConfig, root string) environment.Runtime {
	entrypoint, command, dir := image.Entrypoint, image.Command, image.Dir
	if config != nil {
		// As with docker run, an entry point of one's own goes without the image's CMD.
		if len(config.EntryPoint) > 0 {
			entrypoint, command = config.EntryPoint, nil
		}
		if len(config.Command) > 0 {
			command = config.Command
		}
		if config.WorkingDirectory != "" {
			dir = config.WorkingDirectory
		}
	}
	all := append(append([]string(nil), entrypoint...), command...)
	if len(all) > 1 {
		fn.Handler = all[len(all)-1]
	}
	if dir == "" {
		dir = "/"
	}
	return environment.Runtime{
		Version: "image", WorkingDir: dir, Image: &sandbox.Image{Root: root}, Env: image.Env,
		Command: func(sandbox.Layout) []string { return all },
	}
}
