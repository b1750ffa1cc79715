package template

import (
	"slices"
	"strings"
)

// loader reads one template. The fields are filled in the order of the walk.
type loader struct {
	*report
	o Options
	// dir is the template's folder: local paths are relative to it.
	dir  string
	root *node
	// sam and extensions tell which transforms the template asks for.
	sam, extensions bool

	parameters map[string]*parameter
	conditions map[string]*condition
	resources  map[string]*resource
	// order are the resources in the order of the file.
	order []*resource
	// generated are the resources that SAM would add, by logical id.
	generated map[string]*generated
	// layers are the folders of the template's layers, by version ARN.
	layers map[string]string
	// calls is how many intrinsics are being resolved, one within the other.
	calls int
}

// resource is one entry of Resources.
type resource struct {
	id, kind string
	node     *node
	keyAt    *node
	// properties have the Globals merged in; nil if there are none.
	properties *node
	// name caches the physical name; naming guards against a name that refers to
	// itself.
	name   string
	naming bool
}

// generated is a resource that SAM adds for a function
// (docs/contract/sam-template.md §2.3).
type generated struct {
	owner *resource
	// kind is the CloudFormation type.
	kind string
	// alias is the name of an alias.
	alias string
}

const (
	samTransform        = "AWS::Serverless-2016-10-31"
	extensionsTransform = "AWS::LanguageExtensions"
)

var topLevel = []string{
	"AWSTemplateFormatVersion", "Transform", "Globals", "Parameters", "Mappings", "Conditions", "Resources", "Outputs",
	"Metadata", "Rules", "Description", "Hooks",
}

// sections reads everything up to the resources' properties, and checks what
// can be checked without resolving anything. It returns false if the template's
// structure is not sound enough to look for more mistakes.
func (l *loader) sections() bool {
	if l.root.kind != object {
		l.problem(l.root, nil, "a template is a map with the key Resources, not %s", l.root.kind)
		return false
	}
	for _, m := range l.root.members {
		if !slices.Contains(topLevel, m.key) {
			l.warning(m.keyAt, nil, "%s is not a section of a template%s", excerpt(m.key), didYouMeanOr(m.key, topLevel))
		}
	}
	if v := l.root.get("AWSTemplateFormatVersion"); v != nil && v.kind == scalar && v.text != "2010-09-09" {
		l.problem(v, v.path, "the only version is 2010-09-09, not %s", v.shown())
	}
	l.transforms()
	if l.extensions {
		budget := maxNodes
		l.root = l.unroll(l.root, nil, &budget)
	}
	l.readParameters()
	l.readConditions()
	l.readResources()
	if len(l.problems) > 0 {
		return false
	}
	l.mergeGlobals()
	l.generate()
	l.checkReferences()
	return l.checkCycles()
}

// section returns a section of the template if it is a map, and reports it if it
// is something else.
func (l *loader) section(name string) *node {
	n := l.root.get(name)
	if n == nil || n.kind == null || n.kind == unknown {
		return nil
	}
	if n.kind != object {
		l.problem(n, n.path, "this is %s; expected a map of names", n.kind)
		return nil
	}
	return n
}

func (l *loader) transforms() {
	n := l.root.get("Transform")
	if n == nil {
		return
	}
	items := []*node{n}
	if n.kind == list {
		items = n.items
	}
	for _, item := range items {
		switch {
		case item.kind == scalar && item.text == samTransform:
			l.sam = true
		case item.kind == scalar && item.text == extensionsTransform:
			l.extensions = true
		case item.kind == scalar && strings.HasPrefix(item.text, "AWS::Serverless"):
			l.problem(item, item.path, "%s is not a transform; write %s", item.shown(), samTransform)
		default:
			l.warning(item, item.path, "this transform is not run here; known are %s and %s", samTransform, extensionsTransform)
		}
	}
}

// serverlessTypes are SAM's (docs/contract/sam-template.md §2).
var serverlessTypes = []string{
	"AWS::Serverless::Function", "AWS::Serverless::LayerVersion", "AWS::Serverless::Api", "AWS::Serverless::HttpApi",
	"AWS::Serverless::WebSocketApi", "AWS::Serverless::SimpleTable", "AWS::Serverless::StateMachine", "AWS::Serverless::Application",
	"AWS::Serverless::Connector", "AWS::Serverless::GraphQLApi", "AWS::Serverless::CapacityProvider", "AWS::Serverless::WebFunction",
}

// lambdaTypes are CloudFormation's (docs/contract/sam-template.md §5).
var lambdaTypes = []string{
	"AWS::Lambda::Function", "AWS::Lambda::Version", "AWS::Lambda::Alias", "AWS::Lambda::Url", "AWS::Lambda::Permission",
	"AWS::Lambda::LayerVersion", "AWS::Lambda::LayerVersionPermission", "AWS::Lambda::EventInvokeConfig",
	"AWS::Lambda::EventSourceMapping", "AWS::Lambda::CodeSigningConfig", "AWS::Lambda::CapacityProvider",
}

func (l *loader) readResources() {
	section := l.root.get("Resources")
	switch {
	case section == nil || section.kind == null:
		l.problem(section, nil, "'Resources' section is required; add the functions there")
		return
	case section.kind == unknown:
		return
	case section.kind != object || len(section.members) == 0:
		l.problem(section, section.path, "'Resources' has to be a map with at least one resource")
		return
	}
	for _, m := range section.members {
		if m.value.kind == unknown {
			continue
		}
		if m.value.kind != object {
			l.problem(m.value, m.keyAt.path, "All 'Resources' must be Objects. If you're using YAML, this may be an indentation issue.")
			continue
		}
		l.readResource(m)
	}
}

func (l *loader) readResource(m member) {
	r := &resource{id: m.key, node: m.value, keyAt: m.keyAt}
	if !isLogicalID(m.key) {
		l.problem(m.keyAt, m.keyAt.path, "a logical id has letters and digits only")
		return
	}
	kind := m.value.get("Type")
	if kind == nil || kind.kind != scalar {
		l.problem(m.keyAt, m.keyAt.path, "the resource has no Type; write one, such as Type: AWS::Serverless::Function")
		return
	}
	r.kind = kind.text
	known := serverlessTypes
	if strings.HasPrefix(r.kind, "AWS::Lambda::") {
		known = lambdaTypes
	}
	switch serverless := strings.HasPrefix(r.kind, "AWS::Serverless::"); {
	case (serverless || strings.HasPrefix(r.kind, "AWS::Lambda::")) && !slices.Contains(known, r.kind):
		l.problem(kind, kind.path, "%s is not a resource type%s", excerpt(r.kind), didYouMeanOr(r.kind, known))
		return
	case serverless && !l.sam:
		l.problem(kind, kind.path, "%s needs the line \"Transform: %s\" at the top of the template", r.kind, samTransform)
		return
	case !serverless && !strings.Contains(r.kind, "::"):
		l.problem(kind, kind.path, "%s is not a resource type; types look like AWS::Serverless::Function", excerpt(r.kind))
		return
	}
	if p := m.value.get("Properties"); p != nil && p.kind != null {
		if p.kind != object {
			l.problem(p, p.path, "Properties is %s; expected a map", p.kind)
			return
		}
		r.properties = p
	}
	l.resources[r.id] = r
	l.order = append(l.order, r)
}

func isLogicalID(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
}

// function tells that the resource is a function, of either kind.
func (r *resource) function() bool {
	return r.kind == "AWS::Serverless::Function" || r.kind == "AWS::Lambda::Function"
}

// active tells that the resource's Condition, if it has one, holds.
func (l *loader) active(r *resource) bool {
	c := r.node.get("Condition")
	return c == nil || c.kind != scalar || l.holds(c)
}

// ids are the logical ids that can be referred to.
func (l *loader) ids() []string {
	return append(keysOf(l.resources), keysOf(l.generated)...)
}
