//go:build linux

package oci

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sluice-run/sluice/internal/sandbox"
	"github.com/sluice-run/sluice/internal/sandbox/sandboxtest"
)

// Code that wants out: each attempt fails, and the neighbour does not notice.

// neighbours are two sandboxes: one for the attacker, one with a secret.
func neighbours(t *testing.T) (attacker, victim *sandboxtest.Bench) {
	t.Helper()
	d := driver(t)
	attacker = sandboxtest.Open(t, d, func(s *sandbox.Spec) {
		s.TmpMB, s.MemoryMB = 32, 128
		for _, dir := range []string{s.Code, s.Runtime, s.Opt} { // so that nothing but the mount protects them
			if err := os.Chmod(dir, 0o777); err != nil {
				t.Fatal(err)
			}
		}
	})
	victim = sandboxtest.Open(t, d, func(s *sandbox.Spec) {
		s.Code = sandboxtest.Folder(t, map[string]string{"secret.txt": "the victim's code"})
	})
	victim.Expect("echo 'private' > /tmp/private", "")
	return attacker, victim
}

// fails runs a script that has to fail.
func fails(t *testing.T, b *sandboxtest.Bench, what, script string) {
	t.Helper()
	if out, exit := b.Run(script); exit == "" {
		t.Errorf("%s: %s\nsucceeded: %s", what, script, out)
	}
}

func TestFilesOfOthersAreOutOfReach(t *testing.T) {
	a, v := neighbours(t)
	for what, script := range map[string]string{
		"the victim's code":        "cat " + v.Spec.Code + "/secret.txt",
		"the victim's /tmp":        "cat /tmp/private " + v.Spec.Tmp + "/*",
		"passwords of the machine": "cat /etc/shadow",
		"root's home":              "ls /root/.ssh /root/.bashrc",
		"our own folders":          "ls " + a.Spec.Run,
		"files of the machine":     "ls /home /work /srv /mnt",
		"the machine's disks":      "mknod /tmp/disk b 254 0",
		"the machine's kernel":     "cat /proc/kcore | head -c1 | grep -q .",
		"write to the root":        "echo x > /file",
		"write to the code":        "echo x > /var/task/file",
		"write to programs":        "echo x > /usr/bin/file",
		"write to the layer":       "echo x > /opt/file",
		"write to the runtime":     "echo x > /var/runtime/file",
		"kernel settings":          "echo 1 > /proc/sys/kernel/panic",
		"control groups":           "ls /sys/fs/cgroup && mkdir /sys/fs/cgroup/x",
		"climb out by chroot":      "chroot /proc/1/root ls /",
		"the guest's root":         "ls /proc/1/root/",
		"the guest's descriptors":  "ls -l /proc/1/fd && ls /proc/1/fd/3",
		"the guest's memory":       "head -c1 /proc/1/mem",
	} {
		fails(t, a, what, script)
	}
	a.Expect(`awk '$5 == "/" || $5 == "/usr" { print $5, substr($6, 1, 2) }' /proc/self/mountinfo`, "/ ro\n/usr ro\n")
	v.Expect("cat /tmp/private", "private\n")
}

func TestPrivilegesCantBeHad(t *testing.T) {
	a, _ := neighbours(t)
	a.Expect("grep -E 'Cap(Eff|Prm|Bnd|Amb)|NoNewPrivs|Seccomp:' /proc/self/status | tr -d '\\t\\n'",
		"CapPrm:0000000000000000CapEff:0000000000000000CapBnd:0000000000000000CapAmb:0000000000000000NoNewPrivs:1Seccomp:2")
	a.Expect("id -u; id -g", "993\n990\n")
	for what, script := range map[string]string{
		"mount":            "mount -t tmpfs none /tmp",
		"a user namespace": "unshare -U true",
		"namespaces":       "unshare -n true",
		"another user":     "su root -c true",
		"raw sockets":      "python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)'",
		"the clock":        "date -s 2020-01-01",
		"the host's name":  "hostname other",
		"more priority":    "nice -n -5 true 2>&1 | grep -q . && false",
	} {
		fails(t, a, what, script)
	}
}

func TestTheNetworkIsItsOwn(t *testing.T) {
	a, v := neighbours(t)
	l, err := net.Listen("tcp", "127.0.0.1:0") // the Lambda API, say
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, listener := range v.Box.Listeners() {
		go func() {
			conn, err := listener.Accept()
			if err == nil {
				t.Errorf("the victim's Runtime API was reached over %s", listener.Addr().Network())
				conn.Close()
			}
		}()
	}
	connect := func(address string, port int) string {
		return fmt.Sprintf("exec bash -c 'exec 4<>/dev/tcp/%s/%d'", address, port)
	}
	port := l.Addr().(*net.TCPAddr).Port
	fails(t, a, "the machine's loopback", connect("127.0.0.1", port))
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range addresses {
		if ip, _, err := net.ParseCIDR(address.String()); err == nil && ip.To4() != nil && !ip.IsLoopback() {
			fails(t, a, "the machine's address", connect(ip.String(), port))
		}
	}
	fails(t, a, "the outside", connect("192.0.2.1", 80))
	// Its own Runtime API answers at the same address as the victim's.
	for _, listener := range a.Box.Listeners() {
		go func() {
			if conn, err := listener.Accept(); err == nil {
				io.WriteString(conn, "my own")
				conn.Close()
			}
		}()
	}
	a.Expect("exec bash -c 'exec 4<>/dev/tcp/127.0.0.1/9001; cat <&4'", "my own")
}

func TestProcessesOfOthersAreOutOfReach(t *testing.T) {
	a, v := neighbours(t)
	_, r := v.Start("echo up; SECRET=x exec sleep 604")
	r.ReadString('\n')
	out, _ := a.Run("ls /proc | grep -c '^[0-9]'")
	var count int
	if fmt.Sscan(out, &count); count > 6 {
		t.Errorf("%d processes are to be seen", count)
	}
	fails(t, a, "signals to the machine's processes", fmt.Sprintf("kill -0 %d", os.Getpid()))
	fails(t, a, "the guest", "kill -KILL 1; kill -0 1 && kill -STOP 1; cat /proc/1/environ")
	v.Expect("echo alive", "alive\n")
	a.Expect("echo alive too", "alive too\n")
}

func TestAForkBombHurtsNobodyElse(t *testing.T) {
	a, v := neighbours(t)
	// A sandbox that is full of processes may end altogether: its guest needs some too.
	full := sandboxtest.Open(t, driver(t), nil)
	out, exit := full.Run(`i=0; while [ $i -lt 1500 ]; do sleep 605 & i=$((i + 1)); done 2>&1 | head -1; ls /proc | grep -c '^[0-9]'`)
	if !strings.Contains(out, "fork") && exit != "signal: killed" {
		t.Errorf("1500 processes could be started: %s", out)
	}
	p, _ := a.Start(`f() { f | f & }; f; sleep 600`)
	began := time.Now()
	for time.Since(began) < time.Second {
		v.Expect("sh -c 'echo fine'", "fine\n")
	}
	a.Close()
	<-p.Done()
	v.Expect("echo still fine", "still fine\n")
}

func TestADiskCantBeFilled(t *testing.T) {
	a, v := neighbours(t)
	out, exit := a.Run("dd if=/dev/zero of=/tmp/big bs=1M count=200; ls -s --block-size=1M /tmp/big | cut -d' ' -f1")
	if exit != "" || !strings.Contains(out, "No space left on device") {
		t.Errorf("%q %q", out, exit)
	}
	var used int
	lines := strings.Fields(out)
	if fmt.Sscan(lines[len(lines)-1], &used); used < 20 || used > 32 {
		t.Errorf("/tmp of 32 MB holds a file of %d MB", used)
	}
	for what, dir := range map[string]string{"memory files": "/dev/shm", "run": "/run"} {
		a.Run("dd if=/dev/zero of=" + dir + "/big bs=1M count=200")
		out, _ := a.Run("du -sm " + dir + " | cut -f1")
		if fmt.Sscan(out, &used); used > 65 {
			t.Errorf("%s hold %d MB", what, used)
		}
	}
	v.Expect("dd if=/dev/zero of=/tmp/big bs=1M count=10 2>/dev/null && echo fits", "fits\n")
}

func TestMemoryCantBeExhausted(t *testing.T) {
	a, v := neighbours(t)
	_, exit := a.Run(`exec python3 -c '
blocks = []
while True:
    blocks.append(bytearray(8 << 20))'`)
	if exit != "signal: killed" {
		t.Errorf("ended with %q", exit)
	}
	if peak := a.Box.PeakMemory(); peak < 100<<20 || peak > 160<<20 {
		t.Errorf("the peak of 128 MB was %d MB", peak>>20)
	}
	a.Expect("echo usable", "usable\n")
	v.Expect("echo fine", "fine\n")
}

func TestTmpIsKeptFromOneSandboxToTheNext(t *testing.T) {
	d := driver(t)
	tmp := sandboxtest.Folder(t, nil)
	first := sandboxtest.Open(t, d, func(s *sandbox.Spec) { s.Tmp = tmp })
	first.Expect("echo kept > /tmp/file", "")
	first.Close()
	sandboxtest.Open(t, d, func(s *sandbox.Spec) { s.Tmp = tmp }).Expect("cat /tmp/file", "kept\n")
}

// Whoever took the guest over could say anything to the host.
func TestWhatTheGuestSaysIsNotTrusted(t *testing.T) {
	for name, say := range map[string]func(fd int){
		"nonsense":       func(fd int) { unix.Write(fd, []byte("{nonsense")) },
		"a long message": func(fd int) { unix.Write(fd, bytes.Repeat([]byte(" "), maxMessage+1)) },
		"unknown requests": func(fd int) {
			send(fd, message{Op: "exited", Process: 4711})
			send(fd, message{ID: 4711})
			unix.Close(fd)
		},
		"files nobody wants": func(fd int) {
			for range 50 {
				send(fd, message{Op: "exited", Process: 1}, 0, 0, 0)
			}
			unix.Close(fd)
		},
		"an answer without files": func(fd int) { send(fd, message{ID: 1}); unix.Close(fd) },
	} {
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		unix.SetsockoptInt(pair[1], unix.SOL_SOCKET, unix.SO_SNDBUF, 1<<20)
		b := &box{control: pair[0], processes: map[int]*process{}, answers: map[int]chan answer{}, gone: make(chan struct{})}
		go b.read()
		go say(pair[1])
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		if conn, err := b.Dial(ctx, 80); err == nil {
			conn.Close()
			t.Errorf("%s: there is a connection", name)
		} else if ctx.Err() != nil {
			t.Errorf("%s: the host waits for ever", name)
		}
		cancel()
		unix.Shutdown(pair[0], unix.SHUT_RDWR)
		<-b.gone
		unix.Close(pair[0])
	}
}
