//go:build unix

package process

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Signal sends sig to the process group.
func (p *proc) Signal(sig os.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reaped {
		return nil
	}
	err := unix.Kill(-p.cmd.Process.Pid, sig.(syscall.Signal))
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	return err
}

// peakMemory reads the high-water mark of the command's resident memory.
func (p *proc) peakMemory() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.reaped {
		p.peak = max(p.peak, residentPeak(p.cmd.Process.Pid))
	}
	return p.peak
}
