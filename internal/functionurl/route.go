package functionurl

import (
	"net"
	"net/http"
	"strings"
	"unicode/utf8"
)

// marker is the second label of a URL's host, and the first element of a path
// that names a function.
const marker = "lambda-url"

// target is whom a request is for, and what of its request line the function sees.
type target struct {
	// id is the first label of the host in lower case, "" for a request by path.
	id string
	// function and qualifier are from the path, "" for a request by host.
	function, qualifier string
	// bare tells that the path ends with the function's name, without a slash.
	bare bool
	// domain is the host in lower case without port, "" for a request by path.
	domain string
	// rawPath and rawQuery are as received, percent-encoding kept.
	rawPath, rawQuery string
}

// route reads the target of a request. The host counts first, so that a function
// may have a path /lambda-url/ of its own.
func (h *Handler) route(r *http.Request) (target, bool) {
	var t target
	t.rawPath, t.rawQuery = requestTarget(r.RequestURI)
	host := strings.ToLower(hostname(r.Host))
	labels := strings.SplitN(host, ".", 3)
	if len(labels) >= 2 && labels[0] != "" && labels[1] == marker {
		t.id, t.domain = labels[0], host
		return t, true
	}
	rest, ok := strings.CutPrefix(t.rawPath, "/"+marker+"/")
	name, path, slash := strings.Cut(rest, "/")
	if !ok || name == "" {
		return t, false
	}
	t.function, t.qualifier, _ = strings.Cut(name, ":")
	t.rawPath, t.bare = "/"+path, !slash
	return t, true
}

// requestTarget splits the target of a request line. A proxy's absolute form
// loses its scheme and host; nothing else is touched: functions route by the
// path that was sent, not by a cleaned one.
func requestTarget(uri string) (path, query string) {
	if !strings.HasPrefix(uri, "/") {
		_, rest, ok := strings.Cut(uri, "://")
		if i := strings.IndexAny(rest, "/?"); ok && i >= 0 {
			uri = rest[i:]
		} else if ok {
			uri = ""
		}
	}
	path, query, _ = strings.Cut(uri, "?")
	if path == "" {
		path = "/"
	}
	return encodeInvalid(path), encodeInvalid(query)
}

// encodeInvalid percent-encodes the bytes of s that are not UTF-8, which JSON
// can't hold.
func encodeInvalid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			b.WriteByte('%')
			b.WriteByte(digits[s[i]>>4])
			b.WriteByte(digits[s[i]&15])
		} else {
			b.WriteString(s[i : i+size])
		}
		i += size
	}
	return b.String()
}

// hostname takes the port and the root dot off a Host header.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.TrimSuffix(host, ".")
}
