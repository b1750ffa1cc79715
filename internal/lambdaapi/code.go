package lambdaapi

import (
	"bytes"
	"errors"
	"net/http"

	"github.com/sluice-run/sluice/internal/archive"
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
		return notSupported("container images.")
	case code.S3Bucket != "" || code.S3Key != "":
		return notSupported("code in S3; send it as ZipFile.")
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
	v.Code, v.CodeSize = sum, int64(len(code.ZipFile))
	return nil
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
