//go:build !unix

package environment

// run reads the pipe until it ends or is closed.
func (s *logStream) run() {
	defer close(s.done)
	chunk := make([]byte, 8<<10)
	for {
		n, err := s.r.Read(chunk)
		s.mu.Lock()
		s.buf = append(s.buf, chunk[:n]...)
		s.consume()
		if err != nil {
			s.flushPartial()
		}
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// drain can't look ahead here: a late log line may follow END.
func (s *logStream) drain() {}
