package config

import (
	"log/slog"
	"strings"
	"time"

	sluice "github.com/sluice-run/sluice"
)

// Config is a server's configuration. The annotated sluice.yaml at the root of
// the repository explains each key.
type Config struct {
	// Addr is the address to listen on, host:port. Port 0 takes a free one.
	Addr string `yaml:"addr"`
	// ExposeUnsandboxed allows an Addr that other machines can reach although
	// functions run with no isolation.
	ExposeUnsandboxed bool `yaml:"exposeUnsandboxed"`
	// Sandbox is the driver that runs functions.
	Sandbox Sandbox `yaml:"sandbox"`
	// OCIRuntime is the program that runs containers, "" for the first that works.
	OCIRuntime string `yaml:"ociRuntime"`
	// Outbound lets functions in containers connect to the outside.
	Outbound bool `yaml:"outbound"`
	// ExposeOpen allows an Addr that other machines can reach although anybody may
	// call the Lambda API.
	ExposeOpen bool `yaml:"exposeOpen"`
	// Domain is the DNS name under which Function URLs are served:
	// <url-id>.lambda-url.<domain>.
	Domain string `yaml:"domain"`
	// Data is the folder for state. Load makes it absolute and puts the user's
	// data folder in place of ""; it stays "" when the user has no home.
	Data string `yaml:"data"`
	// Credentials is a file of access keys and their policies, "" for none. Load
	// makes it absolute.
	Credentials string `yaml:"credentials"`
	// HotReload allows code in the bucket hot-reload: folders of this machine.
	HotReload bool `yaml:"hotReload"`
	// S3Endpoint is an S3 that is not AWS's, "" for AWS's.
	S3Endpoint string `yaml:"s3Endpoint"`
	// AWSEndpoint takes what events are sent to besides functions and buckets: an
	// address, "aws" for AWS's own, "" for nothing.
	AWSEndpoint string `yaml:"awsEndpoint"`
	// Prices is a file of prices, "" for AWS's. Load makes it absolute.
	Prices string `yaml:"prices"`
	// Traces is the URL that spans are sent to, "" for none. Without a path it is that
	// of a collector, and the spans' own path is added.
	Traces string `yaml:"traces"`
	// OTLP is what OpenTelemetry's own variables say of sending them.
	OTLP OTLP `yaml:"-"`
	// NATS is where the state is kept if not in the data folder.
	NATS NATS `yaml:"nats"`
	// TLS makes the listener one for https.
	TLS TLS `yaml:"tls"`
	// Region is the AWS region that the server plays.
	Region string `yaml:"region"`
	// AccountID is the AWS account that the server plays, 12 digits.
	AccountID string `yaml:"accountId"`
	// Quirks chooses between AWS's oddities and sane behaviour.
	Quirks sluice.Quirks `yaml:"quirks"`
	Limits Limits        `yaml:"limits"`
	Log    Log           `yaml:"log"`
	// Drain is how long a stopping server lets open streams run on. Zero breaks
	// them at once.
	Drain time.Duration `yaml:"drain"`
	// History is what is kept of invocations and log lines.
	History History `yaml:"history"`
	// Idle is how long an execution environment without work is kept. Zero keeps
	// it until the server stops.
	Idle time.Duration `yaml:"idle"`
	// RetryWait is the wait before the first retry of an asynchronous invocation
	// whose function failed; the second is twice as long.
	RetryWait time.Duration `yaml:"retryWait"`
}

// Limits are AWS's limits as dials. Sizes are bytes; zero lifts a limit.
type Limits struct {
	StreamedPayload int64 `yaml:"streamedPayload"`
	StreamBurst     int64 `yaml:"streamBurst"`
	StreamRate      int64 `yaml:"streamRate"`
	BufferedPayload int64 `yaml:"bufferedPayload"`
	RequestPayload  int64 `yaml:"requestPayload"`
	Concurrency     int   `yaml:"concurrency"`
}

// Log says how Sluice writes its log.
type Log struct {
	Format LogFormat `yaml:"format"`
	// Level is debug, info, warn or error.
	Level string `yaml:"level"`
}

// History bounds what is kept on disk of invocations, and of log lines; zero keeps
// nothing.
type History struct {
	Age time.Duration `yaml:"age"`
	// Size is in bytes, of each of the two.
	Size int64 `yaml:"size"`
}

// TLS is a certificate in PEM files, or where to get one. Paths are absolute after
// Load.
type TLS struct {
	Certificate string `yaml:"certificate"`
	Key         string `yaml:"key"`
	// ACME is "letsencrypt", "letsencrypt-staging", the address of a directory, or ""
	// for none.
	ACME      string `yaml:"acme"`
	Email     string `yaml:"email"`
	ACMERoots string `yaml:"acmeRoots"`
}

// NATS is an external NATS server with JetStream. Paths are absolute after Load.
type NATS struct {
	// URL is "" for the server inside of Sluice.
	URL string `yaml:"url"`
	// Credentials is a NATS credentials file.
	Credentials string `yaml:"credentials"`
	// CA, Certificate and Key are PEM files for TLS.
	CA          string `yaml:"ca"`
	Certificate string `yaml:"certificate"`
	Key         string `yaml:"key"`
	// Replicas of everything, on a cluster.
	Replicas int `yaml:"replicas"`
}

// Sandbox names a sandbox driver.
type Sandbox string

// The choices of a driver.
const (
	// SandboxAuto is SandboxOCI where it works, else SandboxProcess.
	SandboxAuto Sandbox = "auto"
	// SandboxOCI runs containers.
	SandboxOCI Sandbox = "oci"
	// SandboxProcess runs plain processes.
	SandboxProcess Sandbox = "process"
)

// LogFormat is the form of what Sluice prints.
type LogFormat string

// The three log formats.
const (
	// LogAuto is coloured text on a terminal and plain text elsewhere.
	LogAuto LogFormat = "auto"
	// LogText is text without colours.
	LogText LogFormat = "text"
	// LogJSON is one JSON object a line.
	LogJSON LogFormat = "json"
)

// Default returns the configuration of a server that nobody configured.
func Default() Config {
	id, q := sluice.DefaultIdentity(), sluice.DefaultQuotas()
	return Config{
		Addr:      "127.0.0.1:9000",
		Domain:    "localhost",
		Sandbox:   SandboxAuto,
		Region:    id.Region,
		AccountID: id.AccountID,
		Quirks:    sluice.QuirksAWS,
		NATS:      NATS{Replicas: 1},
		OTLP:      OTLP{Timeout: 10 * time.Second, Sampling: Sampling{ParentBased: true, Ratio: 1}},
		Limits: Limits{
			StreamedPayload: q.StreamedPayload,
			StreamBurst:     q.StreamBurst,
			StreamRate:      q.StreamRate,
			BufferedPayload: q.BufferedPayload,
			RequestPayload:  q.RequestPayload,
			Concurrency:     q.Concurrency,
		},
		Log:   Log{Format: LogAuto, Level: "info"},
		Drain: 10 * time.Second,
		// A week, as long as people look back; both together fit on any disk.
		History: History{Age: 7 * 24 * time.Hour, Size: 256 << 20},
		Idle:    10 * time.Minute,

		RetryWait: time.Minute,
	}
}

// Quotas returns the limits in the form that the rest of Sluice takes them.
func (c Config) Quotas() sluice.Quotas {
	return sluice.Quotas{
		StreamedPayload: c.Limits.StreamedPayload,
		StreamBurst:     c.Limits.StreamBurst,
		StreamRate:      c.Limits.StreamRate,
		BufferedPayload: c.Limits.BufferedPayload,
		RequestPayload:  c.Limits.RequestPayload,
		Concurrency:     c.Limits.Concurrency,
	}
}

// Identity returns the account that the server plays. AWS's partition follows
// from the region: aws-cn for cn-…, aws-us-gov for us-gov-…, else aws.
func (c Config) Identity() sluice.Identity {
	id := sluice.DefaultIdentity()
	id.Region, id.AccountID = c.Region, c.AccountID
	switch {
	case strings.HasPrefix(c.Region, "cn-"):
		id.Partition = "aws-cn"
	case strings.HasPrefix(c.Region, "us-gov-"):
		id.Partition = "aws-us-gov"
	}
	return id
}

// SlogLevel returns the log level for slog, Info if Level is not valid.
func (l Log) SlogLevel() slog.Level {
	return logLevels[l.Level]
}

var logLevels = map[string]slog.Level{
	"debug": slog.LevelDebug,
	"info":  slog.LevelInfo,
	"warn":  slog.LevelWarn,
	"error": slog.LevelError,
}
