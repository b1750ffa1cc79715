package process

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// isolate puts cmd into a process group, ties its life to ours, and gives it a
// /tmp and an /opt of its own in a mount namespace.
func isolate(cmd *exec.Cmd, m mounts) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if m.tmp != "" {
		throughInit(cmd, m)
	}
}

// killStrays kills the processes whose environment has that entry.
func killStrays(entry string) {
	wanted := []byte(entry + "\x00")
	all, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, file := range all {
		environ, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(environ, wanted) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil {
			unix.Kill(pid, unix.SIGKILL)
		}
	}
}

// waitLeader waits for the command, kills what is left of its process group
// while the leader is still a zombie, so that the group id can't be somebody
// else's, and then reaps it.
func waitLeader(p *proc) error {
	pid := p.cmd.Process.Pid
	awaitExit(pid)
	p.mu.Lock()
	unix.Kill(-pid, unix.SIGKILL)
	p.reaped = true
	p.mu.Unlock()
	err := p.cmd.Wait()
	if ru, ok := p.cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		p.mu.Lock()
		p.peak = max(p.peak, ru.Maxrss<<10)
		p.mu.Unlock()
	}
	return err
}

func awaitExit(pid int) {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// residentPeak reads VmHWM of /proc/<pid>/status.
func residentPeak(pid int) int64 {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0
	}
	_, rest, ok := bytes.Cut(status, []byte("VmHWM:"))
	if !ok {
		return 0
	}
	fields := bytes.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	kb, _ := strconv.ParseInt(string(fields[0]), 10, 64)
	return kb << 10
}
