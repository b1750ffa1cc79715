package server

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"
)

// certificateAge is how long a certificate is used before its files are looked at
// again, so that a renewed one needs no restart.
const certificateAge = time.Minute

// certificate is a pair of PEM files that may be replaced.
type certificate struct {
	certificate, key string

	mu      sync.Mutex
	loaded  *tls.Certificate
	changed time.Time
	checked time.Time
}

// TLS returns a configuration for the certificate and key in two PEM files. They
// are read again when they change.
func TLS(certificateFile, keyFile string) (*tls.Config, error) {
	c := &certificate{certificate: certificateFile, key: keyFile}
	if err := c.load(); err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}, nil
}

func (c *certificate) load() error {
	info, err := os.Stat(c.certificate)
	if err != nil {
		return fmt.Errorf("certificate: %w", err)
	}
	pair, err := tls.LoadX509KeyPair(c.certificate, c.key)
	if err != nil {
		return fmt.Errorf("certificate %s with key %s: %w", c.certificate, c.key, err)
	}
	c.loaded, c.changed = &pair, info.ModTime()
	return nil
}

func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.Sub(c.checked) > certificateAge {
		c.checked = now
		if info, err := os.Stat(c.certificate); err == nil && !info.ModTime().Equal(c.changed) {
			// A pair that is half written is no better than the one we have.
			c.load()
		}
	}
	return c.loaded, nil
}
