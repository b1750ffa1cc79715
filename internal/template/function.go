package template

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	sluice "github.com/sluice-run/sluice"
)

// samProperties are those of AWS::Serverless::Function
// (docs/contract/sam-template.md §2.1).
var samProperties = []string{
	"PackageType", "CodeUri", "InlineCode", "ImageUri", "ImageConfig", "Handler", "Runtime", "FunctionName", "Description", "MemorySize",
	"Timeout", "EphemeralStorage", "Architectures", "Environment", "Layers", "Role", "Policies", "Tags", "PropagateTags", "Tracing",
	"VpcConfig", "KmsKeyArn", "FileSystemConfigs", "CodeSigningConfigArn", "RuntimeManagementConfig", "LoggingConfig", "RecursiveLoop",
	"SnapStart", "SourceKMSKeyArn", "DeadLetterQueue", "ReservedConcurrentExecutions", "ProvisionedConcurrencyConfig", "AutoPublishAlias",
	"AutoPublishCodeSha256", "AutoPublishAliasAllProperties", "DeploymentPreference", "VersionDescription", "VersionDeletionPolicy",
	"EventInvokeConfig", "FunctionUrlConfig", "Events", "AssumeRolePolicyDocument", "RolePath", "PermissionsBoundary", "TenancyConfig",
	"DurableConfig", "CapacityProviderConfig", "FunctionScalingConfig", "PublishToLatestPublished",
}

// lambdaProperties are those of AWS::Lambda::Function
// (docs/contract/sam-template.md §5).
var lambdaProperties = []string{
	"Code", "Handler", "Runtime", "Role", "FunctionName", "Description", "Timeout", "MemorySize", "Environment", "Layers", "Architectures",
	"EphemeralStorage", "PackageType", "ImageConfig", "ReservedConcurrentExecutions", "DeadLetterConfig", "TracingConfig", "VpcConfig",
	"KmsKeyArn", "LoggingConfig", "SnapStart", "RuntimeManagementConfig", "RecursiveLoop", "Tags", "CodeSigningConfigArn",
	"FileSystemConfigs", "TenancyConfig", "DurableConfig", "CapacityProviderConfig", "FunctionScalingConfig", "PublishToLatestPublished",
}

// withoutEffect are properties that a function may notice on AWS and not here.
var withoutEffect = []string{"VpcConfig", "FileSystemConfigs", "SnapStart", "TenancyConfig", "DurableConfig", "CapacityProviderConfig"}

// otherRuntimes matches what AWS serves, or did, and Sluice does not.
var otherRuntimes = regexp.MustCompile(`^(nodejs(\d+\.x|4\.3|4\.3-edge|6\.10|8\.10)?|python\d+\.\d+|java\d+(\.al2)?|dotnet(core)?\d+(\.\d+)?|ruby\d+\.\d+|go1\.x|provided(\.al\d+)?)$`)

// function reads one function. It returns nil if the function is not run here,
// which it has noted then, or can't be used, which it has reported.
func (l *loader) function(t *Template, r *resource) *Function {
	p := l.propertiesOf(r)
	serverless := r.kind == "AWS::Serverless::Function"
	known := lambdaProperties
	if serverless {
		known = samProperties
	}
	p.known("a function", known)
	fn := &Function{LogicalID: r.id, Line: r.keyAt.line}
	fn.Name, fn.Version = l.nameOf(r), sluice.LatestVersion
	if !validName.MatchString(fn.Name) {
		at := r.keyAt
		if n := p.node.get("FunctionName"); n != nil {
			at = n
		}
		l.problem(at, p.owner.member("FunctionName"), "FunctionName is %q; expected 1 to 64 letters, digits, - and _", excerptRaw(fn.Name))
	}
	if p.oneOf("PackageType", "Zip", "Image") == "Image" {
		if !l.o.Images {
			t.NotRun = append(t.NotRun, NotRun{r.id, r.kind, "container images are run by sluice serve", r.keyAt.line})
			return nil
		}
		if !p.image(t, r, fn) {
			return nil
		}
	} else if fn.Runtime = p.required("Runtime", "nodejs22.x"); fn.Runtime != "" && !slices.Contains(sluice.Runtimes, fn.Runtime) {
		if otherRuntimes.MatchString(fn.Runtime) {
			t.NotRun = append(t.NotRun, NotRun{r.id, r.kind, "runtime " + fn.Runtime + " is not served; served are " + strings.Join(sluice.Runtimes, ", "), r.keyAt.line})
			return nil
		}
		p.wrong(p.value("Runtime"), "Runtime", strings.Join(sluice.Runtimes, ", ")+didYouMean(fn.Runtime, sluice.Runtimes))
	}
	if fn.ImageURI == "" {
		fn.Handler = p.required("Handler", "index.handler")
	}
	fn.Timeout = time.Duration(p.number("Timeout", 1, int(sluice.MaxTimeout/time.Second), int(sluice.DefaultTimeout/time.Second), "a number of seconds")) * time.Second
	fn.MemoryMB = p.number("MemorySize", 128, 10240, sluice.DefaultMemoryMB, "a number of MB")
	fn.EphemeralStorageMB = sluice.DefaultEphemeralStorageMB
	if storage, ok := p.object("EphemeralStorage"); ok {
		fn.EphemeralStorageMB = storage.number("Size", 512, 10240, sluice.DefaultEphemeralStorageMB, "a number of MB")
	}
	fn.Architecture = p.architecture()
	fn.Environment = p.environment()
	fn.Logging = p.logging()
	if p.has("ReservedConcurrentExecutions") && p.value("ReservedConcurrentExecutions") != nil {
		n := p.number("ReservedConcurrentExecutions", 0, 1_000_000, 0, "a number of executions")
		fn.ReservedConcurrency = &n
	}
	fn.Layers = p.layers(fn.LogicalID)
	if alias := l.publishedAlias(r); alias != "" {
		fn.Aliases = append(fn.Aliases, alias)
	}
	fn.Deployment = p.deployment(r, fn)
	p.ignored(r)
	p.events(t, r)
	if fn.ImageURI != "" {
		return fn
	}
	if mistakes := len(l.problems); !p.code(t, r, fn) && len(l.problems) == mistakes {
		return nil
	}
	fn.Build = p.build(r, fn)
	return fn
}

// image reads a function whose code is a container image. It returns false if the image
// is not one that a server could pull.
func (p properties) image(t *Template, r *resource, fn *Function) bool {
	fn.ImageURI = p.string("ImageUri")
	if code := p.value("Code"); code != nil {
		if uri := code.get("ImageUri"); uri != nil {
			fn.ImageURI = uri.text
		}
	}
	if fn.ImageURI == "" {
		t.NotRun = append(t.NotRun, NotRun{r.id, r.kind, "images are not built; push one and write its ImageUri", r.keyAt.line})
		return false
	}
	if config, ok := p.object("ImageConfig"); ok {
		config.known("ImageConfig", []string{"EntryPoint", "Command", "WorkingDirectory"})
		fn.Image = ImageConfig{config.strings("EntryPoint"), config.strings("Command"), config.string("WorkingDirectory")}
	}
	return true
}

var validName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

func (p properties) ignored(r *resource) {
	var names []string
	for _, name := range withoutEffect {
		if p.has(name) {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		p.warning(r.keyAt, p.owner, "%s: no effect here", strings.Join(names, ", "))
	}
}

func (p properties) architecture() string {
	v := p.value("Architectures")
	if v == nil {
		return "x86_64"
	}
	if v.kind != list || len(v.items) != 1 || v.items[0].text != "x86_64" && v.items[0].text != "arm64" {
		shown := v.shown()
		if v.kind == list {
			var texts []string
			for _, item := range v.items {
				texts = append(texts, item.text)
			}
			shown = "[" + strings.Join(texts, ", ") + "]"
		}
		p.problem(v, v.path, "Architectures is %s; expected a list with one of x86_64, arm64 (lists of Globals and function are added up)", shown)
		return "x86_64"
	}
	return v.items[0].text
}

// reservedVariables can't be set by a function's configuration
// (docs/contract/execution-environment.md §5).
var reservedVariables = []string{
	"_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_NAME",
	"AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME",
	"AWS_LAMBDA_LOG_STREAM_NAME", "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
	"AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR",
}

var variableName = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_]+$`)

// maxVariables is the size of all variables together, in bytes.
const maxVariables = 4 << 10

func (p properties) environment() map[string]string {
	env, ok := p.object("Environment")
	if !ok {
		return nil
	}
	env.known("Environment", []string{"Variables"})
	variables, ok := env.object("Variables")
	if !ok {
		return nil
	}
	values, size := map[string]string{}, 0
	for _, m := range variables.node.members {
		switch {
		case m.value.kind == unknown:
			continue
		case m.value.kind == null:
			p.problem(m.value, m.keyAt.path, "the variable has no value; write '' for an empty one")
			continue
		case m.value.kind != scalar:
			p.problem(m.value, m.value.path, "the variable is %s; expected text", m.value.kind)
			continue
		case slices.Contains(reservedVariables, m.key):
			p.problem(m.keyAt, m.keyAt.path, "%s is reserved: Lambda sets it, and refuses a function that does", m.key)
			continue
		case !variableName.MatchString(m.key):
			p.problem(m.keyAt, m.keyAt.path, "%s is not a variable's name; expected a letter, then letters, digits and _", excerpt(m.key))
			continue
		case strings.Contains(m.value.text, "{{resolve:"):
			p.warning(m.value, m.value.path, "dynamic references are not looked up here; the function gets the text as it is")
		}
		values[m.key] = m.value.text
		size += len(m.key) + len(m.value.text)
	}
	if size > maxVariables {
		p.problem(variables.node, variables.node.path, "the variables take %d bytes; Lambda allows 4 KB", size)
	}
	return values
}

// logging reads LoggingConfig (docs/contract/execution-environment.md §3).
func (p properties) logging() sluice.Logging {
	config, ok := p.object("LoggingConfig")
	if !ok {
		return sluice.Logging{}
	}
	config.known("LoggingConfig", []string{"LogFormat", "ApplicationLogLevel", "SystemLogLevel", "LogGroup"})
	l := sluice.Logging{JSON: config.oneOf("LogFormat", "Text", "JSON") == "JSON", Group: config.string("LogGroup")}
	if config.has("ApplicationLogLevel") {
		l.ApplicationLevel = config.oneOf("ApplicationLogLevel", "INFO", "TRACE", "DEBUG", "WARN", "ERROR", "FATAL")
	}
	if config.has("SystemLogLevel") {
		l.SystemLevel = config.oneOf("SystemLogLevel", "INFO", "DEBUG", "WARN")
	}
	if !l.JSON && (l.ApplicationLevel != "" || l.SystemLevel != "") {
		p.problem(config.at, config.owner, "log levels need LogFormat: JSON")
	}
	return l
}

// layers resolves the function's layers to local folders.
func (p properties) layers(id string) []string {
	var dirs []string
	v := p.value("Layers")
	if v == nil {
		return nil
	}
	if v.kind != list {
		p.wrong(v, "Layers", "a list")
		return nil
	}
	if len(v.items) > 5 {
		p.problem(v, v.path, "there are %d layers; Lambda allows 5", len(v.items))
	}
	for _, item := range v.items {
		switch dir, ours := p.loader.layers[item.text]; {
		case item.kind == unknown:
		case item.kind != scalar:
			p.wrong(item, "a layer", "the ARN of a layer version, or a !Ref to one")
		case ours && dir != "":
			dirs = append(dirs, dir)
		case !ours:
			p.warning(item, item.path, "the layer %s is not part of this template; %s runs without it", excerpt(item.text), id)
		}
	}
	return dirs
}

// events notes the events of a SAM function: there is nothing here that sends
// them.
func (p properties) events(t *Template, r *resource) {
	if r.kind != "AWS::Serverless::Function" {
		return
	}
	events := p.node.get("Events")
	if events == nil || events.kind == null {
		return
	}
	if events.kind != object {
		p.wrong(events, "Events", "a map")
		return
	}
	for _, m := range events.members {
		kind := m.value.get("Type")
		if kind == nil || kind.kind != scalar {
			p.problem(m.keyAt, m.keyAt.path, "the event has no Type; write one, such as Type: HttpApi")
			continue
		}
		t.NotRun = append(t.NotRun, NotRun{r.id + "." + m.key, kind.text + " event", "", m.keyAt.line})
	}
}

// code finds the function's code. It returns false if the function is not run, or
// its code can't be used.
func (p properties) code(t *Template, r *resource, fn *Function) bool {
	notLocal := func(what string) bool {
		t.NotRun = append(t.NotRun, NotRun{r.id, r.kind, "the code is " + what + "; only local code is run", r.keyAt.line})
		return false
	}
	if local, ok := p.asset(r, "Code", "CodeUri"); ok {
		return p.local(local, "Code", fn)
	}
	if r.kind == "AWS::Serverless::Function" {
		if inline := p.string("InlineCode"); inline != "" {
			fn.Code = Code{Inline: inline, InlineFile: "index.js"}
			return true
		}
		v := p.value("CodeUri")
		switch {
		case v == nil:
			return p.local(p.at.hereText("."), "CodeUri", fn)
		case v.kind == object, strings.HasPrefix(v.text, "s3://"):
			return notLocal("in S3")
		case v.kind != scalar:
			p.wrong(v, "CodeUri", "a path")
			return false
		}
		return p.local(v, "CodeUri", fn)
	}
	v := p.value("Code")
	switch {
	case v == nil:
		p.problem(p.at, p.owner, "Code is missing; write a local path, such as Code: ./src, or ZipFile with the source text")
		return false
	case v.kind == scalar:
		return p.local(v, "Code", fn)
	case v.get("ZipFile") != nil:
		source := v.get("ZipFile")
		if source.kind != scalar {
			p.wrong(source, "ZipFile", "the source text")
			return false
		}
		fn.Code = Code{Inline: source.text, InlineFile: "index.js"}
		return true
	case v.get("ImageUri") != nil:
		return notLocal("a container image")
	case v.get("S3Bucket") != nil || v.get("S3Key") != nil:
		return notLocal("in S3")
	}
	p.wrong(v, "Code", "a local path, or a map with ZipFile or S3Bucket and S3Key")
	return false
}

// asset returns the local path that CDK notes beside a resource
// (docs/contract/sam-template.md §6).
func (p properties) asset(r *resource, names ...string) (*node, bool) {
	metadata := r.node.get("Metadata")
	path, property := metadata.get("aws:asset:path"), metadata.get("aws:asset:property")
	if path == nil || property == nil || path.kind != scalar || !slices.Contains(names, property.text) {
		return nil, false
	}
	return path, true
}

// local takes the code from a path beside the template: a folder, or an archive.
func (p properties) local(v *node, property string, fn *Function) bool {
	path, info, ok := p.path(v, property)
	switch {
	case !ok:
		return false
	case info.IsDir():
		fn.CodeDir = path
		return true
	case archive(path):
		fn.Code.Archive = path
		return true
	}
	p.problem(v, v.path, "%s is %s, which is neither a folder nor a .zip file", property, v.shown())
	return false
}

func archive(path string) bool {
	ext := strings.ToLower(filepath.Ext(path))
	return ext == ".zip" || ext == ".jar"
}

// path makes an absolute path of a local one and looks what is there.
func (p properties) path(v *node, property string) (string, fs.FileInfo, bool) {
	path := filepath.FromSlash(v.text)
	if !filepath.IsAbs(path) {
		path = filepath.Join(p.dir, path)
	}
	absolute, err := filepath.Abs(path)
	if err == nil {
		path = absolute
	}
	info, err := os.Stat(path)
	if err != nil {
		p.problem(v, v.path, "%s is %s, and there is no %s; paths are relative to the template's folder", property, v.shown(), path)
		return "", nil, false
	}
	return path, info, true
}

// readLayers finds the template's layers.
func (l *loader) readLayers(t *Template) {
	for _, r := range l.order {
		if !strings.HasSuffix(r.kind, "::LayerVersion") || !l.active(r) {
			continue
		}
		p := l.propertiesOf(r)
		property := "Content"
		if r.kind == "AWS::Serverless::LayerVersion" {
			property = "ContentUri"
		}
		v, ok := p.asset(r, "Content", "ContentUri")
		if !ok {
			if v = p.value(property); v == nil {
				p.problem(p.at, p.owner, "%s is missing; write the layer's folder, such as %s: ./layer", property, property)
				continue
			}
		}
		arn := l.layerARN(r)
		if v.kind != scalar || strings.HasPrefix(v.text, "s3://") {
			l.layers[arn] = ""
			t.NotRun = append(t.NotRun, NotRun{r.id, r.kind, "the content is in S3; only local layers are used", r.keyAt.line})
			continue
		}
		path, info, ok := p.path(v, property)
		if ok && !info.IsDir() && !archive(path) {
			p.problem(v, v.path, "%s is %s, which is neither a folder nor a .zip file", property, v.shown())
		}
		if m := r.node.get("Metadata").get("BuildMethod"); ok && m != nil {
			p.warning(m, m.path, "layers are not built; the folder is used as it lies, so it needs the layout of a layer, such as %s", fmt.Sprintf("%s/nodejs/node_modules", v.text))
		}
		l.layers[arn] = path
	}
}
