// Package archive unpacks code packages, which are zip files from outside: an entry
// that would land outside of its folder, a link, and more bytes than are allowed
// are refused.
package archive

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	sluice "github.com/sluice-run/sluice"
)

// MaxUnzipped is Lambda's limit for unzipped code and layers, in bytes
// (docs/contract/control-api.md §4.1).
const MaxUnzipped = 250 << 20

var (
	// ErrFormat: the data is no zip file, or a damaged one.
	ErrFormat = errors.New("can't be read as a zip file")
	// ErrTooLarge: the files would take more than the limit.
	ErrTooLarge = errors.New("holds more than Lambda allows")
)

// ExtractFile unpacks the zip file at path into dir, which is created.
func ExtractFile(path, dir string, limit int64) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if err := Extract(file, info.Size(), dir, limit); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// Extract unpacks a zip file of size bytes into dir, which is created. Errors are
// ErrFormat, ErrTooLarge, or name the entry that can't be unpacked.
func Extract(data io.ReaderAt, size int64, dir string, limit int64) error {
	r, err := open(data, size)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	left := limit
	for _, f := range r.File {
		if err := checkEntry(f); err != nil {
			return err
		}
		target := filepath.Join(dir, filepath.FromSlash(f.Name))
		if f.Mode().IsDir() {
			err = os.MkdirAll(target, 0o755)
		} else {
			err = extractEntry(f, target, &left)
		}
		if left < 0 {
			return fmt.Errorf("it %w (%s)", ErrTooLarge, sluice.FormatSize(limit))
		}
		if err != nil {
			return fmt.Errorf("entry %q: %w", f.Name, err)
		}
	}
	return nil
}

// Check reads a zip file's directory, and returns how many bytes its files take as
// they are announced. It refuses what Extract would refuse by name.
func Check(data io.ReaderAt, size int64) (unzipped int64, err error) {
	r, err := open(data, size)
	if err != nil {
		return 0, err
	}
	for _, f := range r.File {
		if err := checkEntry(f); err != nil {
			return 0, err
		}
		if unzipped += int64(f.UncompressedSize64); unzipped < 0 {
			return 0, ErrTooLarge
		}
	}
	return unzipped, nil
}

func open(data io.ReaderAt, size int64) (*zip.Reader, error) {
	r, err := zip.NewReader(data, size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // those are checked one by one
		return nil, fmt.Errorf("it %w: %w", ErrFormat, err)
	}
	return r, nil
}

func checkEntry(f *zip.File) error {
	switch mode := f.Mode(); {
	case !filepath.IsLocal(filepath.FromSlash(f.Name)):
		return fmt.Errorf("the entry %q lies outside of the archive's folder", f.Name)
	case !mode.IsDir() && !mode.IsRegular():
		return fmt.Errorf("the entry %q is neither a file nor a folder", f.Name)
	}
	return nil
}

// extractEntry writes one file and takes its size off left.
func extractEntry(f *zip.File, target string, left *int64) error {
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	in, err := f.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(target, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644|f.Mode()&0o111)
	if err != nil {
		return err
	}
	n, err := io.Copy(out, io.LimitReader(in, *left+1))
	if closed := out.Close(); err == nil {
		err = closed
	}
	*left -= n
	return err
}
