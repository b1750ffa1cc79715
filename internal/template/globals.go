package template

import (
	"slices"
	"strings"
)

// globalSections are the sections of Globals (docs/contract/sam-template.md §3).
var globalSections = []string{
	"Function", "Api", "HttpApi", "SimpleTable", "StateMachine", "LayerVersion", "CapacityProvider", "WebSocketApi",
}

// globalKeys are the keys of Globals.Function.
var globalKeys = []string{
	"Handler", "Runtime", "CodeUri", "DeadLetterQueue", "Description", "MemorySize", "Timeout", "VpcConfig", "Environment", "Tags",
	"PropagateTags", "Tracing", "KmsKeyArn", "AutoPublishAlias", "AutoPublishAliasAllProperties", "Layers", "DeploymentPreference",
	"RolePath", "PermissionsBoundary", "ReservedConcurrentExecutions", "ProvisionedConcurrencyConfig", "AssumeRolePolicyDocument",
	"EventInvokeConfig", "FileSystemConfigs", "CodeSigningConfigArn", "Architectures", "SnapStart", "EphemeralStorage",
	"FunctionUrlConfig", "RuntimeManagementConfig", "LoggingConfig", "RecursiveLoop", "SourceKMSKeyArn", "TenancyConfig",
	"DurableConfig", "CapacityProviderConfig", "FunctionScalingConfig", "PublishToLatestPublished", "VersionDeletionPolicy",
}

// mergeGlobals puts Globals into the properties of the resources that they are
// for (docs/contract/sam-template.md §3).
func (l *loader) mergeGlobals() {
	globals := l.section("Globals")
	if globals == nil {
		return
	}
	for _, m := range globals.members {
		switch {
		case !slices.Contains(globalSections, m.key):
			l.problem(m.keyAt, m.keyAt.path, "'%s' is not supported. Must be one of %s%s", excerpt(m.key), strings.Join(globalSections, ", "), didYouMean(m.key, globalSections))
			continue
		case m.value.kind == null || m.value.kind == unknown:
			continue
		case m.value.kind != object:
			l.problem(m.value, m.keyAt.path, "this is %s; expected a map of properties", m.value.kind)
			continue
		case m.key == "Function":
			l.checkGlobalKeys(m.value)
		}
		for _, r := range l.order {
			if r.kind == "AWS::Serverless::"+m.key {
				l.mergeInto(r, m.value)
			}
		}
	}
}

func (l *loader) checkGlobalKeys(globals *node) {
	for _, m := range globals.members {
		if !slices.Contains(globalKeys, m.key) {
			l.problem(m.keyAt, m.keyAt.path, "%s can't be in Globals%s; write it in each function", excerpt(m.key), didYouMean(m.key, globalKeys))
		}
	}
}

func (l *loader) mergeInto(r *resource, globals *node) {
	ignored := r.node.get("IgnoreGlobals")
	if ignored != nil && ignored.kind == scalar && ignored.text == "*" {
		return
	}
	var kept []member
	for _, m := range globals.members {
		if ignored == nil || ignored.kind != list || !slices.ContainsFunc(ignored.items, func(n *node) bool { return n.text == m.key }) {
			kept = append(kept, m)
		}
	}
	base := &node{kind: object, members: kept, line: r.keyAt.line, column: r.keyAt.column, path: r.keyAt.path.member("Properties")}
	if r.properties == nil {
		r.properties = base
		return
	}
	r.properties = merged(base, r.properties)
}

// merged lays own over global: maps are merged, lists are concatenated, anything
// else of own wins.
func merged(global, own *node) *node {
	switch {
	case global.kind == list && own.kind == list:
		return own.hereList(append(slices.Clone(global.items), own.items...))
	case global.kind != object || own.kind != object || isIntrinsic(global) || isIntrinsic(own):
		return own
	}
	v := own.here(object)
	for _, m := range global.members {
		if mine := own.member(m.key); mine != nil {
			m = member{m.key, mine.keyAt, merged(m.value, mine.value)}
		}
		v.members = append(v.members, m)
	}
	for _, m := range own.members {
		if global.member(m.key) == nil {
			v.members = append(v.members, m)
		}
	}
	return v
}

// isIntrinsic tells that n is a call of an intrinsic function.
func isIntrinsic(n *node) bool {
	if n == nil || n.kind != object || len(n.members) != 1 {
		return false
	}
	key := n.members[0].key
	return key == "Ref" || strings.HasPrefix(key, "Fn::")
}
