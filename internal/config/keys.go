package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	sluice "github.com/sluice-run/sluice"
)

// setting is one key. Every source gives text, and set is the only reader of
// that text, so a value means the same wherever it is written. Set checks the
// notation; Validate checks the value.
type setting struct {
	key   string
	usage string
	set   func(*Config, string) error
	text  func(Config) string
	// inFolder marks a path: in the file it is relative to the file.
	inFolder bool
	// isBool makes the flag one that needs no value.
	isBool bool
	// choices are all values, or those with a name, nil where any text may do.
	choices []string
}

const limitsPrefix = "limits."

// settings is every key, in the order of sluice.yaml.
func settings() []setting {
	return []setting{
		{
			key: "addr", usage: "`host:port` to listen on; port 0 takes a free one",
			set:  func(c *Config, s string) error { c.Addr = s; return nil },
			text: func(c Config) string { return c.Addr },
		},
		{
			key: "exposeUnsandboxed", isBool: true,
			usage: "allow an --addr that other machines can reach although functions are not sandboxed: whoever connects can run them",
			set:   func(c *Config, s string) error { return setBool(&c.ExposeUnsandboxed, s) },
			text:  func(c Config) string { return strconv.FormatBool(c.ExposeUnsandboxed) },
		},
		{
			key: "sandbox", choices: []string{string(SandboxAuto), string(SandboxOCI), string(SandboxProcess)}, usage: "`driver` that runs functions: auto (oci where it works), oci (containers) or process (no isolation); sluice dev takes process",
			set:  func(c *Config, s string) error { c.Sandbox = Sandbox(s); return nil },
			text: func(c Config) string { return string(c.Sandbox) },
		},
		{
			key: "ociRuntime", usage: "`program` that runs containers, such as crun, runc or runsc (default: the first of crun and runc that works)",
			set:  func(c *Config, s string) error { c.OCIRuntime = s; return nil },
			text: func(c Config) string { return c.OCIRuntime },
		},
		{
			key: "outbound", isBool: true, usage: "let functions in containers connect to the outside, through slirp4netns",
			set:  func(c *Config, s string) error { return setBool(&c.Outbound, s) },
			text: func(c Config) string { return strconv.FormatBool(c.Outbound) },
		},
		{
			key: "exposeOpen", isBool: true,
			usage: "allow an --addr that other machines can reach without --credentials: whoever connects may deploy and call functions",
			set:   func(c *Config, s string) error { return setBool(&c.ExposeOpen, s) },
			text:  func(c Config) string { return strconv.FormatBool(c.ExposeOpen) },
		},
		{
			key: "domain", usage: "DNS `name` that Function URLs end in: <url-id>.lambda-url.<name>",
			set:  func(c *Config, s string) error { c.Domain = s; return nil },
			text: func(c Config) string { return c.Domain },
		},
		{
			key: "data", inFolder: true, usage: "`folder` for state (default: the user's data folder)",
			set:  func(c *Config, s string) error { c.Data = s; return nil },
			text: func(c Config) string { return c.Data },
		},
		{
			key: "credentials", inFolder: true, usage: "`file` of access keys and what each may do; without one any signature is taken",
			set:  func(c *Config, s string) error { c.Credentials = s; return nil },
			text: func(c Config) string { return c.Credentials },
		},
		{
			key: "hotReload", isBool: true, usage: "let functions run from folders of this machine: S3Bucket hot-reload, S3Key the folder",
			set:  func(c *Config, s string) error { return setBool(&c.HotReload, s) },
			text: func(c Config) string { return strconv.FormatBool(c.HotReload) },
		},
		{
			key: "s3Endpoint", usage: "`address` of an S3 that is not AWS's, for code in S3",
			set:  func(c *Config, s string) error { c.S3Endpoint = s; return nil },
			text: func(c Config) string { return c.S3Endpoint },
		},
		{
			key: "awsEndpoint", choices: []string{"aws"}, usage: "`address` of SQS, SNS and EventBridge for destinations of events, or aws for AWS's own",
			set:  func(c *Config, s string) error { c.AWSEndpoint = s; return nil },
			text: func(c Config) string { return c.AWSEndpoint },
		},
		{
			key: "prices", inFolder: true, usage: "`file` of prices for the estimate of what AWS would charge (default: AWS's public ones)",
			set:  func(c *Config, s string) error { c.Prices = s; return nil },
			text: func(c Config) string { return c.Prices },
		},
		{
			key: "traces", usage: "`address` of an OpenTelemetry collector (OTLP over HTTP) that gets a span for each invocation",
			set:  func(c *Config, s string) error { c.Traces = s; return nil },
			text: func(c Config) string { return c.Traces },
		},
		{
			key: "nats.url", usage: "`address` of a NATS server with JetStream that keeps the state, instead of the data folder",
			set:  func(c *Config, s string) error { c.NATS.URL = s; return nil },
			text: func(c Config) string { return c.NATS.URL },
		},
		natsFile("credentials", "NATS credentials `file`", func(n *NATS) *string { return &n.Credentials }),
		natsFile("ca", "PEM `file` of the authorities that the NATS server's certificate may come from", func(n *NATS) *string { return &n.CA }),
		natsFile("certificate", "PEM `file` of the certificate shown to the NATS server", func(n *NATS) *string { return &n.Certificate }),
		natsFile("key", "PEM `file` of that certificate's key", func(n *NATS) *string { return &n.Key }),
		{
			key: "nats.replicas", usage: "`count` of copies of the state on a NATS cluster",
			set:  func(c *Config, s string) error { return setCount(&c.NATS.Replicas, s) },
			text: func(c Config) string { return strconv.Itoa(c.NATS.Replicas) },
		},
		{
			key: "tls.certificate", inFolder: true, usage: "PEM `file` of the certificate to listen with https; it is read again when it changes",
			set:  func(c *Config, s string) error { c.TLS.Certificate = s; return nil },
			text: func(c Config) string { return c.TLS.Certificate },
		},
		{
			key: "tls.key", inFolder: true, usage: "PEM `file` of the certificate's key",
			set:  func(c *Config, s string) error { c.TLS.Key = s; return nil },
			text: func(c Config) string { return c.TLS.Key },
		},
		{
			key: "tls.acme", choices: []string{"letsencrypt", "letsencrypt-staging"}, usage: "get certificates by ACME: letsencrypt, letsencrypt-staging or a directory's `address`; you agree to its terms",
			set:  func(c *Config, s string) error { c.TLS.ACME = s; return nil },
			text: func(c Config) string { return c.TLS.ACME },
		},
		{
			key: "tls.email", usage: "mail `address` for the warnings of the ACME authority",
			set:  func(c *Config, s string) error { c.TLS.Email = s; return nil },
			text: func(c Config) string { return c.TLS.Email },
		},
		{
			key: "tls.acmeRoots", inFolder: true, usage: "PEM `file` of the authorities that the ACME directory's own certificate may come from",
			set:  func(c *Config, s string) error { c.TLS.ACMERoots = s; return nil },
			text: func(c Config) string { return c.TLS.ACMERoots },
		},
		{
			key: "region", usage: "AWS `region` to play",
			set:  func(c *Config, s string) error { c.Region = s; return nil },
			text: func(c Config) string { return c.Region },
		},
		{
			key: "accountId", usage: "AWS account to play, 12 `digits`",
			set:  func(c *Config, s string) error { c.AccountID = s; return nil },
			text: func(c Config) string { return c.AccountID },
		},
		{
			key: "quirks", choices: []string{string(sluice.QuirksAWS), string(sluice.QuirksFixed)}, usage: "`behaviour` where AWS is odd: aws fails as AWS does, with a hint; fixed is sane",
			set:  func(c *Config, s string) error { c.Quirks = sluice.Quirks(s); return nil },
			text: func(c Config) string { return string(c.Quirks) },
		},
		sizeLimit("streamedPayload", func(l *Limits) *int64 { return &l.StreamedPayload }),
		sizeLimit("streamBurst", func(l *Limits) *int64 { return &l.StreamBurst }),
		sizeLimit("streamRate", func(l *Limits) *int64 { return &l.StreamRate }),
		sizeLimit("bufferedPayload", func(l *Limits) *int64 { return &l.BufferedPayload }),
		sizeLimit("requestPayload", func(l *Limits) *int64 { return &l.RequestPayload }),
		{
			key:  limitsPrefix + "concurrency",
			set:  func(c *Config, s string) error { return setCount(&c.Limits.Concurrency, s) },
			text: func(c Config) string { return strconv.Itoa(c.Limits.Concurrency) },
		},
		{
			key: "log.format", choices: []string{string(LogAuto), string(LogText), string(LogJSON)}, usage: "`form` of what is printed: auto (text, coloured on a terminal), text or json",
			set:  func(c *Config, s string) error { c.Log.Format = LogFormat(s); return nil },
			text: func(c Config) string { return string(c.Log.Format) },
		},
		{
			key: "log.level", choices: []string{"debug", "info", "warn", "error"}, usage: "lowest `level` of Sluice's own log: debug, info, warn or error",
			set:  func(c *Config, s string) error { c.Log.Level = s; return nil },
			text: func(c Config) string { return c.Log.Level },
		},
		{
			key: "drain", usage: "`duration` that open streams may run on after Ctrl-C; 0 breaks them at once",
			set:  func(c *Config, s string) error { return setDuration(&c.Drain, s) },
			text: func(c Config) string { return durationText(c.Drain) },
		},
		{
			key: "history.age", usage: "`duration` for which records of invocations and log lines are kept on disk; 0 keeps none",
			set:  func(c *Config, s string) error { return setDuration(&c.History.Age, s) },
			text: func(c Config) string { return durationText(c.History.Age) },
		},
		{
			key: "history.size", usage: "`size` of the records kept on disk, and of the log lines, such as 256MB; 0 keeps none",
			set:  func(c *Config, s string) error { return setSize(&c.History.Size, s) },
			text: func(c Config) string { return sluice.FormatSize(c.History.Size) },
		},
		{
			key: "idle", usage: "`duration` for which an execution environment without work is kept; 0 keeps it",
			set:  func(c *Config, s string) error { return setDuration(&c.Idle, s) },
			text: func(c Config) string { return durationText(c.Idle) },
		},
		{
			key: "retryWait", usage: "`duration` before an asynchronous invocation that failed is tried again; the second wait is twice as long",
			set:  func(c *Config, s string) error { return setDuration(&c.RetryWait, s) },
			text: func(c Config) string { return durationText(c.RetryWait) },
		},
	}
}

func natsFile(name, usage string, field func(*NATS) *string) setting {
	return setting{
		key: "nats." + name, usage: usage, inFolder: true,
		set:  func(c *Config, s string) error { *field(&c.NATS) = s; return nil },
		text: func(c Config) string { return *field(&c.NATS) },
	}
}

func sizeLimit(name string, field func(*Limits) *int64) setting {
	return setting{
		key:  limitsPrefix + name,
		set:  func(c *Config, s string) error { return setSize(field(&c.Limits), s) },
		text: func(c Config) string { return sluice.FormatSize(*field(&c.Limits)) },
	}
}

// Choices are the values that a flag of BindFlags has names for, nil if there are none.
func Choices(flag string) []string {
	for _, s := range settings() {
		if s.flag() == flag {
			return s.choices
		}
	}
	return nil
}

// LimitNames are the names of the limits, in the order of sluice.yaml.
func LimitNames() (names []string) {
	for _, s := range settings() {
		if s.isLimit() {
			names = append(names, strings.TrimPrefix(s.key, limitsPrefix))
		}
	}
	return names
}

// isLimit tells that the key has no flag and no variable of its own.
func (s setting) isLimit() bool { return strings.HasPrefix(s.key, limitsPrefix) }

// flag is the key in the notation of flags: "log.format" is "log-format".
func (s setting) flag() string {
	var b strings.Builder
	for _, r := range s.key {
		switch {
		case r == '.':
			b.WriteByte('-')
		case unicode.IsUpper(r):
			b.WriteByte('-')
			b.WriteRune(unicode.ToLower(r))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// variable is the key in the notation of the environment.
func (s setting) variable() string {
	return "SLUICE_" + strings.ToUpper(strings.ReplaceAll(s.flag(), "-", "_"))
}

func setBool(to *bool, s string) error {
	switch strings.ToLower(s) {
	case "true", "1", "yes", "on":
		*to = true
	case "false", "0", "no", "off":
		*to = false
	default:
		return fmt.Errorf("%q is neither true nor false", s)
	}
	return nil
}

func setSize(to *int64, s string) error {
	n, err := sluice.ParseSize(s)
	if err != nil {
		return err
	}
	if n == 0 && strings.ContainsAny(s, "123456789") {
		return fmt.Errorf("size %q is less than one byte; write 0 to lift the limit", s)
	}
	*to = n
	return nil
}

func setCount(to *int, s string) error {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return fmt.Errorf("%q is not a count; write a whole number, or 0 to lift the limit", s)
	}
	*to = n
	return nil
}

func setDuration(to *time.Duration, s string) error {
	d, err := time.ParseDuration(s)
	if err != nil {
		if _, numeric := strconv.ParseFloat(s, 64); numeric == nil {
			return fmt.Errorf("%q has no unit; write %ss for seconds, or ms, m, h", s, s)
		}
		return fmt.Errorf("%q is not a duration; write a number and ms, s, m or h, such as 1m30s", s)
	}
	*to = d
	return nil
}

// durationText writes d without the zero parts that Duration.String adds: 10m,
// not 10m0s.
func durationText(d time.Duration) string {
	s := d.String()
	if t, ok := strings.CutSuffix(s, "m0s"); ok {
		s = t + "m"
	}
	if t, ok := strings.CutSuffix(s, "h0m"); ok {
		s = t + "h"
	}
	return s
}
