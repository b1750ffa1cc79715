package process

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// A private /tmp and /opt take a mount namespace, and mounting takes code that runs in
// the child before the command does. That code is this binary: started under
// the name initName it mounts and then becomes the command. It is an init
// function, not a subcommand, so that every program that links the driver, the
// tests included, has it, and so that it runs before anything slow does.
const initName = "sluice-sandbox-init"

func init() {
	if len(os.Args) > 0 && os.Args[0] == initName {
		err := runInit(os.Args[1:])
		fmt.Fprintln(os.Stderr, "sluice: private mounts:", err)
		os.Exit(126)
	}
}

// throughInit makes cmd run with the mounts. A user who is not root gets the right to
// mount from a user namespace in which everything else stays as it is.
func throughInit(cmd *exec.Cmd, m mounts) {
	args := []string{initName, m.tmp, m.opt}
	var kept []string
	for _, path := range m.visible {
		if strings.HasPrefix(path, "/tmp/") {
			kept = append(kept, path)
		}
	}
	args = append(args, strconv.Itoa(len(kept)))
	args = append(args, kept...)
	args = append(args, cmd.Path)
	cmd.Args = append(args, cmd.Args[1:]...)
	cmd.Path = "/proc/self/exe"
	attr := cmd.SysProcAttr
	attr.Cloneflags = unix.CLONE_NEWNS
	if uid, gid := os.Geteuid(), os.Getegid(); uid != 0 {
		attr.Cloneflags |= unix.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: uid, HostID: uid, Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: gid, HostID: gid, Size: 1}}
		attr.AmbientCaps = []uintptr{unix.CAP_SYS_ADMIN}
	}
}

// runInit mounts and becomes the command. It returns only on failure.
func runInit(args []string) error {
	runtime.LockOSThread()
	if len(args) < 4 {
		return fmt.Errorf("bad arguments %q", args)
	}
	tmp, opt := args[0], args[1]
	n, err := strconv.Atoi(args[2])
	if err != nil || len(args) < 4+n {
		return fmt.Errorf("bad arguments %q", args)
	}
	visible, command := args[3:3+n], args[3+n:]
	cwd, err := os.Getwd()
	if err != nil {
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if opt != "" { // first: the folder may lie below the /tmp that is covered next
		if err := unix.Mount(opt, "/opt", "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("bind %s over /opt: %w", opt, err)
		}
	}
	if err := coverTmp(tmp, visible); err != nil {
		return err
	}
	// The old working folder may lie below the covered /tmp.
	if err := os.Chdir(cwd); err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("drop capabilities: %w", err)
	}
	if err := limitResources(); err != nil {
		return err
	}
	if err := syscall.Exec(command[0], command, os.Environ()); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", command[0], err)
		os.Exit(126)
	}
	return nil
}

// maxFiles is how many files a process may have open on Lambda
// (docs/contract/execution-environment.md §6).
const maxFiles = 1024

func limitResources() error {
	for resource, limit := range map[int]uint64{unix.RLIMIT_NOFILE: maxFiles, unix.RLIMIT_CORE: 0} {
		var have unix.Rlimit
		if err := unix.Getrlimit(resource, &have); err != nil {
			return err
		}
		limit = min(limit, have.Max)
		if err := unix.Setrlimit(resource, &unix.Rlimit{Cur: limit, Max: limit}); err != nil {
			return fmt.Errorf("resource limit: %w", err)
		}
	}
	return nil
}

// coverTmp binds tmp over /tmp and the visible paths back into it.
func coverTmp(tmp string, visible []string) error {
	held := make([]int, len(visible))
	for i, path := range visible {
		fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("open %s: %w", path, err)
		}
		held[i] = fd
	}
	if err := unix.Mount(tmp, "/tmp", "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("bind %s over /tmp: %w", tmp, err)
	}
	for i, path := range visible {
		if err := bindBack(held[i], path); err != nil {
			return err
		}
	}
	return nil
}

func bindBack(fd int, path string) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	var err error
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		err = os.MkdirAll(path, 0o755)
	} else if err = os.MkdirAll(filepath.Dir(path), 0o755); err == nil {
		var f *os.File
		if f, err = os.OpenFile(path, os.O_CREATE|os.O_RDONLY, 0o644); err == nil {
			f.Close()
		}
	}
	if err != nil {
		return err
	}
	if err := unix.Mount("/proc/self/fd/"+strconv.Itoa(fd), path, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("bind %s: %w", path, err)
	}
	return nil
}

// canMount tries a private /tmp once. Kernels and containers that forbid
// user namespaces say no; then TMPDIR has to do.
func canMount() bool {
	dir, err := os.MkdirTemp("", "sluice-probe-")
	if err != nil {
		return false
	}
	defer os.Remove(dir)
	cmd := exec.Command("/bin/true")
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	throughInit(cmd, mounts{tmp: dir})
	return cmd.Run() == nil
}
