//go:build linux

package oci

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// controlFD is the guest's end of the socket.
	controlFD = 3
	// apiAddress and apiSocket are where the Runtime API is inside of a container, as
	// on Lambda.
	apiAddress = "127.0.0.1:9001"
	apiSocket  = "/run/runtime"
)

func init() {
	if len(os.Args) > 0 && os.Args[0] == guestPath {
		if err := runGuest(); err != nil {
			fmt.Fprintln(os.Stderr, "sluice: sandbox:", err)
		}
		os.Exit(1)
	}
}

// guest is the first process of a container.
type guest struct {
	mu sync.Mutex
	// running are the process ids by request, and requests the other way round.
	running, requests map[int]int
}

// runGuest obeys until the host is gone, and with it the container.
func runGuest() error {
	// Neither memory nor descriptors of this process are for those it starts.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return err
	}
	unix.CloseOnExec(controlFD)
	unixListener, err := net.Listen("unix", apiSocket)
	if err != nil {
		return err
	}
	tcp, err := net.Listen("tcp", apiAddress)
	if err != nil {
		return err
	}
	if err := offer(unixListener.(*net.UnixListener), tcp.(*net.TCPListener)); err != nil {
		return err
	}
	g := &guest{running: map[int]int{}, requests: map[int]int{}}
	exits := make(chan os.Signal, 1)
	signal.Notify(exits, unix.SIGCHLD)
	go g.reap(exits)
	buf := make([]byte, maxMessage)
	for {
		m, files, err := receive(controlFD, buf)
		if err != nil {
			return nil // the host is gone
		}
		switch m.Op {
		case "start":
			g.start(m, files)
		case "signal":
			g.signal(m)
		case "dial":
			go dial(m)
		}
		closeAll(files)
	}
}

// offer hands the listeners out. This process keeps none of them.
func offer(u *net.UnixListener, t *net.TCPListener) error {
	u.SetUnlinkOnClose(false)
	uf, err := u.File()
	if err != nil {
		return err
	}
	tf, err := t.File()
	if err != nil {
		return err
	}
	defer closeAll([]*os.File{uf, tf})
	u.Close()
	t.Close()
	return send(controlFD, message{Op: "ready"}, int(uf.Fd()), int(tf.Fd()))
}

// start starts a command with the files that came along as its first descriptors.
func (g *guest) start(m message, files []*os.File) {
	program, kind, err := check(m)
	if err == nil {
		var fds []uintptr
		for _, f := range files {
			fds = append(fds, f.Fd())
		}
		g.mu.Lock()
		var pid int
		pid, err = syscall.ForkExec(program, m.Args, &syscall.ProcAttr{Dir: m.Dir, Env: m.Env, Files: fds, Sys: &syscall.SysProcAttr{Setpgid: true}})
		if err == nil {
			g.running[m.ID], g.requests[pid] = pid, m.ID
		} else {
			kind, err = "Runtime.InvalidEntrypoint", fmt.Errorf("%s: %w", m.Args[0], err)
		}
		g.mu.Unlock() // and the exit can be told, after the answer or before
	}
	answer := message{ID: m.ID}
	if err != nil {
		answer.Error, answer.Kind = err.Error(), kind
	}
	send(controlFD, answer)
}

// check finds the program, and the mistakes that have a name of the platform's.
func check(m message) (program, kind string, err error) {
	info, err := os.Stat(m.Dir)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s is not a folder", m.Dir)
	}
	if err != nil {
		return "", "Runtime.InvalidWorkingDir", err
	}
	if len(m.Args) == 0 {
		return "", "Runtime.InvalidEntrypoint", errors.New("there is no command")
	}
	program = lookUp(m.Args[0], m.Dir, m.Env)
	if info, err = os.Stat(program); err == nil && (info.IsDir() || info.Mode()&0o111 == 0) {
		err = fmt.Errorf("%s is no program that may be run", program)
	}
	if err != nil {
		return "", "Runtime.InvalidEntrypoint", err
	}
	return program, "", nil
}

// lookUp finds a program as a shell would: images often name theirs without a path.
func lookUp(name, dir string, env []string) string {
	switch {
	case filepath.IsAbs(name):
		return name
	case strings.Contains(name, "/"):
		return filepath.Join(dir, name)
	}
	for _, kv := range env {
		path, isPath := strings.CutPrefix(kv, "PATH=")
		if !isPath {
			continue
		}
		for _, folder := range filepath.SplitList(path) {
			file := filepath.Join(folder, name)
			if info, err := os.Stat(file); err == nil && !info.IsDir() && info.Mode()&0o111 != 0 {
				return file
			}
		}
	}
	return name
}

func (g *guest) signal(m message) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if pid := g.running[m.Process]; pid > 0 {
		syscall.Kill(-pid, syscall.Signal(m.Signal))
	}
}

// reap takes the exit of every process, for all that nobody waits for become children of
// the first process.
func (g *guest) reap(exits <-chan os.Signal) {
	for range exits {
		for {
			var status syscall.WaitStatus
			pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
			if errors.Is(err, syscall.EINTR) {
				continue
			}
			if err != nil || pid == 0 {
				break
			}
			if status.Exited() || status.Signaled() {
				g.ended(pid, status)
			}
		}
	}
}

func (g *guest) ended(pid int, status syscall.WaitStatus) {
	g.mu.Lock()
	id, known := g.requests[pid]
	if known {
		delete(g.requests, pid)
		delete(g.running, id)
		syscall.Kill(-pid, syscall.SIGKILL) // what is left of its group
	}
	g.mu.Unlock()
	if known {
		send(controlFD, message{Op: "exited", Process: id, Exit: describe(status)})
	}
}

// describe words an exit as Go does.
func describe(status syscall.WaitStatus) string {
	switch {
	case status.Signaled():
		return "signal: " + status.Signal().String()
	case status.ExitStatus() != 0:
		return "exit status " + strconv.Itoa(status.ExitStatus())
	}
	return ""
}

// dialTimeout bounds how long a port may take to answer.
const dialTimeout = 5 * time.Second

// dial connects to a port of the container and hands the connection out.
func dial(m message) {
	answer := message{ID: m.ID}
	ctx, cancel := context.WithTimeout(context.Background(), dialTimeout)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(m.Port)))
	if err == nil {
		var f *os.File
		if f, err = conn.(*net.TCPConn).File(); err == nil {
			send(controlFD, answer, int(f.Fd()))
			f.Close()
		}
		conn.Close()
	}
	if err != nil {
		answer.Error = err.Error()
		send(controlFD, answer)
	}
}

// guestProgram is this binary, which a container runs as its first process.
func guestProgram() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(strings.TrimSuffix(path, " (deleted)"))
}
