package deploy

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/archive"
	"github.com/sluice-run/sluice/internal/bundle"
	"github.com/sluice-run/sluice/internal/gobuild"
	"github.com/sluice-run/sluice/internal/template"
)

// Tags that mark the functions of a stack.
const (
	stackTag = "sluice:stack"
	idTag    = "sluice:logical-id"
)

// role is sent for functions; nobody assumes it.
const role = "arn:aws:iam::%s:role/sluice"

// Options say what to deploy and where.
type Options struct {
	Client *lambda.Client
	// File is the template.
	File string
	// Stack names the deployment, and the functions that have no name.
	Stack      string
	Parameters map[string]string
	Identity   sluice.Identity
	// Uploading, if not nil, is told about the packages on their way.
	Uploading Upload
	// Prune deletes the stack's functions that are not in the template any more.
	Prune bool
}

// Action is what a deployment does with a function.
type Action string

// The actions.
const (
	Create    Action = "create"
	Update    Action = "update"
	Unchanged Action = "unchanged"
	Delete    Action = "delete"
	// Keep leaves a function of the stack that the template has no more.
	Keep Action = "keep"
)

// Step is one function of a plan.
type Step struct {
	Function string `json:"function"`
	Action   Action `json:"action"`
	// Changes say what an update changes.
	Changes []string `json:"changes,omitempty"`
	// URLs are the Function URLs once they are there.
	URLs []string `json:"urls,omitempty"`

	wanted *template.Function
	code   []byte
	layers []*layer
	found  *lambda.GetFunctionOutput
}

// Plan is what a deployment will do.
type Plan struct {
	Steps    []*Step
	NotRun   []template.NotRun
	Warnings []string
	Outputs  []template.Output

	o Options
	// addresses of Function URLs by function and qualifier.
	addresses map[[2]string]string
	// layers by their path.
	layers map[string]*layer
}

// New makes the plan of a deployment; nothing is changed yet. Mistakes in the
// template are a *template.Error, in the code a *bundle.Failure.
func New(ctx context.Context, o Options) (*Plan, error) {
	p := &Plan{o: o, addresses: map[[2]string]string{}, layers: map[string]*layer{}}
	t, err := p.load()
	if err != nil {
		return nil, err
	}
	p.NotRun, p.Outputs = t.NotRun, t.Outputs
	for _, w := range t.Warnings {
		p.Warnings = append(p.Warnings, w.String())
	}
	for _, f := range t.Functions {
		step, err := p.step(ctx, f)
		if err != nil {
			return nil, err
		}
		p.Steps = append(p.Steps, step)
	}
	return p, p.leftovers(ctx, t)
}

// load reads the template with the addresses that are known.
func (p *Plan) load() (*template.Template, error) {
	return template.Load(p.o.File, template.Options{
		Parameters: p.o.Parameters, Identity: p.o.Identity, StackName: p.o.Stack, Images: true,
		NameFunction: func(logicalID string) string { return p.o.Stack + "-" + logicalID },
		URL: func(function, qualifier string, _ bool) string {
			if address := p.addresses[[2]string{function, qualifier}]; address != "" {
				return address
			}
			return "https://not-deployed-yet.invalid/"
		},
	})
}

// step compares one function with the server's.
func (p *Plan) step(ctx context.Context, f *template.Function) (*Step, error) {
	step := &Step{Function: f.Name, Action: Create, wanted: f}
	var err error
	if step.code, err = packaged(ctx, f); err != nil {
		return nil, fmt.Errorf("%s: %w", f.LogicalID, err)
	}
	for _, wanted := range f.Deployment.Layers {
		l, err := p.layerOf(ctx, wanted)
		if err != nil {
			return nil, err
		}
		step.layers = append(step.layers, l)
	}
	step.found, err = p.o.Client.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: &f.Name})
	var missing *types.ResourceNotFoundException
	switch {
	case errors.As(err, &missing):
		return step, nil
	case err != nil:
		return nil, err
	}
	if stack := step.found.Tags[stackTag]; stack != p.o.Stack {
		return nil, fmt.Errorf("the function %s is there already, and is not of the stack %s; choose another --stack, or delete it", f.Name, p.o.Stack)
	}
	if err := p.known(ctx, f); err != nil {
		return nil, err
	}
	// Again, with the addresses that are known now.
	if t, err := p.load(); err == nil {
		for _, again := range t.Functions {
			if again.Name == f.Name {
				step.wanted = again
			}
		}
	}
	if step.Changes, err = p.differences(ctx, step); err != nil {
		return nil, err
	}
	if step.Action = Update; len(step.Changes) == 0 {
		step.Action = Unchanged
	}
	return step, nil
}

// known notes the addresses of a function's URLs.
func (p *Plan) known(ctx context.Context, f *template.Function) error {
	list, err := p.o.Client.ListFunctionUrlConfigs(ctx, &lambda.ListFunctionUrlConfigsInput{FunctionName: &f.Name})
	if err != nil {
		return err
	}
	for _, u := range list.FunctionUrlConfigs {
		p.addresses[[2]string{f.Name, qualifierOf(*u.FunctionArn)}] = *u.FunctionUrl
	}
	return nil
}

// differences lists what an update would change.
func (p *Plan) differences(ctx context.Context, step *Step) ([]string, error) {
	var changes []string
	have, want := step.found.Configuration, step.wanted
	if codeDiffers(step) {
		changes = append(changes, "code")
	}
	differ := func(name string, differs bool) {
		if differs {
			changes = append(changes, name)
		}
	}
	environment := map[string]string{}
	if have.Environment != nil {
		environment = have.Environment.Variables
	}
	differ("image configuration", !reflect.DeepEqual(imageConfig(want), imageConfigOf(have)))
	differ("runtime", string(have.Runtime) != want.Runtime)
	differ("handler", aws.ToString(have.Handler) != want.Handler)
	differ("timeout", aws.ToInt32(have.Timeout) != int32(want.Timeout.Seconds()))
	differ("memory", aws.ToInt32(have.MemorySize) != int32(want.MemoryMB))
	differ("environment", !maps.Equal(environment, want.Environment))
	differ("description", aws.ToString(have.Description) != want.Deployment.Description)
	differ("storage", have.EphemeralStorage != nil && aws.ToInt32(have.EphemeralStorage.Size) != int32(want.EphemeralStorageMB))
	differ("architecture", len(have.Architectures) == 1 && string(have.Architectures[0]) != want.Architecture)
	differ("layers", !slices.EqualFunc(have.Layers, step.layers, func(a types.Layer, b *layer) bool { return aws.ToString(a.Arn) == b.arn }))
	deadLetter := ""
	if have.DeadLetterConfig != nil {
		deadLetter = aws.ToString(have.DeadLetterConfig.TargetArn)
	}
	differ("dead letters", deadLetter != want.Deployment.DeadLetter)
	differ("tags", !maps.Equal(step.found.Tags, p.tags(want)))
	events, err := p.eventsDiffer(ctx, want)
	if err != nil {
		return nil, err
	}
	differ("events", events)
	differ("logging", have.LoggingConfig != nil && (have.LoggingConfig.LogFormat == types.LogFormatJson) != want.Logging.JSON)
	var reserved *int32
	if step.found.Concurrency != nil {
		reserved = step.found.Concurrency.ReservedConcurrentExecutions
	}
	differ("concurrency", !reflect.DeepEqual(reserved, concurrency(want)))
	aliases, err := p.o.Client.ListAliases(ctx, &lambda.ListAliasesInput{FunctionName: &want.Name})
	if err != nil {
		return nil, err
	}
	if n := want.Deployment.Provisioned; len(want.Aliases) > 0 {
		kept, err := p.provisioned(ctx, want)
		if err != nil {
			return nil, err
		}
		differ("provisioned concurrency", kept != n)
	}
	for _, name := range want.Aliases {
		differ("alias "+name, !slices.ContainsFunc(aliases.Aliases, func(a types.AliasConfiguration) bool { return *a.Name == name }))
	}
	urls, err := p.o.Client.ListFunctionUrlConfigs(ctx, &lambda.ListFunctionUrlConfigsInput{FunctionName: &want.Name})
	if err != nil {
		return nil, err
	}
	for _, u := range want.URLs {
		i := slices.IndexFunc(urls.FunctionUrlConfigs, func(c types.FunctionUrlConfig) bool { return qualifierOf(*c.FunctionArn) == u.Qualifier })
		differ("url", i < 0 || !sameURL(urls.FunctionUrlConfigs[i], u))
	}
	differ("url", len(urls.FunctionUrlConfigs) > len(want.URLs))
	return slices.Compact(changes), nil
}

// codeDiffers compares packages by their sum and images by their reference.
func codeDiffers(step *Step) bool {
	if step.wanted.ImageURI != "" {
		return step.found.Code == nil || aws.ToString(step.found.Code.ImageUri) != step.wanted.ImageURI
	}
	sum := sha256.Sum256(step.code)
	return aws.ToString(step.found.Configuration.CodeSha256) != base64.StdEncoding.EncodeToString(sum[:])
}

// imageConfig is what a function changes of its image, empty for nothing.
func imageConfig(f *template.Function) *types.ImageConfig {
	c := &types.ImageConfig{EntryPoint: f.Image.EntryPoint, Command: f.Image.Command}
	if f.Image.WorkingDirectory != "" {
		c.WorkingDirectory = &f.Image.WorkingDirectory
	}
	return c
}

func imageConfigOf(have *types.FunctionConfiguration) *types.ImageConfig {
	if have.ImageConfigResponse == nil || have.ImageConfigResponse.ImageConfig == nil {
		return &types.ImageConfig{}
	}
	return have.ImageConfigResponse.ImageConfig
}

func concurrency(f *template.Function) *int32 {
	if f.ReservedConcurrency == nil {
		return nil
	}
	return aws.Int32(int32(*f.ReservedConcurrency))
}

func sameURL(have types.FunctionUrlConfig, want sluice.FunctionURL) bool {
	if string(have.AuthType) != string(want.AuthType) || string(have.InvokeMode) != string(want.Mode) {
		return false
	}
	return reflect.DeepEqual(have.Cors, cors(want.CORS))
}

// cors is a Cors member as the API writes it: without what is zero.
func cors(c *sluice.CORS) *types.Cors {
	if c == nil {
		return nil
	}
	d := &types.Cors{AllowHeaders: c.AllowHeaders, AllowMethods: c.AllowMethods, AllowOrigins: c.AllowOrigins, ExposeHeaders: c.ExposeHeaders}
	if c.AllowCredentials {
		d.AllowCredentials = aws.Bool(true)
	}
	if c.MaxAge > 0 {
		d.MaxAge = aws.Int32(int32(c.MaxAge))
	}
	return d
}

// qualifierOf is what follows the name in a function's ARN.
func qualifierOf(arn string) string {
	colons := 0
	for i := range len(arn) {
		if arn[i] == ':' {
			if colons++; colons == 7 {
				return arn[i+1:]
			}
		}
	}
	return ""
}

// leftovers plans for the stack's functions that the template has no more.
func (p *Plan) leftovers(ctx context.Context, t *template.Template) error {
	pages := lambda.NewListFunctionsPaginator(p.o.Client, &lambda.ListFunctionsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, f := range page.Functions {
			if slices.ContainsFunc(t.Functions, func(w *template.Function) bool { return w.Name == *f.FunctionName }) {
				continue
			}
			tags, err := p.o.Client.ListTags(ctx, &lambda.ListTagsInput{Resource: f.FunctionArn})
			if err != nil {
				return err
			}
			if tags.Tags[stackTag] != p.o.Stack {
				continue
			}
			action := Keep
			if p.o.Prune {
				action = Delete
			}
			p.Steps = append(p.Steps, &Step{Function: *f.FunctionName, Action: action})
		}
	}
	return nil
}

// packaged makes the zip file of a function's code, bundled if it has to be. The
// same code always makes the same file.
func packaged(ctx context.Context, f *template.Function) ([]byte, error) {
	switch {
	case f.ImageURI != "":
		return nil, nil
	case f.Code.Archive != "":
		return os.ReadFile(f.Code.Archive)
	case f.Code.Inline != "":
		return archive.PackText(f.Code.InlineFile, f.Code.Inline)
	case sluice.FamilyOf(f.Runtime) == sluice.OSOnly:
		return compiled(ctx, f)
	case f.Build == nil && !bundle.NeedsBundle(f.CodeDir, f.Handler):
		return archive.Pack(f.CodeDir)
	}
	dir, err := os.MkdirTemp("", "sluice-deploy-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	spec := bundle.Spec{}
	if f.Build != nil {
		spec = *f.Build
	}
	spec.Dir, spec.Handler, spec.Out, spec.Alone = f.CodeDir, f.Handler, filepath.Join(dir, "bundle"), true
	result, err := bundle.Build(ctx, spec)
	if err != nil {
		return nil, err
	}
	return archive.Pack(result.OutDir)
}

// compiled is packaged for runtimes that start the function's own program, which is
// built when it is Go.
func compiled(ctx context.Context, f *template.Function) ([]byte, error) {
	program := "bootstrap"
	if f.Runtime == sluice.Go1x {
		program = f.Handler
	}
	if !gobuild.IsSource(f.CodeDir, program) {
		return archive.Pack(f.CodeDir)
	}
	dir, err := os.MkdirTemp("", "sluice-deploy-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := gobuild.Build(ctx, gobuild.Spec{Dir: f.CodeDir, OS: "linux", Arch: gobuild.Arch(f.Architecture), Out: filepath.Join(dir, program)}); err != nil {
		return nil, err
	}
	return archive.Pack(dir)
}
