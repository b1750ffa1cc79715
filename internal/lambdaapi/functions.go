package lambdaapi

import (
	"errors"
	"net/http"
	"regexp"
	"strings"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/registry"
)

type createFunctionRequest struct {
	settings
	FunctionName  string
	Code          codeDocument
	Publish       bool
	PackageType   string
	Architectures []string
	Tags          map[string]string

	CodeSigningConfigArn string
}

func createFunction(c *call) (any, error) {
	var in createFunctionRequest
	if err := c.body(&in); err != nil {
		return nil, err
	}
	ref, err := c.newName(in.FunctionName)
	if err != nil {
		return nil, err
	}
	if err := in.checkNew(c); err != nil {
		return nil, err
	}
	if _, err := c.Registry.Function(ref.name); err == nil {
		return nil, conflict("Function already exist: %s", ref.name)
	}
	f := &registry.Function{Name: ref.name, Latest: defaults(ref.name), Tags: in.Tags, RecursiveLoop: "Terminate", UpdateRuntimeOn: "Auto"}
	var layers []registry.LayerReference
	if in.Layers != nil {
		if layers, err = c.resolveLayers(*in.Layers); err != nil {
			return nil, err
		}
	}
	in.applyTo(ref.name, &f.Latest, layers)
	if len(in.Architectures) > 0 {
		f.Latest.Architectures = in.Architectures
	}
	if err := c.putCode(in.Code, &f.Latest, false); err != nil {
		return nil, err
	}
	c.touch(&f.Latest)
	err = c.Registry.Create(c.ctx, f)
	if errors.Is(err, registry.ErrExists) {
		return nil, conflict("Function already exist: %s", ref.name)
	}
	if err != nil {
		return nil, err
	}
	c.Changed(ref.name)
	c.status = http.StatusCreated
	v := &f.Latest
	if in.Publish {
		if v, err = c.publish(ref, publishVersionRequest{}); err != nil {
			return nil, err
		}
	}
	return c.document(ref.name, c.Identity.FunctionARN(ref.name, ""), v, creating), nil
}

// newName reads the name of a function that is to be created.
func (c *call) newName(text string) (reference, error) {
	var v constraints
	v.required(text, "functionName")
	v.length(text, "functionName", 140)
	if len(text) <= 140 {
		v.pattern(text, "functionName", functionName)
	}
	if err := v.err(); err != nil {
		return reference{}, err
	}
	ref, err := c.parseFunction(text)
	if err != nil {
		return reference{}, err
	}
	if len(ref.name) > 64 {
		return reference{}, invalid("1 validation error detected: Value '%s' at 'functionName' failed to satisfy constraint: Member must have length less than or equal to 64", ref.name)
	}
	return ref, nil
}

// checkNew holds a new function to what an update does not need.
func (in *createFunctionRequest) checkNew(c *call) error {
	var v constraints
	if in.Role == nil {
		v.violated(nil, "role", "not be null")
	}
	v.oneOf(in.PackageType, "packageType", "Zip", "Image")
	checkArchitectures(&v, in.Architectures)
	if err := v.err(); err != nil {
		return err
	}
	switch {
	case in.PackageType == "Image" && in.Code.ImageUri == "":
		return invalid("Please provide ImageUri when creating a function with packageType Image.")
	case in.PackageType == "Image" && (in.Runtime != nil || in.Handler != nil || in.Layers != nil && len(*in.Layers) > 0):
		return invalid("Please don't provide Handler or Runtime or Layer when the packageType is Image.")
	case in.PackageType != "Image" && (in.Code.ImageUri != "" || in.ImageConfig.given()):
		return invalid("Please don't provide ImageUri or ImageConfig when creating a function with packageType Zip.")
	case in.CodeSigningConfigArn != "":
		return notSupported("code signing.")
	case in.PackageType != "Image" && (in.Runtime == nil || in.Handler == nil):
		return invalid("Runtime and Handler are mandatory parameters for functions created with deployment packages.")
	case len(in.Tags) > maxTags:
		return invalid("Number of tags exceeds resource tag limit.")
	}
	return in.check(c)
}

func checkArchitectures(v *constraints, list []string) {
	if len(list) > 1 {
		v.violated("["+strings.Join(list, ", ")+"]", "architectures", "have length less than or equal to 1")
		return
	}
	for _, name := range list {
		if name != "x86_64" && name != "arm64" {
			v.violated("["+name+"]", "architectures", "satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64]]")
		}
	}
}

type codeLocation struct {
	RepositoryType   string
	Location         string `json:",omitempty"`
	ImageUri         string `json:",omitempty"`
	ResolvedImageUri string `json:",omitempty"`
}

type concurrencyDocument struct {
	ReservedConcurrentExecutions int
}

func getFunction(c *call) (any, error) {
	ref, err := c.function()
	if err != nil {
		return nil, err
	}
	f, err := c.find(ref)
	if err != nil {
		return nil, err
	}
	v, err := c.version(f, ref)
	if err != nil {
		return nil, err
	}
	answer := struct {
		Configuration configurationDocument
		Code          codeLocation
		Tags          map[string]string    `json:",omitempty"`
		Concurrency   *concurrencyDocument `json:",omitempty"`
	}{c.document(ref.name, c.arn(ref), v, settled), codeLocation{RepositoryType: "S3", Location: c.location(v.Code)}, f.Tags, nil}
	if v.Image != nil {
		answer.Code = codeLocation{RepositoryType: "ECR", ImageUri: v.Image.URI, ResolvedImageUri: v.Image.Resolved}
	}
	if n := f.ReservedConcurrency; n != nil {
		answer.Concurrency = &concurrencyDocument{*n}
	}
	return answer, nil
}

// location is the address of a package. Whoever knows its sum may have it.
func (c *call) location(sum string) string {
	scheme := "http://"
	if c.r.TLS != nil {
		scheme = "https://"
	}
	return scheme + c.r.Host + CodePath + sum + ".zip"
}

// CodePath is the path below which packages can be fetched by their SHA-256.
const CodePath = "/_sluice/code/"

func getFunctionConfiguration(c *call) (any, error) {
	ref, err := c.function()
	if err != nil {
		return nil, err
	}
	f, err := c.find(ref)
	if err != nil {
		return nil, err
	}
	v, err := c.version(f, ref)
	if err != nil {
		return nil, err
	}
	return c.document(ref.name, c.arn(ref), v, settled), nil
}

type updateFunctionCodeRequest struct {
	codeDocument
	Architectures   []string
	Publish, DryRun bool
	RevisionId      string
}

const staleRevision = "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id"

func updateFunctionCode(c *call) (any, error) {
	ref, err := c.unqualified()
	if err != nil {
		return nil, err
	}
	var in updateFunctionCodeRequest
	if err := c.body(&in); err != nil {
		return nil, err
	}
	var v constraints
	checkArchitectures(&v, in.Architectures)
	if err := v.err(); err != nil {
		return nil, err
	}
	f, err := c.find(ref)
	if err != nil {
		return nil, err
	}
	switch {
	case f.Latest.Image == nil && in.ImageUri != "":
		return nil, invalid("Please don't provide ImageUri when updating a function with packageType Zip.")
	case f.Latest.Image != nil && in.ImageUri == "":
		return nil, invalid("Please provide ImageUri when updating a function with packageType Image.")
	}
	code := f.Latest
	if len(in.Architectures) > 0 {
		code.Architectures = in.Architectures
	}
	if err := c.putCode(in.codeDocument, &code, in.DryRun); err != nil {
		return nil, err
	}
	change := func(f *registry.Function) error {
		if in.RevisionId != "" && in.RevisionId != f.Latest.RevisionID {
			return stale(staleRevision)
		}
		f.Latest.Code, f.Latest.CodeSize, f.Latest.Folder, f.Latest.Image = code.Code, code.CodeSize, code.Folder, code.Image
		if len(in.Architectures) > 0 {
			f.Latest.Architectures = in.Architectures
		}
		c.touch(&f.Latest)
		return nil
	}
	if in.DryRun {
		trial := *f
		if err := change(&trial); err != nil {
			return nil, err
		}
		return c.document(ref.name, c.arn(ref), &trial.Latest, settled), nil
	}
	if f, err = c.edit(ref, change); err != nil {
		return nil, err
	}
	if in.Publish {
		published, err := c.publish(ref, publishVersionRequest{})
		if err != nil {
			return nil, err
		}
		return c.document(ref.name, c.Identity.FunctionARN(ref.name, published.Number), published, updating), nil
	}
	return c.document(ref.name, c.Identity.FunctionARN(ref.name, ""), &f.Latest, updating), nil
}

type updateFunctionConfigurationRequest struct {
	settings
	RevisionId string
}

func updateFunctionConfiguration(c *call) (any, error) {
	ref, err := c.unqualified()
	if err != nil {
		return nil, err
	}
	var in updateFunctionConfigurationRequest
	if err := c.body(&in); err != nil {
		return nil, err
	}
	if _, err := c.find(ref); err != nil {
		return nil, err
	}
	if err := in.check(c); err != nil {
		return nil, err
	}
	var layers []registry.LayerReference
	if in.Layers != nil {
		if layers, err = c.resolveLayers(*in.Layers); err != nil {
			return nil, err
		}
	}
	f, err := c.edit(ref, func(f *registry.Function) error {
		if in.RevisionId != "" && in.RevisionId != f.Latest.RevisionID {
			return stale(staleRevision)
		}
		in.applyTo(ref.name, &f.Latest, layers)
		c.touch(&f.Latest)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return c.document(ref.name, c.Identity.FunctionARN(ref.name, ""), &f.Latest, updating), nil
}

func deleteFunction(c *call) (any, error) {
	ref, err := c.function()
	if err != nil {
		return nil, err
	}
	f, err := c.Registry.Function(ref.name)
	if errors.Is(err, registry.ErrNotFound) {
		return nil, c.functionMissing(reference{name: ref.name})
	}
	if err != nil {
		return nil, err
	}
	c.status = http.StatusNoContent
	switch {
	case ref.qualifier == "":
		err = c.Registry.Delete(c.ctx, ref.name)
		if errors.Is(err, registry.ErrNotFound) {
			return nil, c.functionMissing(ref)
		}
	case ref.qualifier == sluice.LatestVersion:
		return nil, invalid("$LATEST version cannot be deleted without deleting the function.")
	case !digits.MatchString(ref.qualifier):
		return nil, invalid("Deletion of aliases is not currently supported.")
	default:
		for _, alias := range f.Aliases {
			if _, shared := alias.Weights[ref.qualifier]; shared || alias.Version == ref.qualifier {
				return nil, conflict("Could not delete version %s, because an alias (%s) points to it.", ref.qualifier, alias.Name)
			}
		}
		err = c.Registry.DeleteVersion(c.ctx, ref.name, ref.qualifier)
	}
	if err != nil {
		return nil, err
	}
	c.Changed(ref.name)
	return nil, nil
}

// maxFunctionsPage is the most that ListFunctions returns at once.
const maxFunctionsPage = 50

func listFunctions(c *call) (any, error) {
	var v constraints
	v.oneOf(c.query.Get("FunctionVersion"), "functionVersion", "ALL")
	if err := v.err(); err != nil {
		return nil, err
	}
	functions, err := c.Registry.Functions()
	if err != nil {
		return nil, err
	}
	all := []configurationDocument{}
	for _, f := range functions {
		if c.query.Get("FunctionVersion") == "" {
			all = append(all, c.document(f.Name, c.Identity.FunctionARN(f.Name, ""), &f.Latest, listed))
			continue
		}
		versions, err := c.versions(f)
		if err != nil {
			return nil, err
		}
		all = append(all, versions...)
	}
	items, next, err := page(c, all, maxFunctionsPage)
	if err != nil {
		return nil, err
	}
	return struct {
		Functions  []configurationDocument
		NextMarker string `json:",omitempty"`
	}{items, next}, nil
}

// sumPattern is the name of a package.
var sumPattern = regexp.MustCompile(`^[0-9a-f]{64}$`)

// Code serves packages by their SHA-256, for GetFunction's Location.
func (a *API) Code(w http.ResponseWriter, r *http.Request) {
	sum := strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, CodePath), ".zip")
	if !sumPattern.MatchString(sum) || r.Method != http.MethodGet && r.Method != http.MethodHead || !a.servesHost(r.Host) {
		http.NotFound(w, r)
		return
	}
	data, err := a.Registry.Code(r.Context(), sum)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	defer data.Close()
	w.Header().Set("Content-Type", "application/zip")
	w.Header().Set("Content-Disposition", `attachment; filename="code.zip"`)
	copyAll(w, data)
}
