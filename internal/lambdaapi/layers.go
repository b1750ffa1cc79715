package lambdaapi

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"

	"github.com/sluice-run/sluice/internal/registry"
)

type layerContent struct {
	Location, CodeSha256 string
	CodeSize             int64
}

// layerVersionDocument is a layer version (docs/contract/control-api.md §10).
type layerVersionDocument struct {
	Content                 *layerContent `json:",omitempty"`
	LayerArn                string        `json:",omitempty"`
	LayerVersionArn         string
	Description             string
	CreatedDate             string
	Version                 int
	CompatibleRuntimes      []string `json:",omitempty"`
	CompatibleArchitectures []string `json:",omitempty"`
	LicenseInfo             string   `json:",omitempty"`
}

func (a *API) layerARN(name string, number int) string {
	arn := "arn:" + a.Identity.Partition + ":lambda:" + a.Identity.Region + ":" + a.Identity.AccountID + ":layer:" + name
	if number > 0 {
		arn += ":" + strconv.Itoa(number)
	}
	return arn
}

func (c *call) layerDocument(l *registry.Layer, content bool) layerVersionDocument {
	d := layerVersionDocument{
		LayerVersionArn: c.layerARN(l.Name, l.Number), Description: l.Description, CreatedDate: stamp(l.Created), Version: l.Number,
		CompatibleRuntimes: l.Runtimes, CompatibleArchitectures: l.Architectures, LicenseInfo: l.License,
	}
	if content {
		d.LayerArn = c.layerARN(l.Name, 0)
		d.Content = &layerContent{c.location(l.Code), sumDocument(l.Code), l.CodeSize}
	}
	return d
}

var layerVersionARN = regexp.MustCompile(`^arn:[a-zA-Z0-9-]+:lambda:([a-zA-Z0-9-]+):(\d{12}):layer:([a-zA-Z0-9-_]+):(\d+)$`)

// layerVersion reads the ARN of a layer version of this account.
func (c *call) layerVersion(arn string) (name string, number int, err error) {
	m := layerVersionARN.FindStringSubmatch(arn)
	if m == nil {
		var v constraints
		v.violated("["+arn+"]", "layers", "satisfy constraint: [Member must have length less than or equal to 2048, Member must satisfy regular expression pattern: "+written(layerVersionARN)+"]")
		return "", 0, v.err()
	}
	if m[1] != c.Identity.Region || m[2] != c.Identity.AccountID {
		return "", 0, notSupported("layers of another account or region: %s.", arn)
	}
	number, err = strconv.Atoi(m[4])
	if err != nil || number < 1 {
		return "", 0, invalid("Layer Version Cannot be less than 1")
	}
	return m[3], number, nil
}

// layer reads the labels {L} and {N}.
func (c *call) layer() (name string, number int, err error) {
	if name, err = c.layerName(); err != nil {
		return "", 0, err
	}
	if number, err = strconv.Atoi(c.label("N")); err != nil || number < 1 {
		return "", 0, invalid("Layer Version Cannot be less than 1")
	}
	return name, number, nil
}

func (c *call) layerName() (string, error) {
	text := c.label("L")
	var v constraints
	v.length(text, "layerName", 140)
	v.pattern(text, "layerName", layerName)
	if err := v.err(); err != nil {
		return "", err
	}
	if i := regexp.MustCompile(`:layer:`).FindStringIndex(text); i != nil {
		text = text[i[1]:]
	}
	return text, nil
}

func publishLayerVersion(c *call) (any, error) {
	name, err := c.layerName()
	if err != nil {
		return nil, err
	}
	var in struct {
		Content                                     codeDocument
		Description, LicenseInfo                    string
		CompatibleRuntimes, CompatibleArchitectures []string
	}
	if err := c.body(&in); err != nil {
		return nil, err
	}
	var v constraints
	v.length(in.Description, "description", 256)
	v.length(in.LicenseInfo, "licenseInfo", 512)
	for _, name := range in.CompatibleArchitectures {
		v.oneOf(name, "compatibleArchitectures", "x86_64", "arm64")
	}
	if err := v.err(); err != nil {
		return nil, err
	}
	var code registry.Version
	if err := c.putCode(in.Content, &code, false); err != nil {
		return nil, err
	}
	l := &registry.Layer{
		Name: name, Description: in.Description, License: in.LicenseInfo, Runtimes: in.CompatibleRuntimes,
		Architectures: in.CompatibleArchitectures, Code: code.Code, CodeSize: code.CodeSize, Created: c.Now(),
	}
	if err := c.Registry.PublishLayer(c.ctx, l); err != nil {
		return nil, err
	}
	c.status = http.StatusCreated
	return c.layerDocument(l, true), nil
}

func getLayerVersion(c *call) (any, error) {
	name, number, err := c.layer()
	if err != nil {
		return nil, err
	}
	return c.describeLayer(name, number)
}

func (c *call) describeLayer(name string, number int) (any, error) {
	l, err := c.Registry.Layer(name, number)
	if err != nil || l.Deleted {
		return nil, c.layerNotThere(name, number)
	}
	return c.layerDocument(l, true), nil
}

func getLayerVersionByArn(c *call) (any, error) {
	if c.query.Get("find") != "LayerVersion" {
		return listLayers(c)
	}
	name, number, err := c.layerVersion(c.query.Get("Arn"))
	if err != nil {
		return nil, err
	}
	return c.describeLayer(name, number)
}

func deleteLayerVersion(c *call) (any, error) {
	name, number, err := c.layer()
	if err != nil {
		return nil, err
	}
	c.status = http.StatusNoContent
	if _, err := c.Registry.Layer(name, number); err != nil {
		return nil, nil
	}
	// The record stays: numbers are never given out twice.
	_, err = c.Registry.EditLayer(c.ctx, name, number, func(l *registry.Layer) error {
		l.Deleted = true
		return nil
	})
	return nil, err
}

// matching lists the versions of a layer that are there and fit the query, newest
// first.
func (c *call) matching(name string) ([]*registry.Layer, error) {
	all, err := c.Registry.Layers(name)
	if err != nil {
		return nil, err
	}
	runtime, architecture := c.query.Get("CompatibleRuntime"), c.query.Get("CompatibleArchitecture")
	all = slices.DeleteFunc(slices.Clone(all), func(l *registry.Layer) bool {
		return l.Deleted || runtime != "" && !slices.Contains(l.Runtimes, runtime) || architecture != "" && !slices.Contains(l.Architectures, architecture)
	})
	slices.Reverse(all)
	return all, nil
}

func listLayerVersions(c *call) (any, error) {
	name, err := c.layerName()
	if err != nil {
		return nil, err
	}
	layers, err := c.matching(name)
	if err != nil {
		return nil, err
	}
	all := []layerVersionDocument{}
	for _, l := range layers {
		all = append(all, c.layerDocument(l, false))
	}
	items, next, err := page(c, all, maxFunctionsPage)
	if err != nil {
		return nil, err
	}
	return struct {
		LayerVersions []layerVersionDocument
		NextMarker    string `json:",omitempty"`
	}{items, next}, nil
}

type layerDocumentEntry struct {
	LayerName, LayerArn   string
	LatestMatchingVersion layerVersionDocument
}

func listLayers(c *call) (any, error) {
	layers, err := c.matching("")
	if err != nil {
		return nil, err
	}
	all := []layerDocumentEntry{}
	seen := map[string]bool{}
	for _, l := range layers { // newest first
		if !seen[l.Name] {
			seen[l.Name] = true
			all = append(all, layerDocumentEntry{l.Name, c.layerARN(l.Name, 0), c.layerDocument(l, false)})
		}
	}
	slices.Reverse(all)
	items, next, err := page(c, all, maxFunctionsPage)
	if err != nil {
		return nil, err
	}
	return struct {
		Layers     []layerDocumentEntry
		NextMarker string `json:",omitempty"`
	}{items, next}, nil
}
