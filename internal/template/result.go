package template

import (
	"cmp"
	"slices"
	"strings"
)

// build makes the result of what was read.
func (l *loader) build(t *Template) {
	l.readLayers(t)
	for _, r := range l.order {
		if r.function() && l.active(r) {
			if fn := l.function(t, r); fn != nil {
				l.addFunction(t, fn, r)
			}
		}
	}
	// Aliases before the URLs on them, URLs before the permissions for them.
	for _, step := range []struct {
		kind string
		do   func(*Template, *resource)
	}{{"AWS::Lambda::Alias", l.alias}, {"AWS::Lambda::Url", l.lambdaURL}, {"AWS::Lambda::Permission", l.permit}} {
		for _, r := range l.order {
			if r.kind == step.kind && l.active(r) {
				step.do(t, r)
			}
		}
	}
	for _, r := range l.order {
		if !handled(r.kind) && l.active(r) {
			t.NotRun = append(t.NotRun, NotRun{Name: r.id, Type: r.kind, Line: r.keyAt.line})
		}
	}
	slices.SortStableFunc(t.NotRun, func(a, b NotRun) int { return cmp.Compare(a.Line, b.Line) })
	l.outputs(t)
}

func (l *loader) addFunction(t *Template, fn *Function, r *resource) {
	if other := t.named(fn.Name); other != nil {
		l.problem(r.keyAt, r.keyAt.path, "the function's name is %s, which %s in line %d has already", fn.Name, other.LogicalID, other.Line)
		return
	}
	t.Functions = append(t.Functions, fn)
	if r.kind == "AWS::Serverless::Function" {
		l.samURL(r, fn)
	}
}

func (l *loader) alias(t *Template, r *resource) {
	p := l.propertiesOf(r)
	name := p.required("Name", "live")
	p.required("FunctionName", "!Ref MyFunction")
	p.required("FunctionVersion", "!GetAtt MyVersion.Version")
	function, _ := l.functionOf(r, "FunctionName")
	if fn := t.named(function); fn != nil && name != "" {
		fn.Aliases = append(fn.Aliases, name)
	}
}

// handled tells that resources of the type were read, or need nothing: a version
// is the current code, and CDK's metadata is about itself.
func handled(kind string) bool {
	switch kind {
	case "AWS::Serverless::Function", "AWS::Lambda::Function", "AWS::Lambda::Alias", "AWS::Lambda::Url", "AWS::Lambda::Permission",
		"AWS::Lambda::Version", "AWS::CDK::Metadata":
		return true
	}
	return strings.HasSuffix(kind, "::LayerVersion")
}

func (l *loader) outputs(t *Template) {
	section := l.section("Outputs")
	if section == nil {
		return
	}
	for _, m := range section.members {
		if m.value.kind != object {
			if m.value.kind != unknown {
				l.problem(m.value, m.keyAt.path, "an output is a map with a Value, not %s", m.value.kind)
			}
			continue
		}
		if c := m.value.get("Condition"); c != nil && c.kind == scalar && !l.holds(c) {
			continue
		}
		p := properties{l, m.value, m.keyAt, m.keyAt.path}
		value := p.required("Value", "!GetAtt MyFunctionUrl.FunctionUrl")
		t.Outputs = append(t.Outputs, Output{Name: m.key, Value: value, Description: p.string("Description")})
	}
}
