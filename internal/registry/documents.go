package registry

import (
	"encoding/json"
	"time"

	sluice "github.com/sluice-run/sluice"
)

// Function is everything about a function but its published versions.
type Function struct {
	Name   string
	Latest Version
	// LastVersion is the highest version number that was given out.
	LastVersion int
	// Aliases by name.
	Aliases map[string]*Alias `json:",omitempty"`
	// URLs by alias, "" for the unpublished code.
	URLs map[string]*URL `json:",omitempty"`
	// Policies by qualifier, "" for the function itself.
	Policies map[string]*Policy `json:",omitempty"`
	// ReservedConcurrency is nil when none is reserved.
	ReservedConcurrency *int `json:",omitempty"`
	// EventInvoke by qualifier, "$LATEST" for the unpublished code.
	EventInvoke map[string]*EventInvoke `json:",omitempty"`
	// Provisioned concurrency by qualifier, an alias or a version.
	Provisioned map[string]*Provisioned `json:",omitempty"`
	Tags        map[string]string       `json:",omitempty"`
	// RecursiveLoop is "Terminate" or "Allow", UpdateRuntimeOn "Auto",
	// "FunctionUpdate" or "Manual".
	RecursiveLoop, UpdateRuntimeOn string

	// Revision is the record's, for the next write.
	Revision uint64 `json:"-"`
}

// Version is the configuration and code of one version. The published ones have a
// number and never change.
type Version struct {
	// Number is "$LATEST" or a decimal number.
	Number      string
	Runtime     string
	Role        string
	Handler     string
	Description string
	// Timeout is in seconds, MemorySize and EphemeralStorage in MB.
	Timeout, MemorySize, EphemeralStorage int
	// Environment is nil when the function never had one.
	Environment   map[string]string
	Layers        []LayerReference `json:",omitempty"`
	Architectures []string
	TracingMode   string
	Logging       Logging
	DeadLetter    string `json:",omitempty"`
	KMSKey        string `json:",omitempty"`
	// VPC is what the client gave, kept for its sake.
	VPC json.RawMessage `json:",omitempty"`
	// Code is the SHA-256 of the package in hex, CodeSize its size in bytes.
	Code     string
	CodeSize int64
	// Image is the container image of a function that has one, and no code.
	Image *Image `json:",omitempty"`
	// ImageConfig is what the function changes of its image.
	ImageConfig *ImageConfig `json:",omitempty"`
	// Folder is the code of a function that runs from a local folder, "" for all
	// others.
	Folder string `json:",omitempty"`
	// LastModified of this version, and the RevisionId that clients see.
	LastModified time.Time
	RevisionID   string
}

// Image is a container image as it was when it was deployed.
type Image struct {
	// URI is as the client gave it, Resolved with the digest in place of a tag, and
	// Digest SHA-256 in hex.
	URI, Resolved, Digest string
	Entrypoint, Command   []string `json:",omitempty"`
	Dir                   string   `json:",omitempty"`
	Env                   []string `json:",omitempty"`
}

// ImageConfig is a function's own start of its image; empty members leave the image's.
type ImageConfig struct {
	EntryPoint, Command []string `json:",omitempty"`
	WorkingDirectory    string   `json:",omitempty"`
}

// LayerReference is a layer of a function.
type LayerReference struct {
	ARN      string
	CodeSize int64
	// Code is the SHA-256 of the layer's package in hex.
	Code string
}

// Logging is the LoggingConfig with its defaults filled in.
type Logging struct {
	Format, ApplicationLevel, SystemLevel, Group string
}

// Alias is a name for a version, or for two with weights.
type Alias struct {
	Name, Version, Description string
	// Weights are the shares of further versions, 0 to 1.
	Weights    map[string]float64 `json:",omitempty"`
	RevisionID string
}

// URL is the configuration of a Function URL.
type URL struct {
	// ID is the first label of the host.
	ID       string
	AuthType sluice.AuthType
	// Mode is "" until somebody says it, which means BUFFERED.
	Mode              sluice.InvokeMode
	CORS              *sluice.CORS `json:",omitempty"`
	Created, Modified time.Time
}

// Policy is a resource policy.
type Policy struct {
	Statements []Statement
	RevisionID string
}

// Statement is one permission, in the JSON of IAM.
type Statement struct {
	ID   string          `json:"Sid"`
	Text json.RawMessage `json:"Statement"`
}

// EventInvoke is the configuration of asynchronous invocations.
type EventInvoke struct {
	// Attempts and Age, in seconds, are nil when unset.
	Attempts, Age        *int   `json:",omitempty"`
	OnSuccess, OnFailure string `json:",omitempty"`
	Modified             time.Time
}

// Provisioned is a provisioned concurrency.
type Provisioned struct {
	Count    int
	Modified time.Time
}

// Layer is one version of a layer.
type Layer struct {
	Name          string
	Number        int
	Description   string
	License       string
	Runtimes      []string `json:",omitempty"`
	Architectures []string `json:",omitempty"`
	Code          string
	CodeSize      int64
	Created       time.Time
	Policy        *Policy `json:",omitempty"`
	// Deleted versions are kept while functions use them.
	Deleted bool `json:",omitempty"`
}
