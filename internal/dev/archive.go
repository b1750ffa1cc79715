package dev

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	sluice "github.com/sluice-run/sluice"
)

// maxUnzipped is Lambda's limit of 250 MB for unzipped code, in bytes.
const maxUnzipped = 250 << 20

// unzip unpacks an archive of code into dir. Entries that would land outside of
// it, links, and more than limit bytes are refused.
func unzip(archive, dir string, limit int64) error {
	r, err := zip.OpenReader(archive)
	if err != nil {
		return fmt.Errorf("%s can't be read as a zip file: %w", archive, err)
	}
	defer r.Close()
	left := limit
	for _, f := range r.File {
		name := filepath.FromSlash(f.Name)
		if !filepath.IsLocal(name) {
			return fmt.Errorf("%s: the entry %q lies outside of the archive's folder", archive, f.Name)
		}
		target := filepath.Join(dir, name)
		switch mode := f.Mode(); {
		case mode.IsDir():
			err = os.MkdirAll(target, 0o755)
		case mode.IsRegular():
			err = unzipFile(f, target, &left)
		default:
			err = errors.New("it is neither a file nor a folder")
		}
		if left < 0 {
			return fmt.Errorf("%s holds more than the %s that Lambda allows", archive, sluice.FormatSize(limit))
		}
		if err != nil {
			return fmt.Errorf("%s: %s: %w", archive, f.Name, err)
		}
	}
	return nil
}

// unzipFile writes one entry and takes its size off left.
func unzipFile(f *zip.File, target string, left *int64) error {
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
