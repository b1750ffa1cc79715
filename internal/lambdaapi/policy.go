package lambdaapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"slices"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/auth"
	"github.com/sluice-run/sluice/internal/registry"
)

type permissionRequest struct {
	StatementId, Action, Principal           string
	SourceArn, SourceAccount, PrincipalOrgID string
	FunctionUrlAuthType, EventSourceToken    string
	InvokedViaFunctionUrl                    *bool
	RevisionId                               string
}

var (
	actionName    = whole(`(lambda:[*]|lambda:[a-zA-Z]+|[*])`)
	servicePrefix = regexp.MustCompile(`^[a-z0-9.-]+\.amazonaws\.com(\.cn)?$|^[a-z0-9-]+\.[a-z0-9.-]+$`)
	iamARN        = regexp.MustCompile(`^arn:aws[a-zA-Z-]*:(iam|sts)::\d{12}:.+$`)
	accountID     = regexp.MustCompile(`^\d{12}$`)
)

// principal writes a principal the way a policy does
// (docs/contract/control-api.md §7).
func (a *API) principal(text string) (any, bool) {
	switch {
	case text == "*":
		return "*", true
	case accountID.MatchString(text):
		return map[string]string{"AWS": "arn:" + a.Identity.Partition + ":iam::" + text + ":root"}, true
	case iamARN.MatchString(text):
		return map[string]string{"AWS": text}, true
	case servicePrefix.MatchString(text):
		return map[string]string{"Service": text}, true
	}
	return nil, false
}

// conditions are written in this order.
func (in *permissionRequest) conditions() map[string]map[string]string {
	conditions := map[string]map[string]string{}
	add := func(operator, key, value string) {
		if value == "" {
			return
		}
		if conditions[operator] == nil {
			conditions[operator] = map[string]string{}
		}
		conditions[operator][key] = value
	}
	add("ArnLike", "AWS:SourceArn", in.SourceArn)
	add("StringEquals", "AWS:SourceAccount", in.SourceAccount)
	add("StringEquals", "aws:PrincipalOrgID", in.PrincipalOrgID)
	add("StringEquals", "lambda:FunctionUrlAuthType", in.FunctionUrlAuthType)
	add("StringEquals", "lambda:EventSourceToken", in.EventSourceToken)
	if in.InvokedViaFunctionUrl != nil && *in.InvokedViaFunctionUrl {
		add("Bool", "lambda:InvokedViaFunctionUrl", "true")
	}
	return conditions
}

// policyTarget reads the function and qualifier of a policy operation.
func (c *call) policyTarget() (reference, error) {
	ref, err := c.function()
	if err == nil && ref.qualifier == sluice.LatestVersion {
		err = invalid("We currently do not support adding policies for $LATEST.")
	}
	return ref, err
}

func addPermission(c *call) (any, error) {
	ref, err := c.policyTarget()
	if err != nil {
		return nil, err
	}
	var in permissionRequest
	if err := c.body(&in); err != nil {
		return nil, err
	}
	var v constraints
	v.required(in.StatementId, "statementId")
	v.length(in.StatementId, "statementId", 100)
	v.pattern(in.StatementId, "statementId", statementID)
	v.required(in.Action, "action")
	v.pattern(in.Action, "action", actionName)
	v.required(in.Principal, "principal")
	v.oneOf(in.FunctionUrlAuthType, "functionUrlAuthType", "NONE", "AWS_IAM")
	if err := v.err(); err != nil {
		return nil, err
	}
	principal, ok := c.principal(in.Principal)
	if !ok {
		return nil, invalid("The provided principal was invalid. Please check the principal and try again.")
	}
	statement := struct {
		Sid, Effect      string
		Principal        any
		Action, Resource string
		Condition        map[string]map[string]string `json:",omitempty"`
	}{in.StatementId, "Allow", principal, in.Action, c.arn(ref), in.conditions()}
	text, err := json.Marshal(statement)
	if err != nil {
		return nil, err
	}
	_, err = c.edit(ref, func(f *registry.Function) error {
		if err := c.checkPolicyTarget(f, ref); err != nil {
			return err
		}
		p, err := addStatement(f.Policies[ref.qualifier], in.StatementId, text, in.RevisionId)
		if err != nil {
			return err
		}
		if f.Policies == nil {
			f.Policies = map[string]*registry.Policy{}
		}
		f.Policies[ref.qualifier] = p
		return nil
	})
	if err != nil {
		return nil, err
	}
	c.status = http.StatusCreated
	return struct{ Statement string }{string(text)}, nil
}

// addStatement adds a statement to a policy, a new one if p is nil.
func addStatement(p *registry.Policy, sid string, text json.RawMessage, revision string) (*registry.Policy, error) {
	if p == nil {
		p = &registry.Policy{}
	}
	if err := checkPolicyRevision(p, revision); err != nil {
		return nil, err
	}
	if slices.ContainsFunc(p.Statements, func(s registry.Statement) bool { return s.ID == sid }) {
		return nil, conflict("The statement id (%s) provided already exists. Please provide a new statement id, or remove the existing statement.", sid)
	}
	p.Statements = append(p.Statements, registry.Statement{ID: sid, Text: text})
	p.RevisionID = sluice.NewRequestID()
	return p, nil
}

func removeStatement(p *registry.Policy, sid, revision string) error {
	if p == nil || len(p.Statements) == 0 {
		return notFound("No policy is associated with the given resource.")
	}
	if err := checkPolicyRevision(p, revision); err != nil {
		return err
	}
	i := slices.IndexFunc(p.Statements, func(s registry.Statement) bool { return s.ID == sid })
	if i < 0 {
		return notFound("Statement %s is not found in resource policy.", sid)
	}
	p.Statements = slices.Delete(p.Statements, i, i+1)
	p.RevisionID = sluice.NewRequestID()
	return nil
}

// checkPolicyTarget reports a qualifier that leads nowhere.
func (c *call) checkPolicyTarget(f *registry.Function, ref reference) error {
	switch {
	case ref.qualifier == "" || f.Aliases[ref.qualifier] != nil:
		return nil
	case digits.MatchString(ref.qualifier):
		_, err := c.version(f, ref)
		return err
	}
	return notFound("Cannot find alias arn: %s", c.arn(ref))
}

func checkPolicyRevision(p *registry.Policy, revision string) error {
	if revision != "" && revision != p.RevisionID {
		return stale("The RevisionId provided does not match the latest Revision Id. Call the GetPolicy API to retrieve the latest Revision Id")
	}
	return nil
}

func getPolicy(c *call) (any, error) {
	ref, err := c.function()
	if err != nil {
		return nil, err
	}
	f, err := c.Registry.Function(ref.name)
	if err != nil || f.Policies[ref.qualifier] == nil || len(f.Policies[ref.qualifier].Statements) == 0 {
		return nil, notFound("The resource you requested does not exist.")
	}
	p := f.Policies[ref.qualifier]
	return struct{ Policy, RevisionId string }{policyText(p), p.RevisionID}, nil
}

func policyText(p *registry.Policy) string {
	statements := make([]json.RawMessage, len(p.Statements))
	for i, s := range p.Statements {
		statements[i] = s.Text
	}
	text, _ := json.Marshal(struct {
		Version, Id string
		Statement   []json.RawMessage
	}{"2012-10-17", "default", statements}) // our own JSON
	return string(text)
}

func removePermission(c *call) (any, error) {
	ref, err := c.function()
	if err != nil {
		return nil, err
	}
	sid := c.label("Sid")
	_, err = c.Registry.Edit(c.ctx, ref.name, func(f *registry.Function) error {
		return removeStatement(f.Policies[ref.qualifier], sid, c.query.Get("RevisionId"))
	})
	if errors.Is(err, registry.ErrNotFound) {
		return nil, notFound("No policy found for: %s", c.arn(ref))
	}
	if err != nil {
		return nil, err
	}
	c.Changed(ref.name)
	c.status = http.StatusNoContent
	return nil, nil
}

// ResourcePolicy reads a policy for its evaluation, nil if there is none.
func ResourcePolicy(p *registry.Policy) *auth.Policy {
	if p == nil || len(p.Statements) == 0 {
		return nil
	}
	policy := &auth.Policy{}
	if json.Unmarshal([]byte(policyText(p)), policy) != nil {
		return nil // what can't be read allows nothing
	}
	return policy
}

// Public tells that a policy lets everybody call the Function URL of arn without
// signing (docs/contract/function-url.md §7.1).
func Public(p *registry.Policy, arn string) bool {
	policy := ResourcePolicy(p)
	return policy != nil && policy.DecideFor("", auth.Request{
		Action: "lambda:InvokeFunctionUrl", Resource: arn, Context: map[string]string{"lambda:FunctionUrlAuthType": string(sluice.AuthNone)},
	}) == auth.Allowed
}
