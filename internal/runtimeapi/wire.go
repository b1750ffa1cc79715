package runtimeapi

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
)

// maxTrailer bounds the trailer section: the error document travels in it.
const maxTrailer = 8 << 20

// errFraming is a body whose chunk framing is broken.
var errFraming = errors.New("broken chunk framing")

// wireBody decodes one request body, with a length or chunked. It reads nothing
// beyond the body, and a read that was interrupted by a deadline can be
// continued.
type wireBody struct {
	br      *bufio.Reader
	chunked bool
	phase   phase
	// remaining bytes of the chunk, or of the whole body when not chunked.
	remaining int64
	// line holds a chunk header or trailer line that has arrived in part.
	line         []byte
	trailerBytes int
	// errorType and errorBody are the two error trailers, empty when absent.
	errorType string
	errorBody string
}

type phase uint8

const (
	inData phase = iota
	inChunkHeader
	inChunkEnd
	inTrailer
	atEnd
)

func newWireBody(br *bufio.Reader, r *request) wireBody {
	b := wireBody{br: br, chunked: r.chunked, remaining: max(r.length, 0)}
	if r.chunked {
		b.phase = inChunkHeader
	} else if b.remaining == 0 {
		b.phase = atEnd
	}
	return b
}

// Read returns what has arrived. io.EOF is the clean end; io.ErrUnexpectedEOF
// and errFraming are a body that broke.
func (b *wireBody) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		switch b.phase {
		case atEnd:
			return 0, io.EOF
		case inData:
			if int64(len(p)) > b.remaining {
				p = p[:b.remaining]
			}
			n, err := b.br.Read(p)
			b.remaining -= int64(n)
			if b.remaining == 0 {
				b.phase = atEnd
				if b.chunked {
					b.phase = inChunkEnd
				}
			}
			if n > 0 {
				return n, nil
			}
			if err != nil {
				return 0, unexpected(err)
			}
		default:
			if err := b.advance(); err != nil {
				return 0, err
			}
		}
	}
}

// advance reads one framing line.
func (b *wireBody) advance() error {
	line, err := b.readLine()
	if err != nil {
		return err
	}
	switch b.phase {
	case inChunkEnd:
		if len(line) != 0 {
			return errFraming
		}
		b.phase = inChunkHeader
	case inChunkHeader:
		size, ok := parseChunkSize(line)
		if !ok {
			return errFraming
		}
		b.remaining = size
		b.phase = inData
		if size == 0 {
			b.phase = inTrailer
		}
	case inTrailer:
		if len(line) == 0 {
			b.phase = atEnd
			break
		}
		if b.trailerBytes += len(line); b.trailerBytes > maxTrailer {
			return errFraming
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch value = bytes.TrimSpace(value); {
		case equalFold(name, "lambda-runtime-function-error-type"):
			b.errorType = string(value)
		case equalFold(name, "lambda-runtime-function-error-body"):
			b.errorBody = string(value)
		}
	}
	b.line = b.line[:0]
	return nil
}

// readLine returns the next framing line without its ending. What had arrived
// before an error is kept for the next call.
func (b *wireBody) readLine() ([]byte, error) {
	for {
		frag, err := b.br.ReadSlice('\n')
		if err == nil && len(b.line) == 0 {
			return trimEOL(frag), nil
		}
		b.line = append(b.line, frag...)
		switch {
		case err == nil:
			return trimEOL(b.line), nil
		case errors.Is(err, bufio.ErrBufferFull):
			if b.phase != inTrailer || len(b.line) > maxTrailer {
				return nil, errFraming
			}
		default:
			return nil, unexpected(err)
		}
	}
}

// pending reports whether the next Read returns data or the end without waiting
// for the runtime.
func (b *wireBody) pending() bool {
	switch b.phase {
	case atEnd:
		return true
	case inData:
		return b.br.Buffered() > 0
	}
	if len(b.line) > 0 {
		return false
	}
	buf, _ := b.br.Peek(b.br.Buffered())
	if b.phase == inChunkEnd {
		i := bytes.IndexByte(buf, '\n')
		if i < 0 {
			return false
		}
		buf = buf[i+1:]
	}
	if b.phase != inTrailer {
		i := bytes.IndexByte(buf, '\n')
		if i < 0 {
			return false
		}
		size, ok := parseChunkSize(trimEOL(buf[:i+1]))
		buf = buf[i+1:]
		if !ok || size > 0 {
			return !ok || len(buf) > 0
		}
	}
	for { // trailer lines up to the empty one
		i := bytes.IndexByte(buf, '\n')
		if i < 0 {
			return false
		}
		if len(trimEOL(buf[:i+1])) == 0 {
			return true
		}
		buf = buf[i+1:]
	}
}

func parseChunkSize(line []byte) (int64, bool) {
	var n int64
	for i, c := range line {
		var d byte
		switch {
		case c >= '0' && c <= '9':
			d = c - '0'
		case c >= 'a' && c <= 'f':
			d = c - 'a' + 10
		case c >= 'A' && c <= 'F':
			d = c - 'A' + 10
		case i > 0 && (c == ';' || c == ' ' || c == '\t'):
			return n, true
		default:
			return 0, false
		}
		if i >= 15 {
			return 0, false
		}
		n = n<<4 | int64(d)
	}
	return n, len(line) > 0
}

// discard reads the body to its end and throws it away.
func (b *wireBody) discard(buf []byte) error {
	for {
		_, err := b.Read(buf)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// readAll reads at most limit bytes of the body; more is thrown away and
// reported by the second result.
func (b *wireBody) readAll(limit int64) (data []byte, over bool, err error) {
	size := int64(512)
	if !b.chunked {
		size = min(b.remaining, limit)
	}
	buf := bytes.NewBuffer(make([]byte, 0, size+bytes.MinRead))
	_, err = buf.ReadFrom(io.LimitReader(b, limit))
	if err != nil {
		return nil, false, err
	}
	rest := make([]byte, 4096)
	n, err := b.Read(rest)
	if n > 0 {
		over, err = true, b.discard(rest)
	}
	if err == io.EOF {
		err = nil
	}
	return buf.Bytes(), over, err
}

// normalErrorType maps the error type a runtime reported to the platform's
// (docs/contract/runtime-api.md §2.3).
func normalErrorType(s string) string {
	if hasPlatformType(s) {
		return s
	}
	if strings.HasPrefix(s, "Function.") {
		return "Function.Unknown"
	}
	return "Runtime.Unknown"
}

// hasPlatformType matches (Runtime|Function)\.[A-Z][a-zA-Z]+ anywhere in s.
func hasPlatformType(s string) bool {
	for _, prefix := range []string{"Runtime.", "Function."} {
		for rest := s; ; {
			i := strings.Index(rest, prefix)
			if i < 0 {
				break
			}
			rest = rest[i+len(prefix):]
			if len(rest) >= 2 && rest[0] >= 'A' && rest[0] <= 'Z' && isLetter(rest[1]) {
				return true
			}
		}
	}
	return false
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
