package deploy

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/sluice-run/sluice/internal/template"
)

// This file holds what a function has besides code and configuration.

// settle brings a function's other settings up to date.
func (p *Plan) settle(ctx context.Context, step *Step) error {
	for _, set := range []func(context.Context, *Step) error{p.reserve, p.tag, p.setEvents, p.provision} {
		if err := set(ctx, step); err != nil {
			return err
		}
	}
	return nil
}

// tags are the template's and those that mark the stack.
func (p *Plan) tags(f *template.Function) map[string]string {
	tags := map[string]string{stackTag: p.o.Stack, idTag: f.LogicalID}
	maps.Copy(tags, f.Deployment.Tags)
	return tags
}

func (p *Plan) tag(ctx context.Context, step *Step) error {
	if !slices.Contains(step.Changes, "tags") {
		return nil
	}
	arn, want := step.found.Configuration.FunctionArn, p.tags(step.wanted)
	var gone []string
	for name := range step.found.Tags {
		if _, stays := want[name]; !stays {
			gone = append(gone, name)
		}
	}
	if len(gone) > 0 {
		if _, err := p.o.Client.UntagResource(ctx, &lambda.UntagResourceInput{Resource: arn, TagKeys: gone}); err != nil {
			return err
		}
	}
	_, err := p.o.Client.TagResource(ctx, &lambda.TagResourceInput{Resource: arn, Tags: want})
	return err
}

// qualifier is where SAM puts what belongs to a version: the alias that it publishes,
// or the function itself.
func qualifier(f *template.Function) *string {
	if len(f.Aliases) == 0 {
		return nil
	}
	return &f.Aliases[0]
}

func configuresEvents(d template.Deployment) bool {
	return d.Retries != nil || d.Age != nil || d.OnSuccess != "" || d.OnFailure != ""
}

func number(n *int) *int32 {
	if n == nil {
		return nil
	}
	return aws.Int32(int32(*n))
}

// eventsDiffer tells whether the configuration of asynchronous invocations is not
// the template's.
func (p *Plan) eventsDiffer(ctx context.Context, f *template.Function) (bool, error) {
	have, err := p.o.Client.GetFunctionEventInvokeConfig(ctx, &lambda.GetFunctionEventInvokeConfigInput{FunctionName: &f.Name, Qualifier: qualifier(f)})
	var missing *types.ResourceNotFoundException
	switch {
	case errors.As(err, &missing):
		return configuresEvents(f.Deployment), nil
	case err != nil:
		return false, err
	}
	d := f.Deployment
	success, failure := "", ""
	if c := have.DestinationConfig; c != nil {
		if c.OnSuccess != nil {
			success = aws.ToString(c.OnSuccess.Destination)
		}
		if c.OnFailure != nil {
			failure = aws.ToString(c.OnFailure.Destination)
		}
	}
	same := func(a, b *int32) bool { return (a == nil) == (b == nil) && aws.ToInt32(a) == aws.ToInt32(b) }
	return !same(have.MaximumRetryAttempts, number(d.Retries)) || !same(have.MaximumEventAgeInSeconds, number(d.Age)) ||
		success != d.OnSuccess || failure != d.OnFailure, nil
}

func (p *Plan) setEvents(ctx context.Context, step *Step) error {
	f, d := step.wanted, step.wanted.Deployment
	if !configuresEvents(d) {
		if !slices.Contains(step.Changes, "events") {
			return nil
		}
		_, err := p.o.Client.DeleteFunctionEventInvokeConfig(ctx, &lambda.DeleteFunctionEventInvokeConfigInput{FunctionName: &f.Name, Qualifier: qualifier(f)})
		return err
	}
	in := &lambda.PutFunctionEventInvokeConfigInput{
		FunctionName: &f.Name, Qualifier: qualifier(f), MaximumRetryAttempts: number(d.Retries), MaximumEventAgeInSeconds: number(d.Age),
		DestinationConfig: &types.DestinationConfig{},
	}
	if d.OnSuccess != "" {
		in.DestinationConfig.OnSuccess = &types.OnSuccess{Destination: &d.OnSuccess}
	}
	if d.OnFailure != "" {
		in.DestinationConfig.OnFailure = &types.OnFailure{Destination: &d.OnFailure}
	}
	_, err := p.o.Client.PutFunctionEventInvokeConfig(ctx, in)
	return err
}

// provisioned is the provisioned concurrency of the function's alias.
func (p *Plan) provisioned(ctx context.Context, f *template.Function) (int, error) {
	have, err := p.o.Client.GetProvisionedConcurrencyConfig(ctx, &lambda.GetProvisionedConcurrencyConfigInput{FunctionName: &f.Name, Qualifier: qualifier(f)})
	var none *types.ProvisionedConcurrencyConfigNotFoundException
	var missing *types.ResourceNotFoundException // the alias is not there yet
	switch {
	case errors.As(err, &none), errors.As(err, &missing):
		return 0, nil
	case err != nil:
		return 0, err
	}
	return int(aws.ToInt32(have.RequestedProvisionedConcurrentExecutions)), nil
}

func (p *Plan) provision(ctx context.Context, step *Step) error {
	f := step.wanted
	if n := f.Deployment.Provisioned; n > 0 && len(f.Aliases) > 0 {
		_, err := p.o.Client.PutProvisionedConcurrencyConfig(ctx, &lambda.PutProvisionedConcurrencyConfigInput{
			FunctionName: &f.Name, Qualifier: qualifier(f), ProvisionedConcurrentExecutions: aws.Int32(int32(n)),
		})
		return err
	}
	if !slices.Contains(step.Changes, "provisioned concurrency") {
		return nil
	}
	_, err := p.o.Client.DeleteProvisionedConcurrencyConfig(ctx, &lambda.DeleteProvisionedConcurrencyConfigInput{FunctionName: &f.Name, Qualifier: qualifier(f)})
	return err
}
