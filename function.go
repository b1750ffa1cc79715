package sluice

import (
	"strings"
	"time"
)

// LatestVersion is the qualifier of a function's unpublished code.
const LatestVersion = "$LATEST"

// Lambda's defaults for a function that does not say otherwise
// (docs/contract/sam-template.md §5).
const (
	DefaultTimeout            = 3 * time.Second
	MaxTimeout                = 900 * time.Second
	DefaultMemoryMB           = 128
	DefaultEphemeralStorageMB = 512
)

// Function is one version of a function: everything an execution environment
// needs to run it. A Function is immutable once it was handed to an invoker;
// a change makes a new value.
type Function struct {
	// Name is the function's name, 1 to 64 characters of [A-Za-z0-9-_].
	Name string
	// Version is "$LATEST" or a decimal number.
	Version string
	// Runtime is AWS's identifier, for example "nodejs22.x".
	Runtime string
	// Handler is the entry point in the runtime's own notation, for example
	// "index.handler".
	Handler string
	// CodeDir is the absolute path of the unpacked code (LAMBDA_TASK_ROOT).
	CodeDir string
	// Layers are absolute paths of unpacked layers in the order they overlay
	// each other; the last one wins.
	Layers []string
	// Environment holds the customer's variables.
	Environment map[string]string
	// Timeout bounds one invocation, streaming included. 1 s to 900 s on AWS.
	Timeout time.Duration
	// MemoryMB is the configured memory in MiB.
	MemoryMB int
	// EphemeralStorageMB is the size of /tmp in MiB.
	EphemeralStorageMB int
	// Architecture is "x86_64" or "arm64".
	Architecture string
	// Logging is the function's LoggingConfig.
	Logging Logging
	// ReservedConcurrency caps the function's concurrent invocations. Nil means
	// the account's limit; zero refuses every invocation.
	ReservedConcurrency *int
	// SourceMaps asks the runtime to translate stack traces: the code was
	// bundled and carries source maps.
	SourceMaps bool
}

// Logging mirrors Lambda's LoggingConfig (docs/contract/execution-environment.md §3).
type Logging struct {
	// JSON selects LogFormat JSON; the zero value is Text.
	JSON bool
	// ApplicationLevel is ApplicationLogLevel (TRACE … FATAL), "" for unset.
	ApplicationLevel string
	// SystemLevel is SystemLogLevel (DEBUG, INFO, WARN), "" for unset.
	SystemLevel string
	// Group is the log group's name, "" for /aws/lambda/<name>.
	Group string
}

// InvokeMode says how a Function URL or an API call wants the response.
type InvokeMode string

// The two invoke modes of docs/contract/function-url.md.
const (
	Buffered       InvokeMode = "BUFFERED"
	ResponseStream InvokeMode = "RESPONSE_STREAM"
)

// AuthType is the AuthType of a Function URL.
type AuthType string

// The two auth types of docs/contract/function-url.md §7.
const (
	AuthNone AuthType = "NONE"
	AuthIAM  AuthType = "AWS_IAM"
)

// FunctionURL is the configuration of one Function URL.
type FunctionURL struct {
	// ID is the first label of the URL's host name, lower case.
	ID string
	// Function is the name of the function behind the URL.
	Function string
	// Qualifier is "" for $LATEST, else an alias name.
	Qualifier string
	AuthType  AuthType
	Mode      InvokeMode
	// CORS is nil when the URL has no Cors configuration.
	CORS *CORS
	// Public tells whether the resource policy lets everybody call the URL.
	// AuthNone alone does not (docs/contract/function-url.md §7.1).
	Public bool
}

// CORS is the Cors member of a Function URL configuration; its limits are in
// docs/contract/function-url.md §8.
type CORS struct {
	AllowCredentials bool
	AllowHeaders     []string
	AllowMethods     []string
	AllowOrigins     []string
	ExposeHeaders    []string
	// MaxAge is in seconds, 0 to 86400; 0 sends no header.
	MaxAge int
}

// HostLabel makes a DNS label of a function's name: lower case, every character
// that a label can't hold replaced by '-', at most 63 characters. It is the id
// of a Function URL in `sluice dev`.
func HostLabel(name string) string {
	label := []byte(strings.ToLower(name))
	for i, c := range label {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			label[i] = '-'
		}
	}
	s := strings.Trim(string(label), "-")
	if len(s) > 63 {
		s = strings.TrimRight(s[:63], "-")
	}
	if s == "" {
		return "function"
	}
	return s
}
