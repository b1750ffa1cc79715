package environment

import (
	"bytes"
	"os"
	"sync"
	"time"

	sluice "github.com/sluice-run/sluice"
)

// maxLogEvent is the largest log event, as in CloudWatch Logs; longer lines are
// cut into several.
const maxLogEvent = 256 << 10

// logStream reads one of a life's three pipes: stdout, stderr, log channel. Its
// goroutine and drain may both read; whoever holds mu does.
type logStream struct {
	r *os.File
	// framed streams carry telemetry frames, others plain lines.
	framed bool
	emit   func(sluice.LogLine)
	done   chan struct{}

	mu  sync.Mutex
	buf []byte
	eof bool
}

// openLogStream returns a stream and the pipe's end for the child.
func openLogStream(framed bool, emit func(sluice.LogLine)) (*logStream, *os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	s := &logStream{r: r, framed: framed, emit: emit, done: make(chan struct{})}
	go s.run()
	return s, w, nil
}

// close reads what is there, stops the goroutine and waits for it.
func (s *logStream) close() {
	s.drain()
	s.r.Close()
	<-s.done
}

// consume emits the complete events of what has been read; s.mu is held.
func (s *logStream) consume() {
	if s.framed {
		s.consumeFrames()
		return
	}
	rest := s.buf
	for {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			if len(rest) < maxLogEvent {
				break
			}
			i = maxLogEvent - 1
		}
		s.emitText(rest[:i+1])
		rest = rest[i+1:]
	}
	s.keep(rest)
}

func (s *logStream) consumeFrames() {
	rest := s.buf
	for {
		f, n, ok := nextFrame(rest)
		if !ok {
			// Not a frame: show it as it is rather than lose it.
			s.emitText(rest)
			rest = nil
			break
		}
		if n == 0 {
			break
		}
		line := sluice.LogLine{Time: f.time, Source: sluice.SourceFunction, Level: f.level, Text: trimNewline(f.payload)}
		if f.hint {
			line.Source = sluice.SourceHint
		}
		s.emit(line)
		rest = rest[n:]
	}
	s.keep(rest)
}

// flushPartial emits a line that has no end yet; s.mu is held.
func (s *logStream) flushPartial() {
	if len(s.buf) > 0 && !s.framed {
		s.emitText(s.buf)
		s.buf = s.buf[:0]
	}
}

func (s *logStream) emitText(text []byte) {
	s.emit(sluice.LogLine{Time: time.Now(), Source: sluice.SourceFunction, Text: trimNewline(text)})
}

// keep moves the unconsumed rest to the front of the buffer.
func (s *logStream) keep(rest []byte) {
	s.buf = s.buf[:copy(s.buf, rest)]
	if cap(s.buf) > 1<<20 && len(s.buf) == 0 {
		s.buf = nil
	}
}

func trimNewline(b []byte) string {
	b = bytes.TrimSuffix(b, []byte("\n"))
	return string(bytes.TrimSuffix(b, []byte("\r")))
}
