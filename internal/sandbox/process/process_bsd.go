//go:build unix && !linux

package process

import (
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

func isolate(cmd *exec.Cmd, _ mounts) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}

func canMount() bool { return false }

// killStrays can't look at the environment of other processes here.
func killStrays(string) {}

// waitLeader waits for the command and kills what is left of its process group.
func waitLeader(p *proc) error {
	err := p.cmd.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reaped = true
	unix.Kill(-p.cmd.Process.Pid, unix.SIGKILL)
	if ru, ok := p.cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		p.peak = max(p.peak, maxRSS(ru))
	}
	return err
}

// residentPeak is unknown while the process runs.
func residentPeak(int) int64 { return 0 }

func maxRSS(ru *syscall.Rusage) int64 {
	if runtime.GOOS == "darwin" {
		return ru.Maxrss // bytes
	}
	return ru.Maxrss << 10
}
