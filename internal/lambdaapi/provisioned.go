package lambdaapi

import (
	"maps"
	"net/http"
	"slices"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/registry"
)

// provisionedDocument is a provisioned concurrency
// (docs/contract/control-api.md §8).
type provisionedDocument struct {
	FunctionArn                              string `json:",omitempty"`
	RequestedProvisionedConcurrentExecutions int
	AvailableProvisionedConcurrentExecutions int
	AllocatedProvisionedConcurrentExecutions int
	Status                                   string
	StatusReason                             string `json:",omitempty"`
	LastModified                             string
}

func (c *call) provisionedDocument(ref reference, p *registry.Provisioned) provisionedDocument {
	ready, failed := c.Provisioned(ref.name, ref.qualifier)
	d := provisionedDocument{
		RequestedProvisionedConcurrentExecutions: p.Count, AvailableProvisionedConcurrentExecutions: ready,
		AllocatedProvisionedConcurrentExecutions: ready, Status: "IN_PROGRESS", LastModified: stamp(p.Modified),
	}
	switch {
	case failed != "":
		d.Status, d.StatusReason = "FAILED", "FUNCTION_ERROR_INIT_FAILURE"
	case ready >= p.Count:
		d.Status = "READY"
	}
	return d
}

// provisionable reads the qualifier of an operation, which is an alias or a
// published version.
func (c *call) provisionable(unpublished string) (reference, *registry.Function, error) {
	ref, err := c.function()
	if err != nil {
		return ref, nil, err
	}
	f, err := c.find(reference{name: ref.name})
	if err != nil {
		return ref, nil, err
	}
	if ref.qualifier == "" || ref.qualifier == sluice.LatestVersion {
		return ref, nil, invalid("%s", unpublished)
	}
	if f.Aliases[ref.qualifier] == nil && !digits.MatchString(ref.qualifier) {
		return ref, nil, notFound("Cannot find alias arn: %s", c.arn(ref))
	}
	_, err = c.version(f, ref)
	return ref, f, err
}

const notProvisionable = "The function resource provided must be an alias or a published version."

func putProvisioned(c *call) (any, error) {
	ref, _, err := c.provisionable("Provisioned Concurrency Configs cannot be applied to unpublished function versions.")
	if err != nil {
		return nil, err
	}
	var in struct{ ProvisionedConcurrentExecutions *int }
	if err := c.body(&in); err != nil {
		return nil, err
	}
	var v constraints
	if in.ProvisionedConcurrentExecutions == nil {
		v.violated(nil, "provisionedConcurrentExecutions", "not be null")
	} else if *in.ProvisionedConcurrentExecutions < 1 {
		v.between(*in.ProvisionedConcurrentExecutions, "provisionedConcurrentExecutions", 1, 1<<31)
	}
	if err := v.err(); err != nil {
		return nil, err
	}
	if limit := c.Quotas().Concurrency; limit > 0 && *in.ProvisionedConcurrentExecutions > limit {
		return nil, invalid("Specified ConcurrentExecutions for function is greater than function's reserved concurrency or the account's limit [%d].", limit)
	}
	f, err := c.edit(ref, func(f *registry.Function) error {
		if err := c.checkOverlap(f, ref); err != nil {
			return err
		}
		if f.Provisioned == nil {
			f.Provisioned = map[string]*registry.Provisioned{}
		}
		f.Provisioned[ref.qualifier] = &registry.Provisioned{Count: *in.ProvisionedConcurrentExecutions, Modified: c.Now()}
		return nil
	})
	if err != nil {
		return nil, err
	}
	c.status = http.StatusAccepted
	d := c.provisionedDocument(ref, f.Provisioned[ref.qualifier])
	d.Status, d.StatusReason = "IN_PROGRESS", ""
	d.AvailableProvisionedConcurrentExecutions, d.AllocatedProvisionedConcurrentExecutions = 0, 0
	return d, nil
}

// checkOverlap refuses an alias and its version at the same time.
func (c *call) checkOverlap(f *registry.Function, ref reference) error {
	for qualifier := range f.Provisioned {
		switch alias := f.Aliases[qualifier]; {
		case qualifier == ref.qualifier:
		case f.Aliases[ref.qualifier] != nil && f.Aliases[ref.qualifier].Version == qualifier:
			return conflict("Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version")
		case alias != nil && alias.Version == ref.qualifier:
			return conflict("Version is pointed by a Provisioned Concurrency alias")
		}
	}
	return nil
}

func noProvisioned() *sluice.Error {
	return failure("ProvisionedConcurrencyConfigNotFoundException", http.StatusNotFound, "No Provisioned Concurrency Config found for this function")
}

func getProvisioned(c *call) (any, error) {
	if c.query.Get("List") == "ALL" {
		return listProvisioned(c)
	}
	ref, f, err := c.provisionable(notProvisionable)
	if err != nil {
		return nil, err
	}
	p := f.Provisioned[ref.qualifier]
	if p == nil {
		return nil, noProvisioned()
	}
	return c.provisionedDocument(ref, p), nil
}

func deleteProvisioned(c *call) (any, error) {
	ref, f, err := c.provisionable(notProvisionable)
	if err != nil {
		return nil, err
	}
	c.status = http.StatusNoContent
	if f.Provisioned[ref.qualifier] == nil {
		return nil, nil
	}
	_, err = c.edit(ref, func(f *registry.Function) error {
		delete(f.Provisioned, ref.qualifier)
		return nil
	})
	return nil, err
}

func listProvisioned(c *call) (any, error) {
	ref, err := c.unqualified()
	if err != nil {
		return nil, err
	}
	f, err := c.find(ref)
	if err != nil {
		return nil, err
	}
	all := []provisionedDocument{}
	for _, qualifier := range slices.Sorted(maps.Keys(f.Provisioned)) {
		target := reference{ref.name, qualifier}
		d := c.provisionedDocument(target, f.Provisioned[qualifier])
		d.FunctionArn = c.arn(target)
		all = append(all, d)
	}
	items, next, err := page(c, all, maxFunctionsPage)
	if err != nil {
		return nil, err
	}
	return struct {
		ProvisionedConcurrencyConfigs []provisionedDocument
		NextMarker                    string `json:",omitempty"`
	}{items, next}, nil
}
