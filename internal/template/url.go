package template

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	sluice "github.com/sluice-run/sluice"
)

// isLiteralNone tells that AuthType is written as NONE. SAM adds the permissions
// for everybody only then; an intrinsic gets none
// (docs/contract/sam-template.md §2.3).
func isLiteralNone(authType *node) bool {
	return authType != nil && authType.kind == scalar && authType.text == string(sluice.AuthNone)
}

// samURL reads FunctionUrlConfig (docs/contract/sam-template.md §2.2).
func (l *loader) samURL(r *resource, fn *Function) {
	p := l.propertiesOf(r)
	config, ok := p.object("FunctionUrlConfig")
	if !ok {
		return
	}
	config.known("FunctionUrlConfig", []string{"AuthType", "InvokeMode", "Cors"})
	url := sluice.FunctionURL{Function: fn.Name, Qualifier: l.publishedAlias(r), Mode: config.mode(), CORS: config.cors()}
	auth := config.value("AuthType")
	if auth == nil || auth.text != string(sluice.AuthNone) && auth.text != string(sluice.AuthIAM) {
		at := config.at
		if auth != nil {
			at = auth
		}
		l.problem(at, config.owner.member("AuthType"), "AuthType is required to configure function property `FunctionUrlConfig`. Please provide either AWS_IAM or NONE.")
		return
	}
	url.AuthType = sluice.AuthType(auth.text)
	url.Public = isLiteralNone(p.node.get("FunctionUrlConfig").get("AuthType"))
	l.addURL(fn, url, config.at)
}

func (p properties) mode() sluice.InvokeMode {
	return sluice.InvokeMode(p.oneOf("InvokeMode", string(sluice.Buffered), string(sluice.ResponseStream)))
}

func (l *loader) addURL(fn *Function, url sluice.FunctionURL, at *node) {
	for _, other := range fn.URLs {
		if other.Qualifier == url.Qualifier {
			l.problem(at, at.path, "%s has a second Function URL for the same code; Lambda allows one for each alias and one for $LATEST", fn.LogicalID)
			return
		}
	}
	fn.URLs = append(fn.URLs, url)
}

// lambdaURL reads AWS::Lambda::Url. The URL is open to everybody only if a
// permission says so, see permit.
func (l *loader) lambdaURL(t *Template, r *resource) {
	p := l.propertiesOf(r)
	p.known("a Function URL", []string{"TargetFunctionArn", "Qualifier", "AuthType", "InvokeMode", "Cors"})
	p.required("TargetFunctionArn", "!Ref MyFunction")
	p.required("AuthType", "NONE")
	name, qualifier := l.functionOf(r, "TargetFunctionArn")
	url := sluice.FunctionURL{
		Function: name, Qualifier: qualifier, AuthType: sluice.AuthType(p.oneOf("AuthType", string(sluice.AuthNone), string(sluice.AuthIAM))),
		Mode: p.mode(), CORS: p.cors(),
	}
	if strings.Trim(qualifier, "0123456789") == "" && qualifier != "" {
		l.problem(p.at, p.owner, "the Function URL targets version %s; Lambda allows an alias or the unpublished code", excerpt(qualifier))
		return
	}
	fn := t.named(name)
	if fn == nil {
		t.NotRun = append(t.NotRun, NotRun{r.id, r.kind, fmt.Sprintf("its function %s is not run here", name), r.keyAt.line})
		return
	}
	if qualifier != "" && !slices.Contains(fn.Aliases, qualifier) {
		l.problem(p.at, p.owner, "the function %s has no alias %s", fn.LogicalID, excerpt(qualifier))
		return
	}
	l.addURL(fn, url, r.keyAt)
}

func (t *Template) named(function string) *Function {
	for _, fn := range t.Functions {
		if fn.Name == function {
			return fn
		}
	}
	return nil
}

// permit opens the URLs that a permission is for
// (docs/contract/function-url.md §7.1).
func (l *loader) permit(t *Template, r *resource) {
	p := l.propertiesOf(r)
	action, principal := p.required("Action", "lambda:InvokeFunctionUrl"), p.required("Principal", `"*"`)
	p.required("FunctionName", "!Ref MyFunction")
	name, qualifier := l.functionOf(r, "FunctionName")
	fn := t.named(name)
	if fn == nil || !strings.EqualFold(action, "lambda:InvokeFunctionUrl") && action != "lambda:*" && action != "*" || principal != "*" {
		return
	}
	if auth := p.string("FunctionUrlAuthType"); auth != "" && auth != string(sluice.AuthNone) {
		return
	}
	for i := range fn.URLs {
		if u := &fn.URLs[i]; u.Qualifier == qualifier && u.AuthType == sluice.AuthNone {
			u.Public = true
		}
	}
}

// cors reads a Cors member; its limits are in docs/contract/function-url.md §8.
func (p properties) cors() *sluice.CORS {
	c, ok := p.object("Cors")
	if !ok {
		return nil
	}
	members := []string{"AllowCredentials", "AllowHeaders", "AllowMethods", "AllowOrigins", "ExposeHeaders", "MaxAge"}
	for _, m := range c.node.members {
		if !slices.Contains(members, m.key) {
			p.problem(m.keyAt, m.keyAt.path, "%s is not a valid property for configuring Cors.%s", excerpt(m.key), strings.TrimPrefix(didYouMean(m.key, members), ";"))
		}
	}
	cors := &sluice.CORS{
		AllowCredentials: c.bool("AllowCredentials"), AllowHeaders: c.strings("AllowHeaders"), AllowMethods: c.strings("AllowMethods"),
		AllowOrigins: c.strings("AllowOrigins"), ExposeHeaders: c.strings("ExposeHeaders"),
		MaxAge: c.number("MaxAge", 0, 86400, 0, "a number of seconds"),
	}
	for key, values := range map[string][]string{"AllowHeaders": cors.AllowHeaders, "AllowOrigins": cors.AllowOrigins, "ExposeHeaders": cors.ExposeHeaders} {
		if len(values) > 100 {
			p.problem(c.node.get(key), c.owner.member(key), "%s has %d entries; Lambda allows 100", key, len(values))
		}
	}
	methods := []string{"GET", "PUT", "HEAD", "POST", "PATCH", "DELETE", "*"}
	for i, m := range cors.AllowMethods {
		if !slices.Contains(methods, m) {
			p.wrong(c.value("AllowMethods").items[i], "a method of AllowMethods", strings.Join(methods, ", ")+" (OPTIONS is answered anyway)")
		}
	}
	for i, origin := range cors.AllowOrigins {
		if origin != "*" && !originForm.MatchString(origin) {
			p.wrong(c.value("AllowOrigins").items[i], "an origin of AllowOrigins", "* or an origin such as https://example.com")
		}
	}
	return cors
}

var originForm = regexp.MustCompile(`^[a-z][a-z0-9+.-]*://[^/\s]{1,240}$`)
