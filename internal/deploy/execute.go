package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	sluice "github.com/sluice-run/sluice"
)

// Execute carries the plan out and tells progress about each step that is done.
// Function URLs come first, so that functions can know each other's.
func (p *Plan) Execute(ctx context.Context, progress func(*Step)) error {
	for _, step := range p.Steps {
		if step.Action == Create {
			if err := p.create(ctx, step); err != nil {
				return fmt.Errorf("%s: %w", step.Function, err)
			}
		}
	}
	for _, step := range p.Steps {
		if step.wanted != nil {
			if err := p.attach(ctx, step); err != nil {
				return fmt.Errorf("%s: %w", step.Function, err)
			}
		}
	}
	// All addresses are known now.
	t, err := p.load()
	if err != nil {
		return err
	}
	p.Outputs = t.Outputs
	for _, f := range t.Functions {
		for _, step := range p.Steps {
			if step.wanted != nil && step.Function == f.Name {
				step.wanted = f
			}
		}
	}
	for _, step := range p.Steps {
		if err := p.finish(ctx, step); err != nil {
			return fmt.Errorf("%s: %w", step.Function, err)
		}
		progress(step)
	}
	return nil
}

func (p *Plan) create(ctx context.Context, step *Step) error {
	f := step.wanted
	layers, err := p.publishLayers(ctx, step)
	if err != nil {
		return err
	}
	in := &lambda.CreateFunctionInput{
		FunctionName: &f.Name, Runtime: types.Runtime(f.Runtime), Handler: &f.Handler, Role: aws.String(fmt.Sprintf(role, p.o.Identity.AccountID)),
		Code: &types.FunctionCode{ZipFile: step.code}, Timeout: aws.Int32(int32(f.Timeout.Seconds())), MemorySize: aws.Int32(int32(f.MemoryMB)),
		EphemeralStorage: &types.EphemeralStorage{Size: aws.Int32(int32(f.EphemeralStorageMB))}, Architectures: []types.Architecture{types.Architecture(f.Architecture)},
		Environment: &types.Environment{Variables: f.Environment}, LoggingConfig: logging(f.Logging),
		Description: &f.Deployment.Description, Layers: layers, Tags: p.tags(f),
	}
	if f.ImageURI != "" {
		in.PackageType, in.Runtime, in.Handler, in.Layers = types.PackageTypeImage, "", nil, nil
		in.Code, in.ImageConfig = &types.FunctionCode{ImageUri: &f.ImageURI}, imageConfig(f)
	}
	if _, err = p.o.Client.CreateFunction(ctx, in, p.upload(f.Name, len(step.code))); err != nil {
		return err
	}
	return p.publishAliases(ctx, step)
}

func logging(l sluice.Logging) *types.LoggingConfig {
	d := &types.LoggingConfig{LogFormat: types.LogFormatText}
	if l.JSON {
		d.LogFormat = types.LogFormatJson
		d.ApplicationLogLevel, d.SystemLogLevel = types.ApplicationLogLevel(l.ApplicationLevel), types.SystemLogLevel(l.SystemLevel)
	}
	if l.Group != "" {
		d.LogGroup = &l.Group
	}
	return d
}

// publishAliases publishes the code and moves the function's aliases to it.
func (p *Plan) publishAliases(ctx context.Context, step *Step) error {
	f := step.wanted
	if len(f.Aliases) == 0 {
		return nil
	}
	version, err := p.o.Client.PublishVersion(ctx, &lambda.PublishVersionInput{FunctionName: &f.Name})
	if err != nil {
		return err
	}
	for _, name := range f.Aliases {
		_, err := p.o.Client.UpdateAlias(ctx, &lambda.UpdateAliasInput{FunctionName: &f.Name, Name: &name, FunctionVersion: version.Version})
		var missing *types.ResourceNotFoundException
		if errors.As(err, &missing) {
			_, err = p.o.Client.CreateAlias(ctx, &lambda.CreateAliasInput{FunctionName: &f.Name, Name: &name, FunctionVersion: version.Version})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// attach makes the Function URLs of a function what the template says.
func (p *Plan) attach(ctx context.Context, step *Step) error {
	f := step.wanted
	list, err := p.o.Client.ListFunctionUrlConfigs(ctx, &lambda.ListFunctionUrlConfigsInput{FunctionName: &f.Name})
	if err != nil {
		return err
	}
	have := map[string]types.FunctionUrlConfig{}
	for _, u := range list.FunctionUrlConfigs {
		have[qualifierOf(*u.FunctionArn)] = u
	}
	for _, u := range f.URLs {
		address, err := p.attachURL(ctx, step, u, have)
		if err != nil {
			return err
		}
		p.addresses[[2]string{f.Name, u.Qualifier}] = address
		step.URLs = append(step.URLs, address)
		delete(have, u.Qualifier)
	}
	for qualifier := range have {
		if _, err := p.o.Client.DeleteFunctionUrlConfig(ctx, &lambda.DeleteFunctionUrlConfigInput{FunctionName: &f.Name, Qualifier: optional(qualifier)}); err != nil {
			return err
		}
	}
	return nil
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// statement is the id of the permission that opens a URL.
const statement = "FunctionURLAllowPublicAccess"

func (p *Plan) attachURL(ctx context.Context, step *Step, u sluice.FunctionURL, have map[string]types.FunctionUrlConfig) (address string, err error) {
	name, qualifier := &step.wanted.Name, optional(u.Qualifier)
	if u.Qualifier != "" && step.Action == Update && !p.hasAlias(ctx, step.wanted.Name, u.Qualifier) {
		if err := p.publishAliases(ctx, step); err != nil {
			return "", err
		}
	}
	if existing, there := have[u.Qualifier]; !there {
		made, err := p.o.Client.CreateFunctionUrlConfig(ctx, &lambda.CreateFunctionUrlConfigInput{
			FunctionName: name, Qualifier: qualifier, AuthType: types.FunctionUrlAuthType(u.AuthType), InvokeMode: types.InvokeMode(u.Mode), Cors: cors(u.CORS),
		})
		if err != nil {
			return "", err
		}
		address = *made.FunctionUrl
	} else {
		address = *existing.FunctionUrl
		if !sameURL(existing, u) {
			change := &lambda.UpdateFunctionUrlConfigInput{FunctionName: name, Qualifier: qualifier, AuthType: types.FunctionUrlAuthType(u.AuthType), InvokeMode: types.InvokeMode(u.Mode), Cors: cors(u.CORS)}
			if change.Cors == nil {
				change.Cors = &types.Cors{}
			}
			if _, err := p.o.Client.UpdateFunctionUrlConfig(ctx, change); err != nil {
				return "", err
			}
		}
	}
	return address, p.permit(ctx, name, qualifier, u.Public && u.AuthType == sluice.AuthNone)
}

func (p *Plan) hasAlias(ctx context.Context, name, alias string) bool {
	_, err := p.o.Client.GetAlias(ctx, &lambda.GetAliasInput{FunctionName: &name, Name: &alias})
	return err == nil
}

// permit opens a URL to everybody, or closes it.
func (p *Plan) permit(ctx context.Context, name, qualifier *string, public bool) error {
	var err error
	var conflict *types.ResourceConflictException
	var missing *types.ResourceNotFoundException
	if public {
		_, err = p.o.Client.AddPermission(ctx, &lambda.AddPermissionInput{
			FunctionName: name, Qualifier: qualifier, StatementId: aws.String(statement), Action: aws.String("lambda:InvokeFunctionUrl"),
			Principal: aws.String("*"), FunctionUrlAuthType: types.FunctionUrlAuthTypeNone,
		})
	} else {
		_, err = p.o.Client.RemovePermission(ctx, &lambda.RemovePermissionInput{FunctionName: name, Qualifier: qualifier, StatementId: aws.String(statement)})
	}
	if errors.As(err, &conflict) || errors.As(err, &missing) {
		return nil
	}
	return err
}

// finish brings code and configuration up to date, now that all is known.
func (p *Plan) finish(ctx context.Context, step *Step) error {
	f := step.wanted
	switch step.Action {
	case Delete:
		_, err := p.o.Client.DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: &step.Function})
		return err
	case Keep, Unchanged:
		return nil
	case Create:
		if !refersToURLs(f.Environment) && f.Deployment.DeadLetter == "" {
			return p.settle(ctx, step)
		}
	}
	layers, err := p.publishLayers(ctx, step)
	if err != nil {
		return err
	}
	in := &lambda.UpdateFunctionConfigurationInput{
		FunctionName: &f.Name, Runtime: types.Runtime(f.Runtime), Handler: &f.Handler, Timeout: aws.Int32(int32(f.Timeout.Seconds())),
		MemorySize: aws.Int32(int32(f.MemoryMB)), EphemeralStorage: &types.EphemeralStorage{Size: aws.Int32(int32(f.EphemeralStorageMB))},
		Environment: &types.Environment{Variables: f.Environment}, LoggingConfig: logging(f.Logging),
		Description: &f.Deployment.Description, Layers: layers, DeadLetterConfig: &types.DeadLetterConfig{TargetArn: &f.Deployment.DeadLetter},
	}
	code := &lambda.UpdateFunctionCodeInput{FunctionName: &f.Name, ZipFile: step.code, Architectures: []types.Architecture{types.Architecture(f.Architecture)}}
	if f.ImageURI != "" {
		in.Runtime, in.Handler, in.Layers, in.ImageConfig = "", nil, nil, imageConfig(f)
		code.ZipFile, code.ImageUri = nil, &f.ImageURI
	}
	if _, err := p.o.Client.UpdateFunctionConfiguration(ctx, in); err != nil {
		return err
	}
	if slices.Contains(step.Changes, "code") || slices.Contains(step.Changes, "architecture") {
		if _, err := p.o.Client.UpdateFunctionCode(ctx, code, p.upload(f.Name, len(step.code))); err != nil {
			return err
		}
	}
	if err := p.publishAliases(ctx, step); err != nil {
		return err
	}
	return p.settle(ctx, step)
}

// refersToURLs tells that variables hold addresses, which were not known when the
// function was made.
func refersToURLs(variables map[string]string) bool {
	for _, value := range variables {
		if strings.Contains(value, ".lambda-url.") {
			return true
		}
	}
	return false
}

func (p *Plan) reserve(ctx context.Context, step *Step) error {
	var err error
	if n := concurrency(step.wanted); n != nil {
		_, err = p.o.Client.PutFunctionConcurrency(ctx, &lambda.PutFunctionConcurrencyInput{FunctionName: &step.Function, ReservedConcurrentExecutions: n})
	} else if step.found != nil && step.found.Concurrency != nil {
		_, err = p.o.Client.DeleteFunctionConcurrency(ctx, &lambda.DeleteFunctionConcurrencyInput{FunctionName: &step.Function})
	}
	return err
}
