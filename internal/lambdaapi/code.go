package lambdaapi

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"path/filepath"

	"github.com/sluice-run/sluice/internal/archive"
	"github.com/sluice-run/sluice/internal/images"
	"github.com/sluice-run/sluice/internal/objects"
	"github.com/sluice-run/sluice/internal/registry"
)

// maxZip is Lambda's limit of a package that is sent directly, in bytes.
const maxZip = 52428800

// codeDocument is where a package comes from.
type codeDocument struct {
	ZipFile                          []byte
	S3Bucket, S3Key, S3ObjectVersion string
	ImageUri, SourceKMSKeyArn        string
}

// putCode checks a package, stores it, and notes it in v. dryRun only checks.
func (c *call) putCode(code codeDocument, v *registry.Version, dryRun bool) error {
	switch {
	case code.ImageUri != "":
		return c.putImage(code.ImageUri, v)
	case code.S3Bucket == hotReload:
		return c.putFolder(code.S3Key, v)
	case code.S3Bucket != "" || code.S3Key != "":
		data, err := c.fetch(code)
		if err != nil {
			return err
		}
		code.ZipFile = data
	}
	switch {
	case len(code.ZipFile) == 0:
		return invalid("Please provide a source for function code.")
	}
	layers := int64(0)
	for _, l := range v.Layers {
		layers += l.CodeSize
	}
	if err := checkZip(code.ZipFile, layers); err != nil {
		return err
	}
	if dryRun {
		return nil
	}
	sum, err := c.Registry.PutCode(c.ctx, code.ZipFile)
	if err != nil {
		return err
	}
	v.Code, v.CodeSize, v.Folder = sum, int64(len(code.ZipFile)), ""
	return nil
}

// putImage makes a function run from a container image.
func (c *call) putImage(uri string, v *registry.Version) error {
	switch {
	case c.Images == nil:
		return notSupported("container images: %s.", c.NoImages)
	case images.Local(uri) && !c.HotReload:
		return notSupported("images that are files of the server unless it was started with --hot-reload: %s.", uri)
	}
	img, err := c.Images.Resolve(c.ctx, uri, goArchitecture(v.Architectures[0]))
	if err != nil {
		return invalid("Source image %s can't be used: %v", uri, errors.Unwrap(err))
	}
	if len(img.Entrypoint) == 0 && len(img.Command) == 0 && (v.ImageConfig == nil || len(v.ImageConfig.EntryPoint)+len(v.ImageConfig.Command) == 0) {
		return invalid("Source image %s has neither ENTRYPOINT nor CMD; give the function an ImageConfig with a Command.", uri)
	}
	v.Image = &registry.Image{URI: uri, Resolved: img.Resolved, Digest: img.Digest, Entrypoint: img.Entrypoint, Command: img.Command, Dir: img.Dir, Env: img.Env}
	v.Code, v.CodeSize, v.Folder = "", 0, ""
	return nil
}

// goArchitecture is Go's name of one of Lambda's architectures.
func goArchitecture(name string) string {
	if name == "arm64" {
		return "arm64"
	}
	return "amd64"
}

// hotReload is the bucket whose keys are folders of this machine, a convention of
// local tools.
const hotReload = "hot-reload"

// putFolder makes a function run from a folder and follow its files.
func (c *call) putFolder(path string, v *registry.Version) error {
	if !c.HotReload {
		return notSupported("the bucket %s unless the server was started with --hot-reload.", hotReload)
	}
	if !filepath.IsAbs(path) {
		return invalid("The key of the bucket %s is the absolute path of a folder on the server, not %s.", hotReload, path)
	}
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return invalid("The folder %s does not exist on the server.", path)
	}
	v.Folder, v.Code, v.CodeSize = filepath.Clean(path), "", 0
	return nil
}

// fetch reads a package from S3.
func (c *call) fetch(code codeDocument) ([]byte, error) {
	data, err := c.Objects.Get(c.ctx, code.S3Bucket, code.S3Key, code.S3ObjectVersion, maxZip)
	var refused *objects.Error
	switch {
	case errors.As(err, &refused):
		return nil, invalid("Error occurred while GetObject. S3 Error Code: %s. S3 Error Message: %s", refused.Code, refused.Message)
	case errors.Is(err, objects.ErrTooLarge):
		return nil, failure("RequestEntityTooLargeException", http.StatusRequestEntityTooLarge, "Zipped size must be smaller than %d bytes", maxZip)
	case err != nil:
		return nil, invalid("Error occurred while GetObject. %v", err)
	}
	return data, nil
}

// checkZip refuses packages that Lambda would refuse
// (docs/contract/control-api.md §4.1).
func checkZip(data []byte, others int64) error {
	if len(data) > maxZip {
		return failure("RequestEntityTooLargeException", http.StatusRequestEntityTooLarge, "Zipped size must be smaller than %d bytes", maxZip)
	}
	unzipped, err := archive.Check(bytes.NewReader(data), int64(len(data)))
	switch {
	case errors.Is(err, archive.ErrFormat):
		return invalid("Could not unzip uploaded file. Please check your file, then try to upload again.")
	case err != nil:
		return invalid("The uploaded file can't be used: %v", err)
	case unzipped+others > archive.MaxUnzipped:
		return invalid("Unzipped size must be smaller than %d bytes", int64(archive.MaxUnzipped))
	}
	return nil
}
