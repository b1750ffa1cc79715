//go:build linux

package oci

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	runc "github.com/containerd/go-runc"
	"golang.org/x/sys/unix"

	"github.com/sluice-run/sluice/internal/sandbox"
)

// Driver runs containers.
type Driver struct {
	o    Options
	runc *runc.Runc
	root *root
	// guest and slirp are paths of programs.
	guest, slirp string
}

var _ sandbox.Driver = (*Driver)(nil)

// probeTimeout bounds the first container.
const probeTimeout = 30 * time.Second

// New returns a driver that has run a container; the error says why none can be.
func New(ctx context.Context, o Options) (*Driver, error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("containers need the rights of root")
	}
	candidates := []string{o.Runtime}
	if o.Runtime == "" {
		candidates = []string{"crun", "runc"}
	}
	var reasons []error
	for _, name := range candidates {
		d, err := newDriver(ctx, o, name)
		if err == nil {
			return d, nil
		}
		reasons = append(reasons, fmt.Errorf("%s: %w", name, err))
	}
	return nil, errors.Join(reasons...)
}

func newDriver(ctx context.Context, o Options, name string) (*Driver, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return nil, errors.New("not found on the PATH")
	}
	d := &Driver{o: o}
	if d.guest, err = guestProgram(); err != nil {
		return nil, err
	}
	if o.Outbound {
		if d.slirp, err = exec.LookPath("slirp4netns"); err != nil {
			return nil, errors.New("outbound connections need slirp4netns, which is not on the PATH")
		}
	}
	state := filepath.Join(o.Dir, "oci-"+filepath.Base(path))
	if err := os.MkdirAll(state, 0o711); err != nil {
		return nil, err
	}
	d.runc = &runc.Runc{Command: path, Root: filepath.Join(state, "state")}
	if d.root, err = newRoot(filepath.Join(state, "root"), o.Outbound); err != nil {
		return nil, err
	}
	removeDeadGroups()
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	return d, d.probe(ctx, state)
}

// probe runs a container to its end.
func (d *Driver) probe(ctx context.Context, dir string) error {
	run, err := os.MkdirTemp(dir, "probe")
	if err != nil {
		return err
	}
	defer os.RemoveAll(run)
	b, err := d.Open(ctx, sandbox.Spec{Run: run, MemoryMB: 128})
	if err != nil {
		return err
	}
	defer func() {
		b.Close()
		for _, l := range b.Listeners() {
			l.Close()
		}
	}()
	p, err := b.Start(ctx, sandbox.Command{Args: []string{"/bin/true"}, Dir: "/"})
	if err != nil {
		return err
	}
	select {
	case <-p.Done():
	case <-ctx.Done():
		return ctx.Err()
	}
	if exit := p.Exit(); exit != "" {
		return fmt.Errorf("a command in a container ended with %s", exit)
	}
	return nil
}

// Name is "oci".
func (d *Driver) Name() string { return "oci" }

// Runtime is the name of the OCI runtime.
func (d *Driver) Runtime() string { return filepath.Base(d.runc.Command) }

// Capabilities: sandboxes are isolated.
func (d *Driver) Capabilities() sandbox.Capabilities { return sandbox.Capabilities{Isolated: true} }

// Open starts a container with nothing in it but the guest.
func (d *Driver) Open(ctx context.Context, spec sandbox.Spec) (_ sandbox.Sandbox, err error) {
	var b [8]byte
	rand.Read(b[:])
	box := &box{driver: d, id: groupPrefix + strconv.Itoa(os.Getpid()) + "-" + hex.EncodeToString(b[:]), run: spec.Run, processes: map[int]*process{}, answers: map[int]chan answer{}, gone: make(chan struct{})}
	box.layout = sandbox.Layout{Task: "/var/task", Runtime: "/var/runtime", Tmp: "/tmp", API: apiAddress, Socket: apiSocket}
	if spec.Opt != "" {
		box.layout.Opt = "/opt"
	}
	defer func() {
		if err != nil {
			box.discard()
		}
	}()
	config, err := d.config(box.id, spec, &box.tmp)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(config)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(spec.Run, "config.json"), text, 0o600); err != nil {
		return nil, err
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	box.control = pair[0]
	theirs := os.NewFile(uintptr(pair[1]), "control")
	defer theirs.Close()
	if err := d.run(ctx, box, theirs); err != nil {
		return nil, err
	}
	return box, box.greet(ctx)
}

// run starts the container.
func (d *Driver) run(ctx context.Context, b *box, control *os.File) error {
	said, err := os.CreateTemp(b.run, "said")
	if err != nil {
		return err
	}
	defer said.Close()
	pidFile := filepath.Join(b.run, "pid")
	b.created = true
	_, err = d.runc.Run(ctx, b.id, b.run, &runc.CreateOpts{Detach: true, PidFile: pidFile, ExtraFiles: []*os.File{control}, IO: fileIO{said}})
	if err != nil {
		reason, _ := os.ReadFile(said.Name())
		return fmt.Errorf("%s: %w: %s", d.Runtime(), err, lastLine(string(reason)))
	}
	text, err := os.ReadFile(pidFile)
	if err != nil {
		return err
	}
	if b.pid, err = strconv.Atoi(strings.TrimSpace(string(text))); err != nil {
		return err
	}
	b.group.find(b.pid)
	if d.slirp != "" {
		return d.connect(ctx, b)
	}
	return nil
}

// fileIO gives the runtime, and after it the guest, one file for what they say.
type fileIO struct{ out *os.File }

var _ runc.IO = fileIO{}

func (fileIO) Close() error          { return nil }
func (fileIO) Stdin() io.WriteCloser { return nil }
func (fileIO) Stdout() io.ReadCloser { return nil }
func (fileIO) Stderr() io.ReadCloser { return nil }
func (f fileIO) Set(cmd *exec.Cmd)   { cmd.Stdout, cmd.Stderr = f.out, f.out }

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}
