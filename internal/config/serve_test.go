package config

import (
	"strings"
	"testing"
)

func TestCheckServe(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Config)
		want   string
	}{
		{"loopback without credentials", func(*Config) {}, ""},
		{"reachable without credentials", func(c *Config) { c.Addr = "0.0.0.0:9000" }, "--expose-open"},
		{"reachable by name", func(c *Config) { c.Addr = "host.test:9000" }, "--credentials"},
		{"reachable with credentials", func(c *Config) { c.Addr, c.Credentials = ":9000", "/c.yaml" }, ""},
		{"reachable on purpose", func(c *Config) { c.Addr, c.ExposeOpen = "[::]:9000", true }, ""},
		{"key alone", func(c *Config) { c.TLS.Key = "/k" }, "needs its key"},
		{"certificate and ACME", func(c *Config) { c.TLS = TLS{Certificate: "/c", Key: "/k", ACME: "letsencrypt"} }, "leave out"},
	} {
		c := Default()
		tt.change(&c)
		err := c.CheckServe()
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}
