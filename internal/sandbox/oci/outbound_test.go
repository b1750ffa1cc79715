//go:build linux

package oci

import (
	"fmt"
	"io"
	"net"
	"os"
	"testing"

	"github.com/sluice-run/sluice/internal/sandbox/sandboxtest"
)

func TestOutboundConnections(t *testing.T) {
	d, err := New(t.Context(), Options{Dir: sandboxtest.Folder(t, nil), Outbound: true})
	if err != nil {
		if os.Getenv("SLUICE_TEST_OCI") != "" {
			t.Fatal(err)
		}
		t.Skipf("no outbound connections on this machine: %v", err)
	}
	address := outside(t)
	l, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		if conn, err := l.Accept(); err == nil {
			io.WriteString(conn, "from outside")
			conn.Close()
		}
	}()
	loopback, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer loopback.Close()
	b := sandboxtest.Open(t, d, nil)
	b.Expect(fmt.Sprintf("exec bash -c 'exec 4<>/dev/tcp/%s/%d; cat <&4'", address, l.Addr().(*net.TCPAddr).Port), "from outside")
	for _, host := range []string{"127.0.0.1", "10.0.2.2"} {
		fails(t, b, "the machine's loopback", fmt.Sprintf("exec timeout 5 bash -c 'exec 4<>/dev/tcp/%s/%d'", host, loopback.Addr().(*net.TCPAddr).Port))
	}
}

// outside is an address of this machine that is not loopback.
func outside(t *testing.T) string {
	t.Helper()
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range all {
		if ip, _, err := net.ParseCIDR(address.String()); err == nil && ip.To4() != nil && !ip.IsLoopback() {
			return ip.String()
		}
	}
	t.Skip("this machine has no address but loopback")
	return ""
}
