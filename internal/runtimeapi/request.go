package runtimeapi

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// maxHead bounds a request head. aws-lambda-go puts up to 1 MiB into the X-Ray
// cause header (docs/contract/streaming-clients.md §2.3).
const maxHead = 2 << 20

// request is a parsed request head: the few parts the Runtime API looks at.
type request struct {
	method string
	path   string
	// http10 clients get no keep-alive.
	http10 bool
	close  bool
	expect bool
	// length is the Content-Length, -1 when absent.
	length      int64
	chunked     bool
	contentType string
	mode        string
	errorType   string
	host        string
	// The headers of extensions.
	extensionID, extensionName, extensionError, acceptFeature string
	// browser tells that the request carries a header only browsers send.
	browser bool
}

// errBadRequest is a head that is not HTTP; the connection can't go on.
var errBadRequest = errors.New("malformed HTTP request")

// readRequest reads one request head. io.EOF means that the peer closed the
// connection between requests.
func readRequest(br *bufio.Reader, r *request) error {
	*r = request{length: -1}
	budget := maxHead
	line, err := readHeadLine(br, &budget)
	for err == nil && len(line) == 0 { // stray CRLF after a body
		line, err = readHeadLine(br, &budget)
	}
	if err != nil {
		return err
	}
	if err := r.parseLine(line); err != nil {
		return err
	}
	for {
		line, err := readHeadLine(br, &budget)
		if err != nil {
			return unexpected(err)
		}
		if len(line) == 0 {
			return r.check()
		}
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok {
			return fmt.Errorf("%w: header without a colon", errBadRequest)
		}
		if err := r.header(name, bytes.TrimSpace(value)); err != nil {
			return err
		}
	}
}

func (r *request) parseLine(line []byte) error {
	method, rest, ok1 := bytes.Cut(line, []byte(" "))
	target, proto, ok2 := bytes.Cut(rest, []byte(" "))
	if !ok1 || !ok2 || !bytes.HasPrefix(proto, []byte("HTTP/1.")) {
		return fmt.Errorf("%w: bad request line", errBadRequest)
	}
	r.http10 = string(proto) == "HTTP/1.0"
	switch {
	case string(method) == "GET":
		r.method = "GET"
	case string(method) == "POST":
		r.method = "POST"
	default:
		r.method = string(method)
	}
	path := string(target)
	if i := strings.IndexByte(path, '?'); i >= 0 {
		path = path[:i]
	}
	if rest, ok := strings.CutPrefix(path, "http://"); ok { // absolute form
		if i := strings.IndexByte(rest, '/'); i >= 0 {
			path = rest[i:]
		}
	}
	r.path = path
	return nil
}

func (r *request) header(name, value []byte) error {
	switch len(name) {
	case 4:
		if equalFold(name, "host") {
			r.host = string(value)
		}
	case 6:
		if equalFold(name, "expect") {
			r.expect = equalFold(value, "100-continue")
		} else if equalFold(name, "origin") {
			r.browser = true
		}
	case 10:
		if equalFold(name, "connection") {
			r.close = r.close || containsFold(string(value), "close")
		}
	case 12:
		if equalFold(name, "content-type") {
			r.contentType = string(value)
		}
	case 14:
		if equalFold(name, "content-length") {
			n, err := strconv.ParseUint(string(value), 10, 62)
			if err != nil || (r.length >= 0 && r.length != int64(n)) {
				return fmt.Errorf("%w: bad Content-Length", errBadRequest)
			}
			r.length = int64(n)
		} else if equalFold(name, "sec-fetch-site") {
			r.browser = true
		}
	case 17:
		if equalFold(name, "transfer-encoding") {
			if !equalFold(value, "chunked") {
				return fmt.Errorf("%w: transfer encoding %q", errBadRequest, value)
			}
			r.chunked = true
		}
	case 21:
		if equalFold(name, "lambda-extension-name") {
			r.extensionName = string(value)
		}
	case 27:
		if equalFold(name, "lambda-extension-identifier") {
			r.extensionID = string(value)
		}
	case 31:
		if equalFold(name, "lambda-extension-accept-feature") {
			r.acceptFeature = string(value)
		}
	case 36:
		if equalFold(name, "lambda-extension-function-error-type") {
			r.extensionError = string(value)
		}
	case 34:
		if equalFold(name, "lambda-runtime-function-error-type") {
			r.errorType = string(value)
		}
	case 37:
		if equalFold(name, "lambda-runtime-function-response-mode") {
			r.mode = string(value)
		}
	}
	return nil
}

func (r *request) check() error {
	if r.chunked && r.length >= 0 {
		return fmt.Errorf("%w: both Content-Length and Transfer-Encoding", errBadRequest)
	}
	if r.http10 {
		r.close = true
	}
	return nil
}

// fromWebPage tells a request that a web page in a browser of this machine made,
// directly or after DNS rebinding: a runtime names its server by address.
func (r *request) fromWebPage() bool {
	if r.browser {
		return true
	}
	host := r.host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	switch strings.ToLower(host) {
	case "", "localhost", "sandbox", "sandbox.localdomain":
		return false
	}
	_, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err != nil
}

// readHeadLine returns the next line without its line ending. A line longer
// than the reader's buffer is cut to that length: no header we read is.
func readHeadLine(br *bufio.Reader, budget *int) ([]byte, error) {
	line, err := br.ReadSlice('\n')
	*budget -= len(line)
	if *budget < 0 {
		return nil, fmt.Errorf("%w: head over %d bytes", errBadRequest, maxHead)
	}
	switch {
	case err == nil:
		return trimEOL(line), nil
	case !errors.Is(err, bufio.ErrBufferFull):
		if err == io.EOF && len(line) > 0 {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	head := bytes.Clone(line)
	for errors.Is(err, bufio.ErrBufferFull) {
		line, err = br.ReadSlice('\n')
		if *budget -= len(line); *budget < 0 {
			return nil, fmt.Errorf("%w: head over %d bytes", errBadRequest, maxHead)
		}
	}
	return head, err
}

func trimEOL(line []byte) []byte {
	line = bytes.TrimSuffix(line, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r"))
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// equalFold compares ASCII text with a lower-case constant without allocating.
func equalFold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i := range b {
		c := b[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

func containsFold(s, lower string) bool {
	return strings.Contains(strings.ToLower(s), lower)
}
