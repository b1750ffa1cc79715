package template

import (
	"slices"
	"strings"
)

// generate notes the resources that SAM would add, so that references to them are
// found (docs/contract/sam-template.md §2.3).
func (l *loader) generate() {
	for _, r := range l.order {
		switch r.kind {
		case "AWS::Serverless::Function":
			l.generateFor(r)
		case "AWS::Serverless::StateMachine":
			l.generated[r.id+"Role"] = &generated{owner: r, kind: "AWS::IAM::Role"}
		}
	}
}

func (l *loader) generateFor(r *resource) {
	add := func(suffix, kind, alias string) {
		l.generated[r.id+suffix] = &generated{owner: r, kind: kind, alias: alias}
	}
	if r.properties.get("Role") == nil {
		add("Role", "AWS::IAM::Role", "")
	}
	if alias := l.publishedAlias(r); alias != "" {
		add("Alias"+strings.NewReplacer("-", "D", "_", "U").Replace(alias), "AWS::Lambda::Alias", alias)
		add("Version", "AWS::Lambda::Version", "")
	}
	if url := r.properties.get("FunctionUrlConfig"); url != nil && url.kind != null {
		add("Url", "AWS::Lambda::Url", "")
		if isLiteralNone(url.get("AuthType")) {
			add("UrlPublicPermissions", "AWS::Lambda::Permission", "")
			add("URLInvokeAllowPublicAccess", "AWS::Lambda::Permission", "")
		}
	}
	if r.properties.get("EventInvokeConfig") != nil {
		add("EventInvokeConfig", "AWS::Lambda::EventInvokeConfig", "")
	}
	events := r.properties.get("Events")
	if events == nil || events.kind != object {
		return
	}
	for _, e := range events.members {
		add(e.key, "", "")
		kind := e.value.get("Type")
		if kind == nil {
			continue
		}
		switch kind.text {
		case "Api":
			for _, suffix := range []string{"", "ProdStage", "StageStage"} {
				l.generated["ServerlessRestApi"+suffix] = &generated{owner: r}
			}
		case "HttpApi":
			for _, suffix := range []string{"", "ApiGatewayDefaultStage"} {
				l.generated["ServerlessHttpApi"+suffix] = &generated{owner: r}
			}
		}
	}
}

// checkReferences reports references to what the template does not hold, also in
// the parts that are not run: on AWS the whole template has to be right.
func (l *loader) checkReferences() {
	for _, r := range l.order {
		if c := r.node.get("Condition"); c != nil && c.kind == scalar {
			l.holds(c)
		}
		for _, id := range dependsOn(r.node) {
			if l.resources[id.text] == nil && l.generated[id.text] == nil && !l.serverlessChild(id.text) {
				l.unknownID(id, id.text)
			}
		}
		references(r.properties, l.checkReference)
	}
	if outputs := l.section("Outputs"); outputs != nil {
		references(outputs, l.checkReference)
	}
}

func (l *loader) checkReference(at *node, id string, attribute bool) {
	if l.resources[id] != nil || l.generated[id] != nil {
		return
	}
	if owner, _, dotted := strings.Cut(id, "."); dotted && l.resources[owner] != nil {
		return
	}
	if !attribute && (l.parameters[id] != nil || strings.HasPrefix(id, "AWS::")) {
		return
	}
	if l.serverlessChild(id) {
		// SAM names what it adds after its owner; a stand-in will do.
		l.generated[id] = &generated{}
		return
	}
	l.unknownID(at, id)
}

// serverlessChild tells that id may be a resource that SAM adds for one that is
// not run here, such as an API's stage, or for an event.
func (l *loader) serverlessChild(id string) bool {
	for _, r := range l.order {
		if !strings.HasPrefix(r.kind, "AWS::Serverless::") || !strings.HasPrefix(id, r.id) {
			continue
		}
		if !r.function() {
			return true
		}
		rest := id[len(r.id):]
		if version, ok := strings.CutPrefix(rest, "Version"); ok && len(version) == 10 && strings.Trim(version, "0123456789abcdef") == "" {
			return true
		}
		for _, event := range r.properties.get("Events").keys() {
			if strings.HasPrefix(rest, event) {
				return true
			}
		}
	}
	return false
}

// references calls found for every name that n refers to; attribute tells that it
// is a resource's, from Fn::GetAtt.
func references(n *node, found func(at *node, id string, attribute bool)) {
	if n == nil {
		return
	}
	switch {
	case n.kind == list:
		for _, item := range n.items {
			references(item, found)
		}
	case n.kind != object:
	case isIntrinsic(n):
		argument := n.members[0].value
		switch n.members[0].key {
		case "Ref":
			if argument.kind == scalar {
				found(n, argument.text, false)
			}
		case "Fn::GetAtt":
			if argument.kind == list && len(argument.items) > 0 {
				argument = argument.items[0]
			}
			if argument.kind == scalar {
				id, _, _ := strings.Cut(argument.text, ".")
				found(n, id, true)
			}
		case "Fn::Sub":
			subReferences(argument, found)
		default:
			references(argument, found)
		}
	default:
		for _, m := range n.members {
			references(m.value, found)
		}
	}
}

func subReferences(argument *node, found func(at *node, id string, attribute bool)) {
	template, own := argument, (*node)(nil)
	if argument.kind == list && len(argument.items) == 2 {
		template, own = argument.items[0], argument.items[1]
		references(own, found)
	}
	if template.kind != scalar {
		return
	}
	for _, part := range subParts(template.text) {
		if !part.variable || own.get(part.text) != nil {
			continue
		}
		id, _, dotted := strings.Cut(part.text, ".")
		found(template, id, dotted)
	}
}

func dependsOn(n *node) []*node {
	d := n.get("DependsOn")
	switch {
	case d == nil:
		return nil
	case d.kind == scalar:
		return []*node{d}
	}
	return slices.DeleteFunc(slices.Clone(d.items), func(n *node) bool { return n.kind != scalar })
}

// ownResources are properties of a SAM function that become resources of their
// own: what they refer to, the function does not depend on.
var ownResources = []string{
	"Events", "FunctionUrlConfig", "EventInvokeConfig", "DeploymentPreference", "ProvisionedConcurrencyConfig", "AutoPublishAlias", "Policies", "Connectors",
}

// checkCycles reports resources that depend on each other and returns whether
// there are none. The usual one is a function whose environment holds its own URL:
// on AWS the URL is made after the function.
func (l *loader) checkCycles() bool {
	const (
		open = 1
		done = 2
	)
	sound := true
	state := map[*resource]int{}
	var trail []*resource
	var visit func(r *resource)
	visit = func(r *resource) {
		state[r] = open
		trail = append(trail, r)
		l.dependencies(r, func(at *node, to *resource) {
			switch state[to] {
			case open:
				sound = false
				var ids []string
				for _, r := range trail[slices.Index(trail, to):] {
					ids = append(ids, r.id)
				}
				l.problem(at, at.path, "circular dependency between resources: %s; on AWS this one would have to exist before what it refers to", strings.Join(ids, ", "))
			case done:
			default:
				visit(to)
			}
		})
		trail = trail[:len(trail)-1]
		state[r] = done
	}
	for _, r := range l.order {
		if state[r] == 0 {
			visit(r)
		}
	}
	return sound
}

// dependencies calls found for each resource that has to exist before r.
func (l *loader) dependencies(r *resource, found func(at *node, to *resource)) {
	serverless := strings.HasPrefix(r.kind, "AWS::Serverless::")
	if serverless && !r.function() || r.properties == nil || !l.active(r) {
		return
	}
	lookup := func(at *node, id string, _ bool) {
		if to := l.resources[id]; to != nil {
			found(at, to)
		} else if g := l.generated[id]; g != nil && g.kind != "AWS::IAM::Role" && g.owner != nil {
			found(at, g.owner)
		}
	}
	for _, m := range r.properties.members {
		if !serverless || !slices.Contains(ownResources, m.key) {
			references(m.value, lookup)
		}
	}
	for _, id := range dependsOn(r.node) {
		lookup(id, id.text, false)
	}
}
