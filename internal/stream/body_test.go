package stream

import (
	"io"
	"sync/atomic"
	"testing"

	sluice "github.com/sluice-run/sluice"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// script is a body that yields its parts one Read each, then end. An empty part
// is a Read of nothing.
type script struct {
	parts [][]byte
	end   error
	// withLast returns end together with the last part, as io.Reader allows.
	withLast bool
	closed   atomic.Pointer[error]
	reads    int
}

func newScript(parts ...string) *script {
	s := &script{end: io.EOF}
	for _, p := range parts {
		s.parts = append(s.parts, []byte(p))
	}
	return s
}

func (s *script) Read(p []byte) (int, error) {
	s.reads++
	if c := s.closed.Load(); c != nil {
		return 0, *c
	}
	if len(s.parts) == 0 {
		return 0, s.end
	}
	n := copy(p, s.parts[0])
	if s.parts[0] = s.parts[0][n:]; len(s.parts[0]) == 0 {
		s.parts = s.parts[1:]
	}
	if s.withLast && len(s.parts) == 0 {
		return n, s.end
	}
	return n, nil
}

func (s *script) Pending() bool { return true }

func (s *script) Close(cause error) { s.closed.CompareAndSwap(nil, &cause) }

var _ sluice.Body = (*script)(nil)
