package template

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	sluice "github.com/sluice-run/sluice"
)

// This file makes the physical ids that Ref and Fn::GetAtt stand for. Those of
// functions and their URLs are real; those of what is not run are made up, but
// stable and of AWS's form.

// refValue returns what Ref gives for a resource
// (docs/contract/sam-template.md §2.3, §5).
func (l *loader) refValue(at *node, id string) (string, bool) {
	if r := l.resources[id]; r != nil {
		if !l.exists(at, r) {
			return "", false
		}
		return l.refOf(r), true
	}
	if g := l.generated[id]; g != nil {
		switch g.kind {
		case "AWS::Lambda::Alias":
			return l.functionARN(g.owner, g.alias), true
		case "AWS::Lambda::Version":
			return l.functionARN(g.owner, "1"), true
		case "AWS::Lambda::Url":
			return l.functionARN(g.owner, l.publishedAlias(g.owner)), true
		}
		return l.o.StackName + "-" + id, true
	}
	if owner, attribute, dotted := strings.Cut(id, "."); dotted {
		return l.attributeValue(at, owner, attribute)
	}
	l.unknownID(at, id)
	return "", false
}

// attributeValue returns what Fn::GetAtt gives.
func (l *loader) attributeValue(at *node, id, attribute string) (string, bool) {
	if r := l.resources[id]; r != nil {
		if !l.exists(at, r) {
			return "", false
		}
		return l.attributeOf(at, r, attribute)
	}
	g := l.generated[id]
	if g == nil {
		l.unknownID(at, id)
		return "", false
	}
	switch {
	case g.kind == "AWS::Lambda::Url" && attribute == "FunctionUrl":
		return l.urlOf(l.nameOf(g.owner), l.publishedAlias(g.owner)), true
	case g.kind == "AWS::Lambda::Url" && attribute == "FunctionArn":
		return l.functionARN(g.owner, l.publishedAlias(g.owner)), true
	case g.kind == "AWS::Lambda::Url":
		l.badAttribute(at, id, attribute, "FunctionUrl", "FunctionArn")
		return "", false
	case g.kind == "AWS::Lambda::Version" && attribute == "Version":
		return "1", true
	case g.kind == "AWS::Lambda::Version", g.kind == "AWS::Lambda::Alias":
		return l.functionARN(g.owner, map[bool]string{true: "1", false: g.alias}[g.kind == "AWS::Lambda::Version"]), true
	case g.kind == "AWS::IAM::Role" && attribute == "Arn":
		return "arn:" + l.o.Identity.Partition + ":iam::" + l.o.Identity.AccountID + ":role/" + l.o.StackName + "-" + id, true
	}
	return l.o.StackName + "-" + id + "-" + attribute, true
}

func (l *loader) unknownID(at *node, id string) {
	candidates := append(l.ids(), keysOf(l.parameters)...)
	hint := didYouMean(id, candidates)
	if hint == "" {
		hint = "; there are " + listed(candidates)
	}
	l.problem(at, at.path, "there is no parameter or resource %s%s", excerpt(id), hint)
}

func (l *loader) badAttribute(at *node, id, attribute string, known ...string) {
	l.problem(at, at.path, "%s has no attribute %s%s", excerpt(id), excerpt(attribute), didYouMeanOr(attribute, known))
}

// exists reports a reference to a resource that a false condition leaves out.
func (l *loader) exists(at *node, r *resource) bool {
	if l.active(r) {
		return true
	}
	l.problem(at, at.path, "%s is not created, because its condition %s is false; use Fn::If around this", r.id, excerpt(r.node.get("Condition").text))
	return false
}

// refOf is what Ref gives for a resource of the template.
func (l *loader) refOf(r *resource) string {
	name := l.nameOf(r)
	switch r.kind {
	case "AWS::Lambda::Url":
		fn, qualifier := l.functionOf(r, "TargetFunctionArn")
		return l.functionARNOf(fn, qualifier)
	case "AWS::Lambda::Alias":
		fn, _ := l.functionOf(r, "FunctionName")
		return l.functionARNOf(fn, l.aliasName(r))
	case "AWS::Lambda::Version":
		fn, _ := l.functionOf(r, "FunctionName")
		return l.functionARNOf(fn, "1")
	case "AWS::Serverless::LayerVersion", "AWS::Lambda::LayerVersion":
		return l.layerARN(r)
	case "AWS::SQS::Queue":
		return "https://sqs." + l.o.Identity.Region + ".amazonaws.com/" + l.o.Identity.AccountID + "/" + name
	case "AWS::SNS::Topic", "AWS::SecretsManager::Secret", "AWS::StepFunctions::StateMachine", "AWS::Serverless::StateMachine":
		return l.arnOf(r)
	}
	return name
}

// attributeOf is what Fn::GetAtt gives for a resource of the template.
func (l *loader) attributeOf(at *node, r *resource, attribute string) (string, bool) {
	switch r.kind {
	case "AWS::Serverless::Function", "AWS::Lambda::Function":
		return l.functionAttribute(at, r, attribute)
	case "AWS::Lambda::Url":
		fn, qualifier := l.functionOf(r, "TargetFunctionArn")
		switch attribute {
		case "FunctionUrl":
			return l.urlOf(fn, qualifier), true
		case "FunctionArn":
			return l.functionARNOf(fn, qualifier), true
		}
		l.badAttribute(at, r.id, attribute, "FunctionUrl", "FunctionArn")
		return "", false
	case "AWS::Lambda::Version":
		if attribute == "Version" {
			return "1", true
		}
		return l.refOf(r), true
	case "AWS::Lambda::Alias", "AWS::Lambda::LayerVersion", "AWS::Serverless::LayerVersion":
		return l.refOf(r), true
	}
	name := l.nameOf(r)
	switch {
	case attribute == "Arn", strings.HasSuffix(attribute, "Arn"):
		return l.arnOf(r), true
	case strings.HasSuffix(attribute, "Name"):
		return name, true
	case attribute == "QueueUrl":
		return l.refOf(r), true
	}
	return name + "-" + strings.ReplaceAll(attribute, ".", "-"), true
}

func (l *loader) functionAttribute(at *node, r *resource, attribute string) (string, bool) {
	first, _, _ := strings.Cut(attribute, ".")
	switch {
	case attribute == "Arn":
		return l.functionARN(r, ""), true
	case first == "SnapStartResponse":
		return "Off", true
	case r.kind == "AWS::Lambda::Function":
	case attribute == "Version.Version":
		return "1", true
	case first == "Version":
		return l.functionARN(r, "1"), true
	case first == "Alias":
		return l.functionARN(r, l.publishedAlias(r)), true
	case first == "DestinationTopic", first == "DestinationQueue":
		return l.o.StackName + "-" + r.id + first, true
	}
	l.badAttribute(at, r.id, attribute, "Arn")
	return "", false
}

// maxFunctionName is how long the name of a function may be, in characters.
const maxFunctionName = 64

// shortened cuts a made-up name to the length that functions may have: what is in front
// of the logical id first, as CloudFormation does. What is cut off still makes a
// difference, and always the same.
func shortened(name, id string) string {
	if len(name) <= maxFunctionName {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	tail := "-" + hex.EncodeToString(sum[:4])
	if prefix, ok := strings.CutSuffix(name, "-"+id); ok && len(id) < maxFunctionName/2 {
		tail = "-" + id + tail
		return prefix[:maxFunctionName-len(tail)] + tail
	}
	return name[:maxFunctionName-len(tail)] + tail
}

// nameOf is the physical name of a resource: the one that the template gives it,
// or one made of stack and logical id.
func (l *loader) nameOf(r *resource) string {
	if r.name != "" {
		return r.name
	}
	if r.naming {
		l.problem(r.keyAt, r.keyAt.path, "the name of %s depends on itself", r.id)
		return r.id
	}
	r.naming = true
	name := ""
	for _, property := range nameProperties(r.kind) {
		if n := r.properties.get(property); n != nil {
			if v := l.resolve(n); v != nil && v.kind == scalar && v.text != "" {
				name = v.text
				break
			}
		}
	}
	switch {
	case name != "":
	case r.function():
		name = shortened(l.o.NameFunction(r.id), r.id)
	case r.kind == "AWS::S3::Bucket":
		name = strings.ToLower(l.o.StackName + "-" + r.id)
	case strings.HasSuffix(r.kind, "::LayerVersion"):
		name = r.id
	default:
		name = l.o.StackName + "-" + r.id
	}
	r.naming, r.name = false, name
	return name
}

// nameProperties are the properties that may hold the name of a resource of that
// type: TableName for AWS::DynamoDB::Table, or Name.
func nameProperties(kind string) []string {
	switch kind {
	case "AWS::Serverless::Function":
		return []string{"FunctionName"}
	case "AWS::Serverless::SimpleTable":
		return []string{"TableName"}
	case "AWS::Serverless::LayerVersion", "AWS::Lambda::LayerVersion":
		return []string{"LayerName"}
	}
	last := kind[strings.LastIndexByte(kind, ':')+1:]
	return []string{last + "Name", "Name"}
}

// arnForms are the parts of an ARN behind the account, where they are not just
// the name.
var arnForms = map[string]string{
	"AWS::DynamoDB::Table": "table/", "AWS::Serverless::SimpleTable": "table/", "AWS::Kinesis::Stream": "stream/", "AWS::IAM::Role": "role/",
	"AWS::SecretsManager::Secret": "secret:", "AWS::StepFunctions::StateMachine": "stateMachine:", "AWS::Serverless::StateMachine": "stateMachine:",
	"AWS::Logs::LogGroup": "log-group:", "AWS::Events::EventBus": "event-bus/", "AWS::Events::Rule": "rule/", "AWS::SSM::Parameter": "parameter/",
}

// arnServices are the services of an ARN that are not named like the type.
var arnServices = map[string]string{"StepFunctions": "states", "SimpleTable": "dynamodb", "StateMachine": "states", "Cognito": "cognito-idp"}

func (l *loader) arnOf(r *resource) string {
	id := l.o.Identity
	parts := strings.Split(r.kind, "::")
	service := parts[min(1, len(parts)-1)]
	if service == "Serverless" {
		service = parts[len(parts)-1]
	}
	if s := arnServices[service]; s != "" {
		service = s
	}
	region, account := id.Region, id.AccountID
	switch service {
	case "S3":
		region, account = "", ""
	case "IAM":
		region = ""
	}
	return "arn:" + id.Partition + ":" + strings.ToLower(service) + ":" + region + ":" + account + ":" + arnForms[r.kind] + l.nameOf(r)
}

func (l *loader) functionARN(r *resource, qualifier string) string {
	return l.functionARNOf(l.nameOf(r), qualifier)
}

func (l *loader) functionARNOf(name, qualifier string) string {
	return l.o.Identity.FunctionARN(name, qualifier)
}

func (l *loader) layerARN(r *resource) string {
	id := l.o.Identity
	return "arn:" + id.Partition + ":lambda:" + id.Region + ":" + id.AccountID + ":layer:" + l.nameOf(r) + ":1"
}

// urlOf is the address of a Function URL.
func (l *loader) urlOf(function, qualifier string) string {
	count := 0
	for _, r := range l.order {
		switch {
		case r.kind == "AWS::Serverless::Function" && r.properties.get("FunctionUrlConfig") != nil && l.nameOf(r) == function:
			count++
		case r.kind == "AWS::Lambda::Url" && l.active(r):
			if name, _ := l.functionOf(r, "TargetFunctionArn"); name == function {
				count++
			}
		}
	}
	return l.o.URL(function, qualifier, count <= 1)
}

// functionOf returns name and qualifier of the function that a property of r
// points to: a name, a partial or full ARN, with or without qualifier.
func (l *loader) functionOf(r *resource, property string) (name, qualifier string) {
	n := r.properties.get(property)
	if n == nil {
		return "", ""
	}
	v := l.resolve(n)
	if v == nil || v.kind != scalar {
		return "", ""
	}
	name, qualifier = splitFunction(v.text)
	if q := r.properties.get("Qualifier"); q != nil {
		if v := l.resolve(q); v != nil && v.kind == scalar {
			qualifier = v.text
		}
	}
	return name, qualifier
}

// splitFunction reads a function name, partial ARN or ARN.
func splitFunction(text string) (name, qualifier string) {
	parts := strings.Split(text, ":")
	if i := slices.Index(parts, "function"); i >= 0 && i+1 < len(parts) {
		parts = parts[i+1:]
	}
	name = parts[0]
	if len(parts) > 1 && parts[1] != sluice.LatestVersion {
		qualifier = parts[1]
	}
	return name, qualifier
}

func (l *loader) aliasName(r *resource) string {
	if n := r.properties.get("Name"); n != nil {
		if v := l.resolve(n); v != nil && v.kind == scalar {
			return v.text
		}
	}
	return ""
}

// publishedAlias is the value of a SAM function's AutoPublishAlias, "" if it has
// none.
func (l *loader) publishedAlias(r *resource) string {
	if n := r.properties.get("AutoPublishAlias"); n != nil && r.kind == "AWS::Serverless::Function" {
		if v := l.resolve(n); v != nil && v.kind == scalar {
			return v.text
		}
	}
	return ""
}
