package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/letsencrypt/challtestsrv"
	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
)

// authority is a certificate authority with a directory, which connects to port for
// the names under its domain. It returns the directory's address, its own certificate
// in a file, and the pool that its certificates come from.
func authority(t *testing.T, port int) (directory, own string, issued func() *x509.CertPool) {
	t.Setenv("PEBBLE_VA_NOSLEEP", "1")
	t.Setenv("PEBBLE_WFE_NONCEREJECT", "0")
	names := freeAddress(t)
	dns, err := challtestsrv.New(challtestsrv.Config{DNSAddrs: []string{names}, Log: log.New(io.Discard, "", 0)})
	if err != nil {
		t.Fatal(err)
	}
	dns.SetDefaultDNSIPv4("127.0.0.1")
	dns.SetDefaultDNSIPv6("")
	go dns.Run()
	t.Cleanup(dns.Shutdown)
	quiet, memory := log.New(io.Discard, "", 0), db.NewMemoryStore()
	issuer := ca.New(quiet, memory, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {}})
	front := wfe.New(quiet, memory, va.New(quiet, 0, port, false, names, memory), issuer, []string{"test"}, false, false, 1, 1)
	server := httptest.NewTLSServer(front.Handler())
	t.Cleanup(server.Close)
	own = filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(own, pemOf(server.Certificate().Raw), 0o600); err != nil {
		t.Fatal(err)
	}
	return server.URL + wfe.DirectoryPath, own, func() *x509.CertPool {
		pool := x509.NewCertPool()
		pool.AddCert(issuer.GetRootCert(0).Cert)
		return pool
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestCertificatesByACME(t *testing.T) {
	addr := freeAddress(t)
	_, port, _ := net.SplitHostPort(addr)
	var number int
	fmt.Sscan(port, &number)
	directory, own, roots := authority(t, number)
	s := startServe(t, t.TempDir(), "--addr", addr, "--domain", "sluice.test", "--tls-acme", directory, "--tls-acme-roots", own)
	defer s.stop()
	// Every name leads to the server.
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots()}, ForceAttemptHTTP2: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", addr)
		},
	}
	defer transport.CloseIdleConnections()
	s.client = lambda.New(s.client.Options(), func(o *lambda.Options) {
		o.BaseEndpoint, o.HTTPClient = aws.String("https://sluice.test:"+port), &http.Client{Transport: transport}
	})
	name := aws.String("fn")
	if _, err := s.client.CreateFunction(t.Context(), &lambda.CreateFunctionInput{FunctionName: name, Runtime: types.RuntimeNodejs20x, Role: aws.String("arn:aws:iam::123456789012:role/r"),
		Handler: aws.String("index.handler"), Code: &types.FunctionCode{ZipFile: zipped(t, "export const handler = async event => event.headers.host")}}); err != nil {
		t.Fatal(err)
	}
	made, err := s.client.CreateFunctionUrlConfig(t.Context(), &lambda.CreateFunctionUrlConfigInput{FunctionName: name, AuthType: types.FunctionUrlAuthTypeNone})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.client.AddPermission(t.Context(), &lambda.AddPermissionInput{FunctionName: name, StatementId: aws.String("FunctionURLAllowPublicAccess"),
		Action: aws.String("lambda:InvokeFunctionUrl"), Principal: aws.String("*"), FunctionUrlAuthType: types.FunctionUrlAuthTypeNone}); err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Client{Transport: transport}).Get(*made.FunctionUrl)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != 200 || !strings.HasPrefix(*made.FunctionUrl, "https://"+string(body)) {
		t.Errorf("%s %s for %s", resp.Status, body, *made.FunctionUrl)
	}
	if names := resp.TLS.PeerCertificates[0].DNSNames; len(names) != 1 || !strings.HasSuffix(names[0], ".lambda-url.sluice.test") {
		t.Errorf("the certificate is for %v", names)
	}
	for _, name := range []string{"nobody.lambda-url.sluice.test", "other.test"} {
		if conn, err := tls.Dial("tcp", addr, &tls.Config{ServerName: name, InsecureSkipVerify: true}); err == nil {
			conn.Close()
			t.Errorf("there is a certificate for %s, which is not served", name)
		}
	}
}

func pemOf(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
