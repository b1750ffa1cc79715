//go:build unix

package environment

import (
	"slices"

	"golang.org/x/sys/unix"
)

// run reads the pipe until it ends or is closed.
func (s *logStream) run() {
	defer close(s.done)
	raw, err := s.r.SyscallConn()
	if err != nil {
		return
	}
	raw.Read(func(fd uintptr) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.readAvailable(int(fd))
	})
}

// drain emits everything the function has written so far, in the caller's own
// goroutine: a log line that was written before the response must not come
// after the invocation's END.
func (s *logStream) drain() {
	raw, err := s.r.SyscallConn()
	if err != nil {
		return
	}
	raw.Control(func(fd uintptr) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.readAvailable(int(fd))
		s.flushPartial()
	})
}

// readAvailable reads until the pipe is empty. It reports true at its end.
func (s *logStream) readAvailable(fd int) bool {
	for !s.eof {
		s.buf = slices.Grow(s.buf, 8<<10)
		n, err := unix.Read(fd, s.buf[len(s.buf):cap(s.buf)])
		if err == unix.EINTR {
			continue
		}
		if err == unix.EAGAIN {
			return false
		}
		if n <= 0 {
			s.eof = true
			s.flushPartial()
			break
		}
		s.buf = s.buf[:len(s.buf)+n]
		s.consume()
	}
	return true
}
