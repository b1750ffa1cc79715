package lambdaapi

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/sluice-run/sluice/internal/registry"
)

// This file holds the policies of layer versions (docs/contract/control-api.md §10).
// A server plays one account, which may use all of its layers; policies are kept for
// the clients that manage them.

// layerNotThere is the answer for a version of a layer that is unknown or deleted.
func (c *call) layerNotThere(name string, number int) error {
	return notFound("Layer version %s does not exist.", c.layerARN(name, number))
}

// editLayer changes a version of a layer that is there.
func (c *call) editLayer(change func(l *registry.Layer, arn string) error) (*registry.Layer, error) {
	name, number, err := c.layer()
	if err != nil {
		return nil, err
	}
	l, err := c.Registry.EditLayer(c.ctx, name, number, func(l *registry.Layer) error {
		if l.Deleted {
			return c.layerNotThere(name, number)
		}
		return change(l, c.layerARN(name, number))
	})
	if errors.Is(err, registry.ErrNotFound) {
		return nil, c.layerNotThere(name, number)
	}
	return l, err
}

func addLayerVersionPermission(c *call) (any, error) {
	var in struct{ StatementId, Action, Principal, OrganizationId string }
	if err := c.body(&in); err != nil {
		return nil, err
	}
	var v constraints
	v.required(in.StatementId, "statementId")
	v.length(in.StatementId, "statementId", 100)
	v.pattern(in.StatementId, "statementId", statementID)
	v.oneOf(in.Action, "action", "lambda:GetLayerVersion")
	v.required(in.Action, "action")
	v.required(in.Principal, "principal")
	if err := v.err(); err != nil {
		return nil, err
	}
	principal, ok := c.principal(in.Principal)
	if !ok {
		return nil, invalid("The provided principal was invalid. Please check the principal and try again.")
	}
	if in.OrganizationId != "" && in.Principal != "*" {
		return nil, invalid("The principal has to be * when an organization is given.")
	}
	statement := struct {
		Sid, Effect      string
		Principal        any
		Action, Resource string
		Condition        map[string]map[string]string `json:",omitempty"`
	}{Sid: in.StatementId, Effect: "Allow", Principal: principal, Action: in.Action}
	if in.OrganizationId != "" {
		statement.Condition = map[string]map[string]string{"StringEquals": {"aws:PrincipalOrgID": in.OrganizationId}}
	}
	var text []byte
	l, err := c.editLayer(func(l *registry.Layer, arn string) (err error) {
		statement.Resource = arn
		if text, err = json.Marshal(statement); err != nil {
			return err
		}
		l.Policy, err = addStatement(l.Policy, in.StatementId, text, c.query.Get("RevisionId"))
		return err
	})
	if err != nil {
		return nil, err
	}
	c.status = http.StatusCreated
	return struct{ Statement, RevisionId string }{string(text), l.Policy.RevisionID}, nil
}

func getLayerVersionPolicy(c *call) (any, error) {
	name, number, err := c.layer()
	if err != nil {
		return nil, err
	}
	l, err := c.Registry.Layer(name, number)
	switch {
	case err != nil || l.Deleted:
		return nil, c.layerNotThere(name, number)
	case l.Policy == nil || len(l.Policy.Statements) == 0:
		return nil, notFound("No policy is associated with the given resource.")
	}
	return struct{ Policy, RevisionId string }{policyText(l.Policy), l.Policy.RevisionID}, nil
}

func removeLayerVersionPermission(c *call) (any, error) {
	_, err := c.editLayer(func(l *registry.Layer, _ string) error {
		return removeStatement(l.Policy, c.label("Sid"), c.query.Get("RevisionId"))
	})
	c.status = http.StatusNoContent
	return nil, err
}
