package lambdaapi

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/destination"
	"github.com/sluice-run/sluice/internal/registry"
)

// environmentDocument, and the types below, are members of requests and answers.
type environmentDocument struct {
	Variables map[string]string
}

type layerDocument struct {
	ARN      string `json:"Arn"`
	CodeSize int64
}

type loggingDocument struct {
	LogFormat           string
	ApplicationLogLevel string `json:",omitempty"`
	SystemLogLevel      string `json:",omitempty"`
	LogGroup            string `json:",omitempty"`
}

type deadLetterDocument struct {
	TargetArn string
}

type storageDocument struct{ Size int }

type tracingDocument struct{ Mode string }

type snapStartDocument struct{ ApplyOn, OptimizationStatus string }

type runtimeDocument struct{ RuntimeVersionArn string }

// configurationDocument is FunctionConfiguration
// (docs/contract/control-api.md §3).
type configurationDocument struct {
	FunctionName               string
	FunctionArn                string
	Runtime                    string `json:",omitempty"`
	Role                       string
	Handler                    string `json:",omitempty"`
	CodeSize                   int64
	Description                string
	Timeout                    int
	MemorySize                 int
	LastModified               string
	CodeSha256                 string
	Version                    string
	Environment                *environmentDocument `json:",omitempty"`
	DeadLetterConfig           *deadLetterDocument  `json:",omitempty"`
	KMSKeyArn                  string               `json:",omitempty"`
	VpcConfig                  json.RawMessage      `json:",omitempty"`
	TracingConfig              tracingDocument
	RevisionId                 string
	Layers                     []layerDocument `json:",omitempty"`
	State                      string          `json:",omitempty"`
	StateReason                string          `json:",omitempty"`
	StateReasonCode            string          `json:",omitempty"`
	LastUpdateStatus           string          `json:",omitempty"`
	LastUpdateStatusReason     string          `json:",omitempty"`
	LastUpdateStatusReasonCode string          `json:",omitempty"`
	PackageType                string
	Architectures              []string
	EphemeralStorage           storageDocument
	SnapStart                  snapStartDocument
	RuntimeVersionConfig       *runtimeDocument `json:",omitempty"`
	LoggingConfig              loggingDocument
	ImageConfigResponse        *imageConfigResponse `json:",omitempty"`
}

// imageConfigDocument is what a function changes of its image.
type imageConfigDocument struct {
	EntryPoint       []string `json:",omitempty"`
	Command          []string `json:",omitempty"`
	WorkingDirectory string   `json:",omitempty"`
}

func (d *imageConfigDocument) given() bool {
	return d != nil && (len(d.EntryPoint) > 0 || len(d.Command) > 0 || d.WorkingDirectory != "")
}

type imageConfigResponse struct{ ImageConfig imageConfigDocument }

// phase is what an answer says of a function's state. Changes take effect at once;
// the answer to one still says that it goes on, as clients expect.
type phase int

const (
	settled phase = iota
	creating
	updating
	// listed leaves the state out.
	listed
)

// document makes the configuration of a version. arn is as the client asked.
func (a *API) document(name, arn string, v *registry.Version, p phase) configurationDocument {
	d := configurationDocument{
		FunctionName: name, FunctionArn: arn, Runtime: v.Runtime, Role: v.Role, Handler: v.Handler, CodeSize: v.CodeSize,
		Description: v.Description, Timeout: v.Timeout, MemorySize: v.MemorySize, LastModified: stamp(v.LastModified),
		CodeSha256: sumDocument(v.Code), Version: v.Number, KMSKeyArn: v.KMSKey, VpcConfig: v.VPC,
		TracingConfig: tracingDocument{v.TracingMode}, RevisionId: v.RevisionID, PackageType: "Zip", Architectures: v.Architectures,
		EphemeralStorage: storageDocument{v.EphemeralStorage}, SnapStart: snapStartDocument{"None", "Off"},
		LoggingConfig: loggingDocument{v.Logging.Format, v.Logging.ApplicationLevel, v.Logging.SystemLevel, v.Logging.Group},
	}
	if v.Environment != nil {
		d.Environment = &environmentDocument{v.Environment}
	}
	if v.DeadLetter != "" {
		d.DeadLetterConfig = &deadLetterDocument{v.DeadLetter}
	}
	for _, l := range v.Layers {
		d.Layers = append(d.Layers, layerDocument{l.ARN, l.CodeSize})
	}
	if v.Image != nil {
		d.PackageType, d.CodeSha256 = "Image", v.Image.Digest
		if c := v.ImageConfig; c != nil {
			d.ImageConfigResponse = &imageConfigResponse{imageConfigDocument(*c)}
		}
	}
	if p == listed {
		return d
	}
	sum := strings.Repeat("0", 64)
	if v.Image == nil {
		d.RuntimeVersionConfig = &runtimeDocument{"arn:" + a.Identity.Partition + ":lambda:" + a.Identity.Region + "::runtime:" + sum}
	}
	d.State = "Active"
	switch p {
	case creating:
		d.State, d.StateReason, d.StateReasonCode = "Pending", "The function is being created.", "Creating"
	case updating:
		d.LastUpdateStatus, d.LastUpdateStatusReason, d.LastUpdateStatusReasonCode = "InProgress", "The function is being created.", "Creating"
	default:
		d.LastUpdateStatus = "Successful"
	}
	return d
}

// sumDocument is a package's SHA-256 as clients see it: base64.
func sumDocument(sum string) string {
	raw, err := hex.DecodeString(sum)
	if err != nil {
		return sum
	}
	return base64.StdEncoding.EncodeToString(raw)
}

// settings are the members that CreateFunction and UpdateFunctionConfiguration
// share; nil was not given.
type settings struct {
	Role, Handler, Runtime, Description *string
	Timeout, MemorySize                 *int
	Environment                         *environmentDocument
	Layers                              *[]string
	EphemeralStorage                    *storageDocument
	TracingConfig                       *tracingDocument
	LoggingConfig                       *loggingDocument
	DeadLetterConfig                    *deadLetterDocument
	VpcConfig                           json.RawMessage
	KMSKeyArn                           *string

	FileSystemConfigs      json.RawMessage
	ImageConfig            *imageConfigDocument
	SnapStart              *struct{ ApplyOn string }
	TenancyConfig          json.RawMessage
	DurableConfig          json.RawMessage
	CapacityProviderConfig json.RawMessage
}

// runtimesAccepted are the runtimes that AWS takes, newest first for people who
// read the error (docs/contract/control-api.md §4.1).
var runtimesAccepted = []string{
	"nodejs24.x", "nodejs22.x", "nodejs20.x", "nodejs18.x", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10",
	"java25", "java21", "java17", "java11", "java8.al2", "dotnet10", "dotnet8", "dotnet6", "ruby3.4", "ruby3.3", "ruby3.2", "provided.al2023", "provided.al2",
}

// deprecated matches runtimes that AWS no longer takes.
var deprecated = regexp.MustCompile(`^(nodejs(4\.3|6\.10|8\.10|10\.x|12\.x|14\.x|16\.x)?|python[23]\.[6-9]|java8|dotnetcore.*|dotnet[57]|ruby2\.\d)$`)

// serves tells which of them Sluice runs.
func serves(runtime string) bool { return sluice.FamilyOf(runtime) != "" }

// check holds the given settings to their constraints.
func (s *settings) check(call *call) error {
	var c constraints
	text := func(p *string) string {
		if p == nil {
			return ""
		}
		return *p
	}
	c.pattern(text(s.Role), "role", roleARN)
	c.length(text(s.Handler), "handler", 128)
	c.pattern(text(s.Handler), "handler", handlerName)
	c.length(text(s.Description), "description", 256)
	if s.Timeout != nil {
		c.between(*s.Timeout, "timeout", 1, 900)
	}
	if s.MemorySize != nil {
		c.between(*s.MemorySize, "memorySize", 128, 10240)
	}
	if s.EphemeralStorage != nil {
		c.between(s.EphemeralStorage.Size, "ephemeralStorage.size", 512, 10240)
	}
	if s.TracingConfig != nil {
		c.oneOf(s.TracingConfig.Mode, "tracingConfig.mode", "Active", "PassThrough")
	}
	if l := s.LoggingConfig; l != nil {
		c.oneOf(l.LogFormat, "loggingConfig.logFormat", "JSON", "Text")
		c.oneOf(l.ApplicationLogLevel, "loggingConfig.applicationLogLevel", "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
		c.oneOf(l.SystemLogLevel, "loggingConfig.systemLogLevel", "DEBUG", "INFO", "WARN")
	}
	if s.Environment != nil {
		for _, name := range slices.Sorted(maps.Keys(s.Environment.Variables)) {
			if !variableName.MatchString(name) {
				c = append(c, "Value '"+name+"' at 'environment.variables' failed to satisfy constraint: Map keys must satisfy constraint: [Member must satisfy regular expression pattern: "+written(variableName)+"]")
			}
		}
	}
	if err := c.err(); err != nil {
		return err
	}
	return s.checkSupport(call)
}

// checkSupport refuses what can't work here.
func (s *settings) checkSupport(call *call) error {
	if s.Runtime != nil {
		switch name := *s.Runtime; {
		case deprecated.MatchString(name):
			return invalid("The runtime parameter of %s is no longer supported for creating or updating AWS Lambda functions. We recommend you use a supported runtime while creating or updating functions.", name)
		case !slices.Contains(runtimesAccepted, name):
			return invalid("Value %s at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [%s] or be a valid ARN", name, strings.Join(runtimesAccepted, ", "))
		case !serves(name):
			return notSupported("the runtime %s; it runs %s.", name, strings.Join(sluice.Runtimes, ", "))
		}
	}
	for name, value := range map[string]json.RawMessage{
		"FileSystemConfigs": s.FileSystemConfigs, "TenancyConfig": s.TenancyConfig,
		"DurableConfig": s.DurableConfig, "CapacityProviderConfig": s.CapacityProviderConfig,
	} {
		if text := strings.Join(strings.Fields(string(value)), ""); text != "" && text != "null" && text != "{}" && text != "[]" {
			return notSupported("%s.", name)
		}
	}
	if s.SnapStart != nil && s.SnapStart.ApplyOn != "" && s.SnapStart.ApplyOn != "None" {
		return notSupported("SnapStart.")
	}
	if d := s.DeadLetterConfig; d != nil && d.TargetArn != "" && !strings.Contains(d.TargetArn, ":lambda:") {
		if why := call.Destinations.Check(d.TargetArn, destination.DeadLetter); why != "" {
			return invalid("The dead-letter target is invalid: %s.", why)
		}
		if !call.Destinations.Reaches() {
			return notSupported("dead-letter targets other than functions unless the server was started with --aws-endpoint: %s.", d.TargetArn)
		}
	}
	if l := s.LoggingConfig; l != nil && l.LogFormat != "JSON" && (l.ApplicationLogLevel != "" || l.SystemLogLevel != "") {
		return invalid("Log level configuration is only available when LogFormat is JSON.")
	}
	return s.checkVariables()
}

// reservedVariables are set by Lambda alone
// (docs/contract/execution-environment.md §5).
var reservedVariables = []string{
	"_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_NAME",
	"AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME",
	"AWS_LAMBDA_LOG_STREAM_NAME", "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
	"AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR",
}

func (s *settings) checkVariables() error {
	if s.Environment == nil {
		return nil
	}
	var reserved []string
	size := 0
	for _, name := range slices.Sorted(maps.Keys(s.Environment.Variables)) {
		if slices.Contains(reservedVariables, name) {
			reserved = append(reserved, name)
		}
		if value := s.Environment.Variables[name]; !utf8.ValidString(value) || strings.ContainsRune(value, 0) {
			return invalid("Environment variable %s holds bytes that are not text.", name)
		}
		size += len(name) + len(s.Environment.Variables[name])
	}
	if len(reserved) > 0 {
		return invalid("Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: %s", strings.Join(reserved, ", "))
	}
	if size > 4096 {
		measured, _ := json.Marshal(s.Environment.Variables)
		return invalid("Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit. String measured: %s", measured)
	}
	return nil
}

// applyTo changes a version to what was given; layers were looked up before.
func (s *settings) applyTo(name string, v *registry.Version, layers []registry.LayerReference) {
	set := func(to *string, from *string) {
		if from != nil {
			*to = *from
		}
	}
	set(&v.Role, s.Role)
	set(&v.Handler, s.Handler)
	set(&v.Runtime, s.Runtime)
	set(&v.Description, s.Description)
	set(&v.KMSKey, s.KMSKeyArn)
	if s.Timeout != nil {
		v.Timeout = *s.Timeout
	}
	if s.MemorySize != nil {
		v.MemorySize = *s.MemorySize
	}
	if s.EphemeralStorage != nil {
		v.EphemeralStorage = s.EphemeralStorage.Size
	}
	if s.TracingConfig != nil && s.TracingConfig.Mode != "" {
		v.TracingMode = s.TracingConfig.Mode
	}
	if s.Environment != nil {
		v.Environment = map[string]string{}
		maps.Copy(v.Environment, s.Environment.Variables)
	}
	if s.ImageConfig != nil {
		v.ImageConfig = nil
		if s.ImageConfig.given() {
			config := registry.ImageConfig(*s.ImageConfig)
			v.ImageConfig = &config
		}
	}
	if s.Layers != nil {
		v.Layers = layers
	}
	if s.DeadLetterConfig != nil {
		v.DeadLetter = s.DeadLetterConfig.TargetArn
	}
	if len(s.VpcConfig) > 0 && string(s.VpcConfig) != "null" {
		v.VPC = s.VpcConfig
	}
	if l := s.LoggingConfig; l != nil {
		v.Logging = registry.Logging{Format: or(l.LogFormat, "Text"), ApplicationLevel: l.ApplicationLogLevel, SystemLevel: l.SystemLogLevel, Group: or(l.LogGroup, "/aws/lambda/"+name)}
		if v.Logging.Format == "JSON" {
			v.Logging.ApplicationLevel, v.Logging.SystemLevel = or(l.ApplicationLogLevel, "INFO"), or(l.SystemLogLevel, "INFO")
		}
	}
}

// defaults is a version as it is before anything is given.
func defaults(name string) registry.Version {
	return registry.Version{
		Number: sluice.LatestVersion, Timeout: 3, MemorySize: sluice.DefaultMemoryMB, EphemeralStorage: sluice.DefaultEphemeralStorageMB,
		Architectures: []string{"x86_64"}, TracingMode: "PassThrough", Logging: registry.Logging{Format: "Text", Group: "/aws/lambda/" + name},
	}
}

func or(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}

// touch gives a version a new revision.
func (a *API) touch(v *registry.Version) {
	v.LastModified, v.RevisionID = a.Now(), sluice.NewRequestID()
}

// resolveLayers looks up the layers of a function.
func (c *call) resolveLayers(arns []string) ([]registry.LayerReference, error) {
	if len(arns) > 5 {
		return nil, invalid("Cannot reference more than 5 layers.")
	}
	references := []registry.LayerReference{}
	seen := map[string]string{}
	for _, arn := range arns {
		name, number, err := c.layerVersion(arn)
		if err != nil {
			return nil, err
		}
		if other, twice := seen[name]; twice {
			return nil, invalid("Two different versions of the same layer are not allowed to be referenced in the same function. %s and %s are versions of the same layer.", arn, other)
		}
		seen[name] = arn
		l, err := c.Registry.Layer(name, number)
		if err != nil || l.Deleted {
			return nil, invalid("Layer version %s does not exist.", arn)
		}
		references = append(references, registry.LayerReference{ARN: arn, CodeSize: l.CodeSize, Code: l.Code})
	}
	return references, nil
}

// randomLabel is the id of a Function URL: 32 characters of [0-9a-z].
func randomLabel() string {
	const alphabet = "0123456789abcdefghijklmnopqrstuvwxyz"
	var raw [32]byte
	rand.Read(raw[:]) // never fails
	for i, b := range raw {
		raw[i] = alphabet[int(b)%len(alphabet)]
	}
	return string(raw[:])
}
