package archive

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	sluice "github.com/sluice-run/sluice"
)

// zipped makes a zip file with the given entries.
func zipped(t *testing.T, entries map[string]string, mode fs.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "code.zip")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := zip.NewWriter(file)
	for name, text := range entries {
		header := &zip.FileHeader{Name: name, Method: zip.Deflate}
		header.SetMode(mode)
		entry, err := w.CreateHeader(header)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(entry, text)
	}
	if err := errors.Join(w.Close(), file.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestExtract(t *testing.T) {
	dir := t.TempDir()
	if err := ExtractFile(zipped(t, map[string]string{"a.js": "1", "lib/b.js": "2"}, 0o755), dir, MaxUnzipped); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "lib", "b.js")); string(text) != "2" || err != nil {
		t.Errorf("%q %v", text, err)
	}
	if info, err := os.Stat(filepath.Join(dir, "a.js")); err != nil || info.Mode().Perm()&0o100 == 0 {
		t.Errorf("the executable bit is lost: %v %v", info, err)
	}
}

func TestExtractRefusesWhatLeavesItsFolder(t *testing.T) {
	for _, tt := range []struct {
		name string
		mode fs.FileMode
		want string
	}{
		{"../evil.js", 0o644, "outside of the archive's folder"},
		{"/evil.js", 0o644, "outside of the archive's folder"},
		{"a/../../evil.js", 0o644, "outside of the archive's folder"},
		{"link", fs.ModeSymlink | 0o777, "neither a file nor a folder"},
	} {
		dir := filepath.Join(t.TempDir(), "code")
		err := ExtractFile(zipped(t, map[string]string{tt.name: "/etc/passwd"}, tt.mode), dir, MaxUnzipped)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
		if entries, _ := os.ReadDir(filepath.Dir(dir)); len(entries) > 1 {
			t.Errorf("%s: it was written: %v", tt.name, entries)
		}
	}
	notZip := filepath.Join(t.TempDir(), "no.zip")
	os.WriteFile(notZip, []byte("no"), 0o644)
	if err := ExtractFile(notZip, t.TempDir(), MaxUnzipped); err == nil || !strings.Contains(err.Error(), "can't be read as a zip file") {
		t.Errorf("%v", err)
	}
}

func TestExtractStopsABomb(t *testing.T) {
	bomb := zipped(t, map[string]string{"bomb": strings.Repeat("\x00", sluice.MB+1)}, 0o644)
	if err := ExtractFile(bomb, t.TempDir(), sluice.MB+1); err != nil {
		t.Error(err)
	}
	err := ExtractFile(bomb, t.TempDir(), sluice.MB)
	if err == nil || !strings.Contains(err.Error(), "holds more than Lambda allows (1MB)") {
		t.Errorf("%v", err)
	}
}

// FuzzExtract: no file writes outside of its folder.
func FuzzExtract(f *testing.F) {
	for _, name := range []string{"a", "../a", "a/b/../../../c", "/etc/x"} {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		entry, _ := w.Create(name)
		io.WriteString(entry, "text")
		w.Close()
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		parent := t.TempDir()
		if Extract(bytes.NewReader(data), int64(len(data)), filepath.Join(parent, "code"), 1<<20) == nil {
			if _, err := Check(bytes.NewReader(data), int64(len(data))); err != nil {
				t.Errorf("extracted, but Check says %v", err)
			}
		}
		if entries, _ := os.ReadDir(parent); len(entries) > 1 {
			t.Errorf("outside of the folder: %v", entries)
		}
	})
}
