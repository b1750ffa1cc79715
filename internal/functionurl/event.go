package functionurl

import (
	"cmp"
	"crypto/tls"
	"encoding/base64"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// event is a request on its way into payload format 2.0
// (docs/contract/function-url.md §2).
type event struct {
	method, rawPath, rawQuery string
	// domain is the host without port, id its first label.
	domain, id string
	sourceIP   string
	requestID  string
	time       time.Time
	// cookies are the values of the Cookie header fields.
	cookies []string
	// headers are in lower case and sorted.
	headers []field
	body    []byte
	// text tells that body goes into the event as it is.
	text bool
	// caller is who signed the request, nil for anybody.
	caller *Caller
}

type field struct{ name, value string }

// event reads what the event takes from the request.
func (x *exchange) event(body []byte) *event {
	id, domain := x.target.id, x.target.domain
	if id == "" {
		// By path: the function sees the domain that the URL has by host.
		id = x.url.ID
		domain = id + "." + marker + "." + x.Domain
	}
	e := &event{
		method: x.r.Method, rawPath: x.target.rawPath, rawQuery: x.target.rawQuery, domain: domain, id: id,
		sourceIP: sourceIP(x.r), requestID: x.requestID, time: x.start, cookies: x.r.Header["Cookie"], body: body, caller: x.caller,
		text: isText(x.r.Header.Get("Content-Type")) && utf8.Valid(body),
	}
	e.headers = x.eventHeaders(e.sourceIP, len(body))
	return e
}

// hopByHop are header fields that end at the next machine. They reach neither
// the function nor, from its response, the client.
var hopByHop = map[string]bool{
	"Connection": true, "Keep-Alive": true, "Proxy-Authenticate": true, "Proxy-Authorization": true,
	"Proxy-Connection": true, "Te": true, "Trailer": true, "Transfer-Encoding": true, "Upgrade": true, "Http2-Settings": true,
}

// eventHeaders are the headers that the function sees: the client's, and those
// that the platform adds (docs/contract/function-url.md §2.3).
func (x *exchange) eventHeaders(sourceIP string, bodyLength int) []field {
	in := x.r.Header
	fields := make([]field, 0, len(in)+6)
	for name, values := range in {
		if hopByHop[name] || nominated(in, name) || name == "Authorization" && x.caller != nil {
			continue
		}
		separator := ","
		if name == "Cookie" {
			separator = "; "
		}
		fields = append(fields, field{strings.ToLower(name), strings.Join(values, separator)})
	}
	set := func(name, value string) {
		if i := slices.IndexFunc(fields, func(f field) bool { return f.name == name }); i >= 0 {
			fields[i].value = value
			return
		}
		fields = append(fields, field{name, value})
	}
	set("host", x.r.Host)
	forwarded := sourceIP
	if before := in["X-Forwarded-For"]; len(before) > 0 {
		forwarded = strings.Join(before, ", ") + ", " + sourceIP
	}
	set("x-forwarded-for", forwarded)
	// On AWS always https and 443. Here they say how the client really came, or
	// the links that a framework builds from them would lead nowhere.
	proto, port := "http", "80"
	if state := x.r.TLS; state != nil {
		proto, port = "https", "443"
		set("x-amzn-tls-version", strings.ReplaceAll(tls.VersionName(state.Version), "TLS ", "TLSv"))
		set("x-amzn-tls-cipher-suite", tls.CipherSuiteName(state.CipherSuite))
	}
	if local, ok := x.r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr); ok {
		port = strconv.Itoa(local.Port)
	}
	set("x-forwarded-proto", proto)
	set("x-forwarded-port", port)
	set("x-amzn-trace-id", x.inv.Trace.Root())
	if t := &x.inv.Trace; t.Recorded {
		// The function's own spans belong below ours. Without it the client's headers
		// are left as they are, like on AWS.
		set("traceparent", t.TraceParent())
		if t.State == "" { // what there is belongs to a traceparent that was not heeded
			fields = slices.DeleteFunc(fields, func(f field) bool { return f.name == "tracestate" })
		}
	}
	if bodyLength > 0 {
		// A chunked upload has none, but the function gets it in one piece.
		set("content-length", strconv.Itoa(bodyLength))
	}
	slices.SortFunc(fields, func(a, b field) int { return cmp.Compare(a.name, b.name) })
	return fields
}

// nominated tells that the Connection header declares name to be hop-by-hop.
func nominated(h http.Header, name string) bool {
	for _, line := range h["Connection"] {
		for option := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(option), name) {
				return true
			}
		}
	}
	return false
}

func sourceIP(r *http.Request) string {
	if ip, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		return ip
	}
	return "127.0.0.1" // a Unix socket
}

// isText tells whether a body of that type is text in the event
// (docs/contract/function-url.md §2.4).
func isText(contentType string) bool {
	mediaType, _, _ := strings.Cut(contentType, ";")
	mediaType = strings.ToLower(strings.TrimSpace(mediaType))
	switch mediaType {
	case "application/json", "application/javascript", "application/xml":
		return true
	}
	return strings.HasPrefix(mediaType, "text/") || strings.HasSuffix(mediaType, "+json") || strings.HasSuffix(mediaType, "+xml")
}

// appendTo writes the event as JSON; members that AWS leaves out are absent, not
// null.
func (e *event) appendTo(b []byte) []byte {
	b = slices.Grow(b, e.sizeHint())
	b = append(b, `{"version":"2.0","routeKey":"$default","rawPath":`...)
	b = appendString(b, e.rawPath)
	b = append(b, `,"rawQueryString":`...)
	b = appendString(b, e.rawQuery)
	b = e.appendCookies(b)
	b = append(b, `,"headers":`...)
	b = appendFields(b, e.headers)
	if parameters := queryParameters(e.rawQuery); len(parameters) > 0 {
		b = append(b, `,"queryStringParameters":`...)
		b = appendFields(b, parameters)
	}
	b = e.appendContext(b)
	if len(e.body) == 0 {
		return append(b, `,"isBase64Encoded":false}`...)
	}
	b = append(b, `,"body":`...)
	if e.text {
		b = appendString(b, e.body)
		return append(b, `,"isBase64Encoded":false}`...)
	}
	b = append(b, '"')
	b = base64.StdEncoding.AppendEncode(b, e.body)
	return append(b, `","isBase64Encoded":true}`...)
}

// sizeHint guesses the length of the event, to allocate it once.
func (e *event) sizeHint() int {
	n := 1024 + 2*len(e.rawPath) + 2*len(e.rawQuery) + len(e.body)
	if !e.text {
		n += len(e.body) / 2
	}
	for _, f := range e.headers {
		n += len(f.name) + len(f.value) + 8
	}
	return n
}

func (e *event) appendCookies(b []byte) []byte {
	opening := `,"cookies":[`
	none := true
	for _, line := range e.cookies {
		for cookie := range strings.SplitSeq(line, ";") {
			if cookie = strings.TrimSpace(cookie); cookie == "" {
				continue
			}
			b = append(b, opening...)
			b = appendString(b, latin1(cookie))
			opening, none = ",", false
		}
	}
	if none {
		return b
	}
	return append(b, ']')
}

// appendContext writes requestContext (docs/contract/function-url.md §2.2).
func (e *event) appendContext(b []byte) []byte {
	b = append(b, `,"requestContext":{"accountId":`...)
	if c := e.caller; c == nil {
		b = append(b, `"anonymous"`...)
	} else {
		b = appendString(b, c.AccountID)
		b = append(b, `,"authorizer":{"iam":{"accessKey":`...)
		b = appendString(b, c.AccessKey)
		b = append(b, `,"accountId":`...)
		b = appendString(b, c.AccountID)
		b = append(b, `,"callerId":`...)
		b = appendString(b, c.CallerID)
		b = append(b, `,"cognitoIdentity":null,"principalOrgId":null,"userArn":`...)
		b = appendString(b, c.UserARN)
		b = append(b, `,"userId":`...)
		b = appendString(b, c.UserID)
		b = append(b, `}}`...)
	}
	b = append(b, `,"apiId":`...)
	b = appendString(b, e.id)
	b = append(b, `,"domainName":`...)
	b = appendString(b, e.domain)
	b = append(b, `,"domainPrefix":`...)
	b = appendString(b, e.id)
	b = append(b, `,"http":{"method":`...)
	b = appendString(b, e.method)
	b = append(b, `,"path":`...)
	b = appendString(b, e.rawPath)
	// AWS says HTTP/1.1 whatever the client speaks.
	b = append(b, `,"protocol":"HTTP/1.1","sourceIp":`...)
	b = appendString(b, e.sourceIP)
	if i, ok := slices.BinarySearchFunc(e.headers, "user-agent", func(f field, name string) int { return cmp.Compare(f.name, name) }); ok {
		b = append(b, `,"userAgent":`...)
		b = appendString(b, latin1(e.headers[i].value))
	}
	b = append(b, `},"requestId":`...)
	b = appendString(b, e.requestID)
	b = append(b, `,"routeKey":"$default","stage":"$default","time":"`...)
	b = e.time.UTC().AppendFormat(b, "02/Jan/2006:15:04:05 -0700")
	b = append(b, `","timeEpoch":`...)
	b = strconv.AppendInt(b, e.time.UnixMilli(), 10)
	return append(b, '}')
}

// queryParameters decodes a query; values of a repeated name are joined. Unlike
// net/url it has no errors: an escape that is none stands for itself.
func queryParameters(query string) []field {
	var fields []field
	index := map[string]int{}
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, value = unescape(name), unescape(value)
		if i, ok := index[name]; ok {
			fields[i].value += "," + value
			continue
		}
		index[name] = len(fields)
		fields = append(fields, field{name, value})
	}
	return fields
}

func unescape(s string) string {
	if text, err := url.QueryUnescape(s); err == nil {
		return text
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '+':
			b = append(b, ' ')
		case s[i] == '%' && i+2 < len(s):
			if c, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b = append(b, byte(c))
				i += 2
				continue
			}
			b = append(b, '%')
		default:
			b = append(b, s[i])
		}
	}
	return string(b)
}

// latin1 returns a header value as text. Bytes that are not UTF-8 are read as
// ISO 8859-1, as HTTP has it, so that none is lost.
func latin1(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	runes := make([]rune, len(s))
	for i := range len(s) {
		runes[i] = rune(s[i])
	}
	return string(runes)
}
