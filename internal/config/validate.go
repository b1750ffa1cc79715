package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	sluice "github.com/sluice-run/sluice"
)

// Validate returns an *Error for each value that can't be used, joined, or nil.
func (c Config) Validate() error {
	return errors.Join(c.mistakes(nil)...)
}

// mistakes lists what Validate finds; where maps keys to their sources.
func (c Config) mistakes(where map[string]string) []error {
	var found []error
	report := func(key, format string, args ...any) {
		found = append(found, &Error{Key: key, Where: where[key], Message: fmt.Sprintf(format, args...)})
	}
	c.checkAddr(report)
	if why := domainMistake(c.Domain); why != "" {
		report("domain", "%q %s", c.Domain, why)
	}
	if !regionForm.MatchString(c.Region) {
		report("region", "%q is not a region; write one such as us-east-1", c.Region)
	}
	if !accountForm.MatchString(c.AccountID) {
		report("accountId", "%q is not an account; write 12 digits", c.AccountID)
	}
	if c.Quirks != sluice.QuirksAWS && c.Quirks != sluice.QuirksFixed {
		report("quirks", "%q is neither aws nor fixed", c.Quirks)
	}
	for _, l := range []struct {
		name  string
		value int64
	}{
		{"streamedPayload", c.Limits.StreamedPayload},
		{"streamBurst", c.Limits.StreamBurst},
		{"streamRate", c.Limits.StreamRate},
		{"bufferedPayload", c.Limits.BufferedPayload},
		{"requestPayload", c.Limits.RequestPayload},
		{"concurrency", int64(c.Limits.Concurrency)},
	} {
		if l.value < 0 {
			report(limitsPrefix+l.name, "%d is negative; write 0 to lift the limit", l.value)
		}
	}
	if c.Sandbox != SandboxAuto && c.Sandbox != SandboxOCI && c.Sandbox != SandboxProcess {
		report("sandbox", "%q is none of auto, oci and process", c.Sandbox)
	}
	if c.Log.Format != LogAuto && c.Log.Format != LogText && c.Log.Format != LogJSON {
		report("log.format", "%q is none of auto, text and json", c.Log.Format)
	}
	if _, ok := logLevels[c.Log.Level]; !ok {
		report("log.level", "%q is none of debug, info, warn and error", c.Log.Level)
	}
	for key, address := range map[string]string{"s3Endpoint": c.S3Endpoint, "awsEndpoint": c.AWSEndpoint} {
		if address == "" || key == "awsEndpoint" && address == "aws" {
			continue
		}
		if u, err := url.Parse(address); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			report(key, "%q is not an address; write one such as http://127.0.0.1:4566", address)
		}
	}
	if c.Traces != "" {
		if why := collectorMistake(c.Traces); why != "" {
			shown := c.Traces
			if u, err := url.Parse(shown); err == nil {
				shown = u.Redacted()
			}
			report("traces", "%q %s", shown, why)
		}
	}
	if u, err := url.Parse(c.TLS.ACME); c.TLS.ACME != "" && c.TLS.ACME != "letsencrypt" && c.TLS.ACME != "letsencrypt-staging" && (err != nil || u.Host == "" || u.Scheme != "https") {
		report("tls.acme", "%q is neither letsencrypt, letsencrypt-staging nor an https address", c.TLS.ACME)
	}
	if c.Drain < 0 {
		report("drain", "%v is negative; write 0 to break open streams at once", c.Drain)
	}
	if c.RetryWait < 0 {
		report("retryWait", "%v is negative; write 0 to retry at once", c.RetryWait)
	}
	if age := c.History.Age; age < 0 || age > 0 && age < time.Second {
		report("history.age", "%v is too short; write 1s or more, or 0 to keep nothing on disk", age)
	}
	if size := c.History.Size; size < 0 || size > 0 && size < minHistory {
		report("history.size", "%d bytes are too few; write 16MB or more, or 0 to keep nothing on disk", size)
	}
	if c.Idle < 0 {
		report("idle", "%v is negative; write 0 to keep execution environments until the server stops", c.Idle)
	}
	return found
}

func (c Config) checkAddr(report func(key, format string, args ...any)) {
	_, port, err := net.SplitHostPort(c.Addr)
	if err != nil {
		report("addr", "%q is not host:port; write one such as 127.0.0.1:9000", c.Addr)
		return
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		report("addr", "%q has no valid port; write a number from 0 to 65535, where 0 takes a free one", c.Addr)
		return
	}
}

// minHistory is some entries of the history on disk, in bytes.
const minHistory = 16 << 20

// CheckUnsandboxed returns an *Error when other machines can reach functions that run
// without a sandbox. It is for whoever knows which driver runs them.
func (c Config) CheckUnsandboxed() error {
	if !c.Reachable() || c.ExposeUnsandboxed {
		return nil
	}
	return &Error{Key: "addr", Message: fmt.Sprintf("other machines can reach %s, but functions run without a sandbox, with all the rights of the user "+
		"who runs Sluice, and anyone who can connect may call the Function URLs. Listen on 127.0.0.1, let sluice serve run them in containers, "+
		"or accept this with --expose-unsandboxed (SLUICE_EXPOSE_UNSANDBOXED=true, exposeUnsandboxed: true)", c.Addr)}
}

// CheckServe returns an *Error when a server that functions are deployed to can't be
// run: other machines can reach an API that asks nobody for credentials, or keys don't
// go together.
func (c Config) CheckServe() error {
	switch t := c.TLS; {
	case (t.Certificate == "") != (t.Key == ""):
		return &Error{Key: "tls", Message: "a certificate needs its key, and a key its certificate; set tls.certificate and tls.key"}
	case t.ACME != "" && t.Certificate != "":
		return &Error{Key: "tls", Message: "there is a certificate, and certificates are to be got by ACME; leave out tls.certificate or tls.acme"}
	case !c.Reachable() || c.Credentials != "" || c.ExposeOpen:
		return nil
	}
	return &Error{Key: "credentials", Message: fmt.Sprintf("there are none, and other machines can reach %s: anyone who can connect may deploy functions and call them. "+
		"Name a file of access keys with --credentials, listen on 127.0.0.1, or accept this with --expose-open (SLUICE_EXPOSE_OPEN=true, exposeOpen: true)", c.Addr)}
}

// Reachable tells whether other machines can reach Addr.
func (c Config) Reachable() bool {
	host, _, err := net.SplitHostPort(c.Addr)
	return err == nil && !loopback(host)
}

// loopback tells whether only this machine can reach host. A name other than
// localhost may resolve to anything, so it counts as reachable.
func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

var (
	regionForm  = regexp.MustCompile(`^[a-z]{2,}(-[a-z]+)+-[0-9]{1,2}$`)
	accountForm = regexp.MustCompile(`^[0-9]{12}$`)
	labelForm   = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
)

// maxDomain leaves room in a DNS name's 253 characters for
// "<url-id>.lambda-url.".
const maxDomain = 253 - 63 - len(".lambda-url.")

// domainMistake says why domain can't end a host name, or "".
func domainMistake(domain string) string {
	switch {
	case domain == "":
		return "is empty; write a DNS name such as localhost"
	case len(domain) > maxDomain:
		return fmt.Sprintf("is longer than the %d characters that are left for it in a host name", maxDomain)
	case strings.Contains(domain, ":"):
		return "has a scheme or a port; write the bare DNS name, the port belongs in addr"
	}
	for label := range strings.SplitSeq(domain, ".") {
		if !labelForm.MatchString(label) {
			return "is not a DNS name; write lower-case letters, digits and '-' between dots"
		}
	}
	if _, err := netip.ParseAddr(domain); err == nil {
		return "is an IP address, which can't have the sub-domains that Function URLs need; write a DNS name"
	}
	return ""
}
