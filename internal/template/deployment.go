package template

import (
	"strings"
)

// Deployment is what matters for a function once it is deployed, and not in `sluice
// dev` (docs/contract/sam-template.md §2.1).
type Deployment struct {
	Description string
	Tags        map[string]string
	// Layers in their order.
	Layers []Layer
	// DeadLetter is an ARN, "" for none.
	DeadLetter string
	// Retries and Age, in seconds, of asynchronous invocations are nil when unset.
	Retries, Age *int
	// OnSuccess and OnFailure are ARNs, "" for none.
	OnSuccess, OnFailure string
	// Provisioned is how many environments are kept for the alias that SAM publishes.
	Provisioned int
}

// Layer is a layer of the template.
type Layer struct {
	// Name is without the stack's.
	Name string
	// Path is a folder or a .zip archive.
	Path string
}

func (p properties) deployment(r *resource, fn *Function) Deployment {
	d := Deployment{Description: p.string("Description"), Tags: p.tags(), Layers: p.deployedLayers()}
	if alias := p.publishedAlias(r); alias != "" {
		if c, ok := p.object("ProvisionedConcurrencyConfig"); ok {
			d.Provisioned = c.number("ProvisionedConcurrentExecutions", 1, 1_000_000, 0, "a number of environments")
		}
	}
	for _, name := range []string{"DeadLetterQueue", "DeadLetterConfig"} {
		if c, ok := p.object(name); ok {
			d.DeadLetter = c.target("TargetArn", fn.LogicalID)
		}
	}
	events, ok := p.object("EventInvokeConfig")
	if !ok {
		return d
	}
	events.known("EventInvokeConfig", []string{"MaximumEventAgeInSeconds", "MaximumRetryAttempts", "DestinationConfig"})
	if events.has("MaximumRetryAttempts") {
		n := events.number("MaximumRetryAttempts", 0, 2, 2, "a number of retries")
		d.Retries = &n
	}
	if events.has("MaximumEventAgeInSeconds") {
		n := events.number("MaximumEventAgeInSeconds", 60, 21600, 21600, "a number of seconds")
		d.Age = &n
	}
	if destinations, ok := events.object("DestinationConfig"); ok {
		if c, ok := destinations.object("OnSuccess"); ok {
			d.OnSuccess = c.target("Destination", fn.LogicalID)
		}
		if c, ok := destinations.object("OnFailure"); ok {
			d.OnFailure = c.target("Destination", fn.LogicalID)
		}
	}
	return d
}

// target reads the ARN that events end at. Functions of the template are deployed
// with it; its queues and topics are not, so nothing could be sent to them.
func (p properties) target(key, id string) string {
	v := p.value(key)
	switch {
	case v == nil:
		p.warning(p.at, p.owner, "there is no %s, and queues and topics are not made; events of %s end nowhere", key, id)
		return ""
	case v.kind != scalar:
		p.wrong(v, key, "an ARN")
		return ""
	}
	for _, r := range p.order {
		if !strings.HasSuffix(r.kind, "::Function") && p.active(r) && v.text == p.arnOf(r) {
			p.warning(v, v.path, "%s is not run here, so events of %s don't go there", r.id, id)
			return ""
		}
	}
	return v.text
}

// tags takes SAM's map and CloudFormation's list of keys and values.
func (p properties) tags() map[string]string {
	v := p.value("Tags")
	if v == nil {
		return nil
	}
	tags := map[string]string{}
	switch v.kind {
	case object:
		for _, m := range v.members {
			tags[m.key] = m.value.text
		}
	case list:
		for _, item := range v.items {
			if key, value := item.get("Key"), item.get("Value"); key != nil && value != nil {
				tags[key.text] = value.text
			}
		}
	default:
		p.wrong(v, "Tags", "a map")
	}
	return tags
}

// deployedLayers are the function's layers that are part of the template; layers
// has judged the others.
func (p properties) deployedLayers() []Layer {
	var all []Layer
	v := p.value("Layers")
	if v == nil || v.kind != list {
		return nil
	}
	for _, item := range v.items {
		if path := p.loader.layers[item.text]; path != "" {
			name := item.text[:strings.LastIndexByte(item.text, ':')]
			all = append(all, Layer{name[strings.LastIndexByte(name, ':')+1:], path})
		}
	}
	return all
}
