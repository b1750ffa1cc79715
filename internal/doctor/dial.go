package doctor

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// isLocal tells whether a host's name is of this machine by definition (RFC 6761), as
// browsers and curl know it; resolvers don't all.
func isLocal(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// dial connects to an address.
func dial(ctx context.Context, network, address string) (conn net.Conn, err error) {
	dialer := net.Dialer{Timeout: 30 * time.Second}
	host, port, err := net.SplitHostPort(address)
	if err != nil || !isLocal(host) {
		return dialer.DialContext(ctx, network, address)
	}
	for _, ip := range []string{"127.0.0.1", "::1"} {
		if conn, err = dialer.DialContext(ctx, network, net.JoinHostPort(ip, port)); err == nil {
			break
		}
	}
	return conn, err
}

// proxy is that of the environment, for what is elsewhere.
func proxy(r *http.Request) (*url.URL, error) {
	if isLocal(r.URL.Hostname()) {
		return nil, nil
	}
	return http.ProxyFromEnvironment(r)
}
