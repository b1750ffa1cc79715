package lambdaapi

import (
	"net/http"
	"reflect"
	"strconv"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/registry"
)

type publishVersionRequest struct {
	CodeSha256  string
	Description *string
	RevisionId  string
}

func publishVersion(c *call) (any, error) {
	ref, err := c.unqualified()
	if err != nil {
		return nil, err
	}
	var in publishVersionRequest
	if err := c.body(&in); err != nil {
		return nil, err
	}
	v, err := c.publish(ref, in)
	if err != nil {
		return nil, err
	}
	c.status = http.StatusCreated
	return c.document(ref.name, c.Identity.FunctionARN(ref.name, v.Number), v, settled), nil
}

// publish makes a version of the unpublished code, or returns the last one if
// nothing has changed since (docs/contract/control-api.md §4).
func (c *call) publish(ref reference, in publishVersionRequest) (*registry.Version, error) {
	f, err := c.find(ref)
	if err != nil {
		return nil, err
	}
	if in.CodeSha256 != "" && in.CodeSha256 != sumDocument(f.Latest.Code) {
		return nil, invalid("CodeSHA256 (%s) is different from current CodeSHA256 in $LATEST (%s). Please try again with the CodeSHA256 in $LATEST.", in.CodeSha256, sumDocument(f.Latest.Code))
	}
	if in.RevisionId != "" && in.RevisionId != f.Latest.RevisionID {
		return nil, stale(staleRevision)
	}
	if last, err := c.Registry.Version(ref.name, strconv.Itoa(f.LastVersion)); err == nil && sameVersion(last, &f.Latest, in.Description) {
		return last, nil
	}
	var v registry.Version
	if _, err := c.edit(ref, func(f *registry.Function) error {
		if in.RevisionId != "" && in.RevisionId != f.Latest.RevisionID {
			return stale(staleRevision)
		}
		f.LastVersion++
		v = f.Latest
		v.Number = strconv.Itoa(f.LastVersion)
		if in.Description != nil {
			v.Description = *in.Description
		}
		c.touch(&v)
		f.Latest.RevisionID = sluice.NewRequestID()
		return nil
	}); err != nil {
		return nil, err
	}
	return &v, c.Registry.Publish(c.ctx, ref.name, &v)
}

// sameVersion tells that publishing latest again would make the same version.
func sameVersion(last, latest *registry.Version, description *string) bool {
	a, b := *last, *latest
	a.Number, a.RevisionID, a.LastModified = b.Number, b.RevisionID, b.LastModified
	if description != nil {
		b.Description = *description
	} else {
		a.Description = b.Description
	}
	return reflect.DeepEqual(a, b)
}

// versions lists all versions of a function, the unpublished one first.
func (c *call) versions(f *registry.Function) ([]configurationDocument, error) {
	published, err := c.Registry.Versions(f.Name)
	if err != nil {
		return nil, err
	}
	all := []configurationDocument{c.document(f.Name, c.Identity.FunctionARN(f.Name, sluice.LatestVersion), &f.Latest, listed)}
	for _, v := range published {
		all = append(all, c.document(f.Name, c.Identity.FunctionARN(f.Name, v.Number), v, listed))
	}
	return all, nil
}

func listVersionsByFunction(c *call) (any, error) {
	ref, err := c.unqualified()
	if err != nil {
		return nil, err
	}
	f, err := c.find(ref)
	if err != nil {
		return nil, err
	}
	all, err := c.versions(f)
	if err != nil {
		return nil, err
	}
	items, next, err := page(c, all, maxFunctionsPage)
	if err != nil {
		return nil, err
	}
	return struct {
		Versions   []configurationDocument
		NextMarker string `json:",omitempty"`
	}{items, next}, nil
}
