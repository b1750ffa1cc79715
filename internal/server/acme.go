package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"
)

// ACME says where certificates come from that nobody has to make.
type ACME struct {
	// Directory is LetsEncrypt, LetsEncryptStaging or the address of another
	// authority's ACME directory.
	Directory string
	// Email is where the authority sends its warnings, "" for nowhere.
	Email string
	// Roots is a PEM file of the authorities that the directory's own certificate may
	// come from, "" for the system's.
	Roots string
	// Storage is the folder for keys and certificates.
	Storage string
	// Port is the one that we listen on. The authority connects to port 443 of a
	// name, so that has to lead here.
	Port int
	// Serves tells whether a name is ours; for others no certificate is asked for.
	Serves func(name string) bool
	Log    *slog.Logger
}

// Well-known directories.
const (
	LetsEncrypt        = "letsencrypt"
	LetsEncryptStaging = "letsencrypt-staging"
)

// Authority asks an ACME authority for certificates and renews them.
type Authority struct{ cache *certmagic.Cache }

// NewAuthority returns a configuration that gets the certificate of a name with the
// first connection to it, and what has to be closed with the server. The TLS-ALPN
// challenge is answered by the listener itself.
func NewAuthority(a ACME) (*tls.Config, *Authority, error) {
	directory := a.Directory
	switch directory {
	case LetsEncrypt:
		directory = certmagic.LetsEncryptProductionCA
	case LetsEncryptStaging:
		directory = certmagic.LetsEncryptStagingCA
	}
	var roots *x509.CertPool
	if a.Roots != "" {
		text, err := os.ReadFile(a.Roots)
		if err != nil {
			return nil, nil, fmt.Errorf("roots of the ACME directory: %w", err)
		}
		if roots = x509.NewCertPool(); !roots.AppendCertsFromPEM(text) {
			return nil, nil, fmt.Errorf("roots of the ACME directory: %s holds no PEM certificate", a.Roots)
		}
	}
	quiet := zap.NewNop() // what happens is told by events
	var config *certmagic.Config
	cache := certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return config, nil },
		Logger:           quiet,
	})
	config = certmagic.New(cache, certmagic.Config{
		Storage: &certmagic.FileStorage{Path: a.Storage},
		Logger:  quiet,
		OnEvent: a.event,
		OnDemand: &certmagic.OnDemandConfig{DecisionFunc: func(_ context.Context, name string) error {
			if !a.Serves(strings.ToLower(name)) {
				return errors.New("not served here")
			}
			return nil
		}},
	})
	config.Issuers = []certmagic.Issuer{certmagic.NewACMEIssuer(config, certmagic.ACMEIssuer{
		CA: directory, TestCA: directory, Email: a.Email, Agreed: true, TrustedRoots: roots, Logger: quiet,
		DisableHTTPChallenge: true, AltTLSALPNPort: a.Port,
	})}
	encryption := config.TLSConfig()
	encryption.MinVersion = tls.VersionTLS12
	encryption.NextProtos = append([]string{"h2", "http/1.1"}, encryption.NextProtos...)
	return encryption, &Authority{cache}, nil
}

// event tells what somebody has to know: certificates that came, and those that did
// not.
func (a *ACME) event(_ context.Context, event string, data map[string]any) error {
	name, _ := data["identifier"].(string)
	switch event {
	case "cert_obtained":
		a.Log.Info("certificate obtained", "name", name)
	case "cert_failed":
		a.Log.Error("no certificate", "name", name, "error", data["error"])
	}
	return nil
}

// Close ends the renewals.
func (a *Authority) Close() { a.cache.Stop() }
