package serve

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/sluice-run/sluice/internal/config"
	"github.com/sluice-run/sluice/internal/sdkhttp"
)

// certify writes a certificate for names and its key, and returns their files and a
// pool that trusts it.
func certify(t *testing.T, names ...string) (certificate, key string, trusted *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: names[0]}, DNSNames: names, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, about, about, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certificate, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	os.WriteFile(certificate, text, 0o600)
	os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600)
	trusted = x509.NewCertPool()
	trusted.AppendCertsFromPEM(text)
	return certificate, key, trusted
}

func TestHTTPS(t *testing.T) { // docs/contract/function-url.md §1, §2.3
	certificate, key, trusted := certify(t, "localhost", "*.lambda-url.localhost")
	r := start(t, "", func(c *config.Config) { c.TLS = config.TLS{Certificate: certificate, Key: key} })
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted, ServerName: "localhost"}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	options := r.client.Options()
	r.client = lambda.New(lambda.Options{Region: options.Region, Credentials: options.Credentials, BaseEndpoint: aws.String("https://" + r.server.Addr().String()),
		HTTPClient: sdkhttp.Client{Client: &http.Client{Transport: transport}}, RetryMaxAttempts: 1})
	r.create("fn", "export const handler = async event => event.headers", nil)
	made, err := r.client.CreateFunctionUrlConfig(t.Context(), &lambda.CreateFunctionUrlConfigInput{FunctionName: aws.String("fn"), AuthType: types.FunctionUrlAuthTypeNone})
	if err != nil || !strings.HasPrefix(*made.FunctionUrl, "https://") {
		t.Fatalf("%+v %v", made, err)
	}
	r.client.AddPermission(t.Context(), &lambda.AddPermissionInput{FunctionName: aws.String("fn"), StatementId: aws.String("open"), Action: aws.String("lambda:InvokeFunctionUrl"),
		Principal: aws.String("*"), FunctionUrlAuthType: types.FunctionUrlAuthTypeNone})
	req, _ := http.NewRequest("GET", "https://"+r.server.Addr().String()+"/", nil)
	req.Host = strings.TrimSuffix(strings.TrimPrefix(*made.FunctionUrl, "https://"), "/")
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var headers map[string]string
	body, _ := io.ReadAll(resp.Body)
	if err := json.Unmarshal(body, &headers); err != nil || resp.ProtoMajor != 2 {
		t.Fatalf("%s %s %v", resp.Proto, body, err)
	}
	if headers["x-forwarded-proto"] != "https" || headers["x-amzn-tls-version"] != "TLSv1.3" || !strings.HasPrefix(headers["x-amzn-tls-cipher-suite"], "TLS_") {
		t.Errorf("%v", headers)
	}
}

func TestBadCertificate(t *testing.T) {
	cfg := config.Default()
	cfg.Addr, cfg.Data, cfg.TLS = "127.0.0.1:0", t.TempDir(), config.TLS{Certificate: "/nope.pem", Key: "/nope.key"}
	if _, err := Open(t.Context(), Options{Config: cfg}); err == nil || !strings.Contains(err.Error(), "/nope.pem") {
		t.Errorf("%v", err)
	}
}
