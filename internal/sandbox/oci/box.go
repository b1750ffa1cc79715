//go:build linux

package oci

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	runc "github.com/containerd/go-runc"
	"golang.org/x/sys/unix"

	"github.com/sluice-run/sluice/internal/sandbox"
)

// box is one container.
type box struct {
	driver *Driver
	id     string
	run    string
	layout sandbox.Layout
	// created tells that the runtime knows the container; pid is the guest's, as this
	// machine counts.
	created bool
	pid     int
	group   groups
	tmp     tmpImage
	// outbound is the program that connects the container, nil without.
	outbound  *outbound
	listeners []net.Listener

	// sending guards the order of packets, control the socket; -1 once closed.
	sending sync.Mutex
	control int

	mu        sync.Mutex
	lastID    int
	processes map[int]*process
	answers   map[int]chan answer
	closed    bool
	reading   bool
	// gone is closed when the guest is.
	gone      chan struct{}
	closeOnce sync.Once
}

// answer is what the guest says to a request.
type answer struct {
	message
	files []*os.File
}

// greet takes the listeners from a guest that has come up, and starts to read what it
// says.
func (b *box) greet(ctx context.Context) error {
	deadline, bounded := ctx.Deadline()
	if !bounded {
		deadline = time.Now().Add(probeTimeout)
	}
	limit := unix.NsecToTimeval(int64(time.Until(deadline)))
	unix.SetsockoptTimeval(b.control, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit)
	m, files, err := receive(b.control, make([]byte, maxMessage))
	defer closeAll(files)
	if err != nil || m.Op != "ready" || len(files) != 2 {
		said, _ := os.ReadFile(b.said())
		return fmt.Errorf("the container did not come up: %v %s", err, lastLine(string(said)))
	}
	unix.SetsockoptTimeval(b.control, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{})
	for _, f := range files {
		l, err := net.FileListener(f)
		if err != nil {
			return fmt.Errorf("listener of the container: %w", err)
		}
		if u, ok := l.(*net.UnixListener); ok {
			u.SetUnlinkOnClose(false) // the path is the container's
		}
		b.listeners = append(b.listeners, l)
	}
	b.reading = true
	go b.read()
	return nil
}

// said is the file with what runtime and guest print.
func (b *box) said() string {
	all, _ := filepath.Glob(filepath.Join(b.run, "said*"))
	if len(all) == 0 {
		return ""
	}
	return all[0]
}

// read takes what the guest says until it is gone.
func (b *box) read() {
	defer close(b.gone)
	buf := make([]byte, maxMessage)
	for {
		m, files, err := receive(b.control, buf)
		if err != nil {
			break
		}
		b.mu.Lock()
		waiting := b.answers[m.ID]
		if m.Op == "" && waiting != nil {
			delete(b.answers, m.ID)
			waiting <- answer{m, files}
			b.mu.Unlock()
			continue
		}
		p := b.processes[m.Process]
		b.mu.Unlock()
		closeAll(files)
		if m.Op == "exited" && p != nil {
			p.end(m.Exit)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	for id, waiting := range b.answers {
		delete(b.answers, id)
		waiting <- answer{message: message{Error: "the sandbox is gone"}}
	}
	for _, p := range b.processes {
		p.end("signal: killed")
	}
}

// ask sends a request and waits for its answer; the files stay the caller's.
func (b *box) ask(ctx context.Context, m message, files ...int) (answer, error) {
	waiting := make(chan answer, 1)
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return answer{}, errors.New("the sandbox is closed")
	}
	b.lastID++
	m.ID = b.lastID
	b.answers[m.ID] = waiting
	if m.Op == "start" {
		// Before the answer: a process may end before it is told that it started.
		b.processes[m.ID] = &process{box: b, id: m.ID, done: make(chan struct{})}
	}
	b.mu.Unlock()
	if err := b.send(m, files...); err != nil {
		b.forget(m.ID)
		return answer{}, err
	}
	select {
	case a := <-waiting:
		if a.Error != "" {
			b.forget(m.ID)
		}
		a.message.ID = m.ID
		return a, nil
	case <-ctx.Done():
		b.forget(m.ID)
		return answer{}, ctx.Err()
	}
}

func (b *box) forget(id int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.answers, id)
	delete(b.processes, id)
}

func (b *box) send(m message, files ...int) error {
	b.sending.Lock()
	defer b.sending.Unlock()
	if b.control < 0 {
		return errors.New("the sandbox is closed")
	}
	return send(b.control, m, files...)
}

func (b *box) Layout() sandbox.Layout { return b.layout }

func (b *box) Listeners() []net.Listener { return b.listeners }

// Start starts a command through the guest.
func (b *box) Start(ctx context.Context, c sandbox.Command) (sandbox.Process, error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	fds := []int{int(null.Fd())}
	for _, f := range append([]*os.File{c.Stdout, c.Stderr}, c.Files...) {
		if f == nil {
			f = null
		}
		fds = append(fds, int(f.Fd()))
	}
	a, err := b.ask(ctx, message{Op: "start", Args: c.Args, Dir: c.Dir, Env: c.Env}, fds...)
	closeAll(a.files)
	switch {
	case err != nil:
		return nil, err
	case a.Error != "" && a.Kind != "":
		return nil, &sandbox.StartError{Type: a.Kind, Err: errors.New(a.Error)}
	case a.Error != "":
		return nil, errors.New(a.Error)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.processes[a.message.ID], nil
}

// Dial connects through the guest.
func (b *box) Dial(ctx context.Context, port int) (net.Conn, error) {
	a, err := b.ask(ctx, message{Op: "dial", Port: port})
	defer closeAll(a.files)
	switch {
	case err != nil:
		return nil, err
	case a.Error != "":
		return nil, errors.New(a.Error)
	case len(a.files) != 1:
		return nil, errors.New("the sandbox sent no connection")
	}
	return net.FileConn(a.files[0])
}

// Kill ends the guest and with it its process id namespace.
func (b *box) Kill() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	if b.pid > 0 {
		unix.Kill(b.pid, unix.SIGKILL)
	}
}

// deleteTimeout bounds the removal of a container.
const deleteTimeout = 30 * time.Second

func (b *box) Close() {
	b.closeOnce.Do(func() {
		b.group.sample()
		b.Kill()
		b.discard()
	})
}

// discard removes what there is of a container, which may have come up in part.
func (b *box) discard() {
	if b.control > 0 {
		unix.Shutdown(b.control, unix.SHUT_RDWR)
	}
	if b.created {
		ctx, cancel := context.WithTimeout(context.Background(), deleteTimeout)
		b.driver.runc.Delete(ctx, b.id, &runc.DeleteOpts{Force: true})
		cancel()
	}
	if b.reading {
		<-b.gone
	}
	b.outbound.close()
	b.sending.Lock()
	if b.control > 0 {
		unix.Close(b.control)
	}
	b.control = -1
	b.sending.Unlock()
	b.tmp.close()
	if b.run != "" {
		entries, _ := os.ReadDir(b.run)
		for _, entry := range entries {
			os.RemoveAll(filepath.Join(b.run, entry.Name()))
		}
	}
}

// PeakMemory is the peak of the container's control group, or of what it had when it was
// closed.
func (b *box) PeakMemory() int64 { return b.group.peak() }

// process is a command in a container.
type process struct {
	box  *box
	id   int
	done chan struct{}
	once sync.Once
	exit string
}

func (p *process) end(exit string) {
	p.once.Do(func() {
		p.exit = exit
		close(p.done)
	})
}

func (p *process) Done() <-chan struct{} { return p.done }

func (p *process) Exit() string { return p.exit }

// Signal has no effect on a command that has ended.
func (p *process) Signal(sig os.Signal) error {
	select {
	case <-p.done:
		return nil
	case <-p.box.gone:
		return nil
	default:
	}
	number, ok := sig.(syscall.Signal)
	if !ok {
		return fmt.Errorf("%v is no signal of this system", sig)
	}
	if err := p.box.send(message{Op: "signal", Process: p.id, Signal: int(number)}); err != nil && !errors.Is(err, unix.EPIPE) {
		return err
	}
	return nil
}
