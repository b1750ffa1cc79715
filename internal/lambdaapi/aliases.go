package lambdaapi

import (
	"maps"
	"net/http"
	"slices"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/registry"
)

type routingDocument struct {
	AdditionalVersionWeights map[string]float64 `json:",omitempty"`
}

type aliasDocument struct {
	AliasArn, Name, FunctionVersion, Description string
	RoutingConfig                                *routingDocument `json:",omitempty"`
	RevisionId                                   string
}

func (c *call) aliasDocument(name string, a *registry.Alias) aliasDocument {
	d := aliasDocument{
		AliasArn: c.Identity.FunctionARN(name, a.Name), Name: a.Name, FunctionVersion: a.Version,
		Description: a.Description, RevisionId: a.RevisionID,
	}
	if len(a.Weights) > 0 {
		d.RoutingConfig = &routingDocument{a.Weights}
	}
	return d
}

type aliasRequest struct {
	Name            string
	FunctionVersion *string
	Description     *string
	RoutingConfig   *routingDocument
	RevisionId      string
}

func createAlias(c *call) (any, error) {
	ref, err := c.unqualified()
	if err != nil {
		return nil, err
	}
	var in aliasRequest
	if err := c.body(&in); err != nil {
		return nil, err
	}
	var v constraints
	v.required(in.Name, "name")
	v.length(in.Name, "name", 128)
	v.pattern(in.Name, "name", aliasName)
	if in.FunctionVersion == nil {
		v.violated(nil, "functionVersion", "not be null")
	}
	if err := v.err(); err != nil {
		return nil, err
	}
	alias := &registry.Alias{Name: in.Name}
	if _, err := c.edit(ref, func(f *registry.Function) error {
		if f.Aliases[in.Name] != nil {
			return conflict("Alias already exists: %s", c.Identity.FunctionARN(ref.name, in.Name))
		}
		if err := c.applyAlias(f, alias, in); err != nil {
			return err
		}
		if f.Aliases == nil {
			f.Aliases = map[string]*registry.Alias{}
		}
		f.Aliases[in.Name] = alias
		return nil
	}); err != nil {
		return nil, err
	}
	c.status = http.StatusCreated
	return c.aliasDocument(ref.name, alias), nil
}

// applyAlias changes an alias to what was given
// (docs/contract/control-api.md §5).
func (c *call) applyAlias(f *registry.Function, a *registry.Alias, in aliasRequest) error {
	if in.FunctionVersion != nil {
		a.Version = *in.FunctionVersion
	}
	if in.Description != nil {
		a.Description = *in.Description
	}
	if in.RoutingConfig != nil {
		a.Weights = maps.Clone(in.RoutingConfig.AdditionalVersionWeights)
	}
	a.RevisionID = sluice.NewRequestID()
	var v constraints
	v.length(a.Description, "description", 256)
	for _, weight := range a.Weights {
		if weight < 0 || weight > 1 {
			v.violated(weightsText(a.Weights), "routingConfig.additionalVersionWeights", "satisfy constraint: [Member must have value less than or equal to 1.0, Member must have value greater than or equal to 0.0]")
		}
	}
	if err := v.err(); err != nil {
		return err
	}
	switch {
	case len(a.Weights) > 1:
		return invalid("Number of items in AdditionalVersionWeights cannot be greater than 1")
	case len(a.Weights) > 0 && a.Version == sluice.LatestVersion:
		return invalidBare("$LATEST is not supported for an alias pointing to more than 1 version")
	}
	for _, number := range append(slices.Sorted(maps.Keys(a.Weights)), a.Version) {
		if _, twice := a.Weights[a.Version]; twice {
			return invalid("Invalid function version %s. Function version %s is already included in routing configuration.", a.Version, a.Version)
		}
		if number == sluice.LatestVersion && number != a.Version {
			return invalidBare("$LATEST is not supported for an alias pointing to more than 1 version")
		}
		if number != sluice.LatestVersion && !digits.MatchString(number) {
			return notFound("Function not found: %s", c.Identity.FunctionARN(f.Name, number))
		}
		if _, err := c.version(f, reference{f.Name, number}); err != nil {
			return err
		}
	}
	return nil
}

func weightsText(weights map[string]float64) string {
	text := "{"
	for i, number := range slices.Sorted(maps.Keys(weights)) {
		if i > 0 {
			text += ", "
		}
		text += number + "=" + formatWeight(weights[number])
	}
	return text + "}"
}

// alias finds an alias of a function.
func (c *call) alias() (reference, *registry.Alias, error) {
	ref, err := c.unqualified()
	if err != nil {
		return ref, nil, err
	}
	f, err := c.Registry.Function(ref.name)
	if err != nil || f.Aliases[c.label("Name")] == nil {
		return ref, nil, notFound("Cannot find alias arn: %s", c.Identity.FunctionARN(ref.name, c.label("Name")))
	}
	return ref, f.Aliases[c.label("Name")], nil
}

func getAlias(c *call) (any, error) {
	ref, alias, err := c.alias()
	if err != nil {
		return nil, err
	}
	return c.aliasDocument(ref.name, alias), nil
}

func updateAlias(c *call) (any, error) {
	ref, err := c.unqualified()
	if err != nil {
		return nil, err
	}
	var in aliasRequest
	if err := c.body(&in); err != nil {
		return nil, err
	}
	name := c.label("Name")
	missing := notFound("Alias not found: %s", c.Identity.FunctionARN(ref.name, name))
	if _, err := c.Registry.Function(ref.name); err != nil {
		return nil, missing
	}
	f, err := c.edit(ref, func(f *registry.Function) error {
		alias := f.Aliases[name]
		switch {
		case alias == nil:
			return missing
		case in.RevisionId != "" && in.RevisionId != alias.RevisionID:
			return stale(staleRevision)
		}
		return c.applyAlias(f, alias, in)
	})
	if err != nil {
		return nil, err
	}
	return c.aliasDocument(ref.name, f.Aliases[name]), nil
}

func deleteAlias(c *call) (any, error) {
	ref, err := c.unqualified()
	if err != nil {
		return nil, err
	}
	c.status = http.StatusNoContent
	name := c.label("Name")
	f, err := c.find(ref)
	if err != nil {
		return nil, err
	}
	if f.Aliases[name] == nil {
		return nil, nil
	}
	_, err = c.edit(ref, func(f *registry.Function) error {
		delete(f.Aliases, name)
		delete(f.URLs, name)
		delete(f.Policies, name)
		delete(f.EventInvoke, name)
		delete(f.Provisioned, name)
		return nil
	})
	return nil, err
}

func listAliases(c *call) (any, error) {
	ref, err := c.unqualified()
	if err != nil {
		return nil, err
	}
	f, err := c.find(ref)
	if err != nil {
		return nil, err
	}
	version := c.query.Get("FunctionVersion")
	all := []aliasDocument{}
	for _, name := range slices.Sorted(maps.Keys(f.Aliases)) {
		alias := f.Aliases[name]
		if _, shared := alias.Weights[version]; version == "" || shared || alias.Version == version {
			all = append(all, c.aliasDocument(ref.name, alias))
		}
	}
	items, next, err := page(c, all, maxFunctionsPage)
	if err != nil {
		return nil, err
	}
	return struct {
		Aliases    []aliasDocument
		NextMarker string `json:",omitempty"`
	}{items, next}, nil
}
