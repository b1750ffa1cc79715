//go:build linux

package oci

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

// outbound is slirp4netns at work for one container: a network stack in user space
// between the container's only interface and this machine's sockets.
type outbound struct{ cmd *exec.Cmd }

// nameserver is where slirp4netns answers questions to DNS.
const nameserver = "10.0.2.3"

// connect lets the container connect to the outside, but not to this machine's own
// loopback.
func (d *Driver) connect(ctx context.Context, b *box) error {
	ready, theirs, err := os.Pipe()
	if err != nil {
		return err
	}
	defer ready.Close()
	said, err := os.OpenFile(b.said(), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		theirs.Close()
		return err
	}
	defer said.Close()
	cmd := exec.Command(d.slirp, "--configure", "--mtu=65520", "--disable-host-loopback", "--ready-fd=3", strconv.Itoa(b.pid), "tap0")
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = said, said, []*os.File{theirs}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	err = cmd.Start()
	theirs.Close()
	if err != nil {
		return fmt.Errorf("slirp4netns: %w", err)
	}
	b.outbound = &outbound{cmd}
	came := make(chan error, 1)
	go func() {
		_, err := io.ReadFull(ready, make([]byte, 1))
		came <- err
	}()
	select {
	case err = <-came:
	case <-ctx.Done():
		err = errors.New("it takes too long")
	}
	if err != nil {
		reason, _ := os.ReadFile(b.said())
		return fmt.Errorf("slirp4netns: %w: %s", err, lastLine(string(reason)))
	}
	return nil
}

func (o *outbound) close() {
	if o != nil {
		o.cmd.Process.Kill()
		o.cmd.Wait()
	}
}
