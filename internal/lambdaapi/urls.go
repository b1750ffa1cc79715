package lambdaapi

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"time"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/registry"
)

// corsDocument is a Cors member (docs/contract/function-url.md §8).
type corsDocument struct {
	AllowCredentials *bool    `json:",omitempty"`
	AllowHeaders     []string `json:",omitempty"`
	AllowMethods     []string `json:",omitempty"`
	AllowOrigins     []string `json:",omitempty"`
	ExposeHeaders    []string `json:",omitempty"`
	MaxAge           *int     `json:",omitempty"`
}

func (d *corsDocument) check(v *constraints) {
	if d == nil {
		return
	}
	if d.MaxAge != nil {
		v.between(*d.MaxAge, "cors.maxAge", 0, 86400)
	}
	for path, list := range map[string][]string{"cors.allowHeaders": d.AllowHeaders, "cors.allowOrigins": d.AllowOrigins, "cors.exposeHeaders": d.ExposeHeaders} {
		if len(list) > 100 {
			v.violated(list, path, "have length less than or equal to 100")
		}
	}
	for _, method := range d.AllowMethods {
		if len(method) > 6 {
			v.violated(d.AllowMethods, "cors.allowMethods", "satisfy constraint: [Member must have length less than or equal to 6, Member must have length greater than or equal to 0]")
		}
	}
}

func (d *corsDocument) config() *sluice.CORS {
	if d == nil {
		return nil
	}
	c := &sluice.CORS{AllowHeaders: d.AllowHeaders, AllowMethods: d.AllowMethods, AllowOrigins: d.AllowOrigins, ExposeHeaders: d.ExposeHeaders}
	if d.AllowCredentials != nil {
		c.AllowCredentials = *d.AllowCredentials
	}
	if d.MaxAge != nil {
		c.MaxAge = *d.MaxAge
	}
	return c
}

func documentOf(c *sluice.CORS) *corsDocument {
	if c == nil {
		return nil
	}
	d := &corsDocument{AllowHeaders: c.AllowHeaders, AllowMethods: c.AllowMethods, AllowOrigins: c.AllowOrigins, ExposeHeaders: c.ExposeHeaders}
	if c.AllowCredentials {
		d.AllowCredentials = &c.AllowCredentials
	}
	if c.MaxAge > 0 {
		d.MaxAge = &c.MaxAge
	}
	return d
}

type urlDocument struct {
	FunctionUrl, FunctionArn, AuthType string
	Cors                               *corsDocument `json:",omitempty"`
	CreationTime                       string
	LastModifiedTime                   string `json:",omitempty"`
	InvokeMode                         string `json:",omitempty"`
}

func (c *call) urlDocument(name, qualifier string, u *registry.URL) urlDocument {
	return urlDocument{
		FunctionUrl: c.URL(u.ID), FunctionArn: c.Identity.FunctionARN(name, qualifier), AuthType: string(u.AuthType), Cors: documentOf(u.CORS),
		CreationTime: instant(u.Created), LastModifiedTime: instant(u.Modified), InvokeMode: string(u.Mode),
	}
}

// instant is the form of a Function URL's times.
func instant(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

type urlRequest struct {
	AuthType   *string
	InvokeMode string
	Cors       *corsDocument
}

// url reads what all operations of one URL share.
func (c *call) url() (reference, error) {
	qualifier := c.query.Get("Qualifier")
	var v constraints
	v.pattern(qualifier, "qualifier", urlQualifier)
	if err := v.err(); err != nil {
		return reference{}, err
	}
	return c.function()
}

func (in *urlRequest) check(create bool) error {
	var v constraints
	if in.AuthType == nil && create {
		v.violated(nil, "authType", "not be null")
	}
	if in.AuthType != nil {
		v.oneOf(*in.AuthType, "authType", "NONE", "AWS_IAM")
	}
	v.oneOf(in.InvokeMode, "invokeMode", "RESPONSE_STREAM", "BUFFERED")
	in.Cors.check(&v)
	return v.err()
}

func createFunctionURL(c *call) (any, error) {
	ref, err := c.url()
	if err != nil {
		return nil, err
	}
	var in urlRequest
	if err := c.body(&in); err != nil {
		return nil, err
	}
	if err := in.check(true); err != nil {
		return nil, err
	}
	missing := notFound("Function does not exist")
	now := c.Now()
	u := &registry.URL{ID: randomLabel(), AuthType: sluice.AuthType(*in.AuthType), Mode: sluice.InvokeMode(in.InvokeMode), CORS: in.Cors.config(), Created: now, Modified: now}
	_, err = c.Registry.Edit(c.ctx, ref.name, func(f *registry.Function) error {
		switch {
		case ref.qualifier != "" && f.Aliases[ref.qualifier] == nil:
			return missing
		case f.URLs[ref.qualifier] != nil:
			return conflict("Failed to create function url config for [functionArn = %s]. Error message:  FunctionUrlConfig exists for this Lambda function", c.arn(ref))
		}
		if f.URLs == nil {
			f.URLs = map[string]*registry.URL{}
		}
		f.URLs[ref.qualifier] = u
		return nil
	})
	if errors.Is(err, registry.ErrNotFound) {
		return nil, missing
	}
	if err != nil {
		return nil, err
	}
	c.Changed(ref.name)
	c.status = http.StatusCreated
	d := c.urlDocument(ref.name, ref.qualifier, u)
	d.LastModifiedTime = ""
	return d, nil
}

func getFunctionURL(c *call) (any, error) {
	ref, err := c.url()
	if err != nil {
		return nil, err
	}
	f, err := c.Registry.Function(ref.name)
	if err != nil || f.URLs[ref.qualifier] == nil {
		return nil, notFound("The resource you requested does not exist.")
	}
	d := c.urlDocument(ref.name, ref.qualifier, f.URLs[ref.qualifier])
	d.InvokeMode = or(d.InvokeMode, string(sluice.Buffered))
	return d, nil
}

func updateFunctionURL(c *call) (any, error) {
	ref, err := c.url()
	if err != nil {
		return nil, err
	}
	var in urlRequest
	if err := c.body(&in); err != nil {
		return nil, err
	}
	if err := in.check(false); err != nil {
		return nil, err
	}
	missing := notFound("Function does not exist")
	f, err := c.Registry.Edit(c.ctx, ref.name, func(f *registry.Function) error {
		u := f.URLs[ref.qualifier]
		if u == nil {
			return missing
		}
		if in.AuthType != nil {
			u.AuthType = sluice.AuthType(*in.AuthType)
		}
		if in.InvokeMode != "" {
			u.Mode = sluice.InvokeMode(in.InvokeMode)
		}
		if in.Cors != nil {
			u.CORS = in.Cors.config()
		}
		u.Modified = c.Now()
		return nil
	})
	if errors.Is(err, registry.ErrNotFound) {
		return nil, missing
	}
	if err != nil {
		return nil, err
	}
	c.Changed(ref.name)
	return c.urlDocument(ref.name, ref.qualifier, f.URLs[ref.qualifier]), nil
}

func deleteFunctionURL(c *call) (any, error) {
	ref, err := c.url()
	if err != nil {
		return nil, err
	}
	missing := notFound("The resource you requested does not exist.")
	_, err = c.Registry.Edit(c.ctx, ref.name, func(f *registry.Function) error {
		if f.URLs[ref.qualifier] == nil {
			return missing
		}
		delete(f.URLs, ref.qualifier)
		return nil
	})
	if errors.Is(err, registry.ErrNotFound) {
		return nil, missing
	}
	if err != nil {
		return nil, err
	}
	c.Changed(ref.name)
	c.status = http.StatusNoContent
	return nil, nil
}

func listFunctionURLs(c *call) (any, error) {
	ref, err := c.unqualified()
	if err != nil {
		return nil, err
	}
	f, err := c.Registry.Function(ref.name)
	if err != nil {
		return nil, notFound("Function does not exist")
	}
	all := []urlDocument{}
	for _, qualifier := range slices.Sorted(maps.Keys(f.URLs)) {
		d := c.urlDocument(ref.name, qualifier, f.URLs[qualifier])
		d.InvokeMode = or(d.InvokeMode, string(sluice.Buffered))
		all = append(all, d)
	}
	items, next, err := page(c, all, maxFunctionsPage)
	if err != nil {
		return nil, err
	}
	return struct {
		FunctionUrlConfigs []urlDocument
		NextMarker         string `json:",omitempty"`
	}{items, next}, nil
}
