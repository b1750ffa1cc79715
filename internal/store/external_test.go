package store_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"

	"github.com/sluice-run/sluice/internal/store"
)

// certified makes a certificate for 127.0.0.1 that is its own authority, in files.
func certified(t *testing.T) (certificate, key string, pair tls.Certificate, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "nats"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, about, about, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	certificate, key = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	text, secretText := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
	os.WriteFile(certificate, text, 0o600)
	os.WriteFile(key, secretText, 0o600)
	if pair, err = tls.X509KeyPair(text, secretText); err != nil {
		t.Fatal(err)
	}
	pool = x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	return certificate, key, pair, pool
}

// admitted makes an operator, an account with JetStream and the credentials file of a
// user of it.
func admitted(t *testing.T, o *server.Options) (credentials string) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	operator, err := nkeys.CreateOperator()
	must(err)
	operatorID, err := operator.PublicKey()
	must(err)
	account, err := nkeys.CreateAccount()
	must(err)
	accountID, err := account.PublicKey()
	must(err)
	user, err := nkeys.CreateUser()
	must(err)
	userID, err := user.PublicKey()
	must(err)
	claims := jwt.NewAccountClaims(accountID)
	claims.Limits.DiskStorage, claims.Limits.MemoryStorage = -1, -1
	token, err := claims.Encode(operator)
	must(err)
	resolver := &server.MemAccResolver{}
	must(resolver.Store(accountID, token))
	system, err := nkeys.CreateAccount()
	must(err)
	systemID, err := system.PublicKey()
	must(err)
	systemToken, err := jwt.NewAccountClaims(systemID).Encode(operator)
	must(err)
	must(resolver.Store(systemID, systemToken))
	o.TrustedKeys, o.AccountResolver, o.SystemAccount = []string{operatorID}, resolver, systemID
	userToken, err := jwt.NewUserClaims(userID).Encode(account)
	must(err)
	seed, err := user.Seed()
	must(err)
	text, err := jwt.FormatUserConfig(userToken, seed)
	must(err)
	credentials = filepath.Join(t.TempDir(), "user.creds")
	must(os.WriteFile(credentials, text, 0o600))
	return credentials
}

func TestExternalServerWithCredentialsAndTLS(t *testing.T) {
	certificate, key, pair, pool := certified(t)
	o := &server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true, TLSTimeout: 10,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS12},
	}
	credentials := admitted(t, o)
	s, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	defer func() { s.Shutdown(); s.WaitForShutdown() }()
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the server does not start")
	}
	all := store.Options{URL: s.ClientURL(), Credentials: credentials, CA: certificate, Certificate: certificate, Key: key}
	for name, lacking := range map[string]func(*store.Options){
		"no credentials": func(o *store.Options) { o.Credentials = "" },
		"no certificate": func(o *store.Options) { o.Certificate, o.Key = "", "" },
		"no authority":   func(o *store.Options) { o.CA = "" },
	} {
		o := all
		lacking(&o)
		if refused, err := store.Open(t.Context(), o); err == nil {
			refused.Close()
			t.Errorf("%s: admitted", name)
		}
	}
	kept := mustOpen(t, all)
	defer kept.Close()
	if _, err := kept.Create(t.Context(), "key", []byte("value")); err != nil {
		t.Fatal(err)
	}
	if record, ok := kept.Get("key"); !ok || string(record.Value) != "value" {
		t.Errorf("%+v", record)
	}
}
