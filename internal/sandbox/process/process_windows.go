package process

import (
	"os"
	"os/exec"
	"syscall"
)

func isolate(cmd *exec.Cmd, _ mounts) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

func canMount() bool { return false }

func waitLeader(p *proc) error {
	err := p.cmd.Wait()
	p.mu.Lock()
	p.reaped = true
	p.mu.Unlock()
	return err
}

// Signal ends the process: Windows knows no other signal.
func (p *proc) Signal(os.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reaped {
		return nil
	}
	return p.cmd.Process.Kill()
}

// peakMemory is unknown on Windows.
func (p *proc) peakMemory() int64 { return 0 }

func killStrays(string) {}
