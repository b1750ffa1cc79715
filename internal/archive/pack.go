package archive

import (
	"archive/zip"
	"bytes"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Pack makes a zip file of a folder. The same files make the same bytes, whenever
// they were written. Version control is left out; links are followed.
func Pack(dir string) ([]byte, error) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	if err := pack(w, dir, ""); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// PackText makes a zip file of one file with that text.
func PackText(name, text string) ([]byte, error) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	entry, err := w.Create(name)
	if err == nil {
		_, err = io.WriteString(entry, text)
	}
	if err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// pack adds the entries of a folder, which os.ReadDir returns in their order.
func pack(w *zip.Writer, dir, prefix string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.Name() == ".git" {
			continue
		}
		path := filepath.Join(dir, entry.Name())
		info, err := os.Stat(path)
		switch {
		case err != nil:
			return err
		case info.IsDir():
			err = pack(w, path, prefix+entry.Name()+"/")
		case info.Mode().IsRegular():
			err = packFile(w, path, prefix+entry.Name(), info)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func packFile(w *zip.Writer, path, name string, info fs.FileInfo) error {
	header := &zip.FileHeader{Name: name, Method: zip.Deflate}
	header.SetMode(0o644 | info.Mode()&0o111)
	entry, err := w.CreateHeader(header)
	if err != nil {
		return err
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.Copy(entry, file)
	return err
}
