package runtimes

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
)

// program writes a node that only knows its version.
func fakeProgram(t *testing.T, file, version string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the stand-ins are shell scripts")
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("#!/bin/sh\necho "+version+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}

// path makes a PATH of folders with one node each.
func path(t *testing.T, versions ...string) string {
	t.Helper()
	var dirs []string
	for _, v := range versions {
		dir := t.TempDir()
		fakeProgram(t, filepath.Join(dir, "node"), v)
		dirs = append(dirs, dir)
	}
	return strings.Join(dirs, string(filepath.ListSeparator))
}

func TestTheRightNodeServes(t *testing.T) {
	for _, tt := range []struct {
		name      string
		path      []string
		installed map[string]string
		runtime   string
		version   string
		exact     bool
	}{
		{"on the path", []string{"v22.1.0"}, nil, "nodejs22.x", "22.1.0", true},
		{"further down the path", []string{"v20.1.0", "v22.1.0"}, nil, "nodejs22.x", "22.1.0", true},
		{"path before installed", []string{"v22.1.0"}, map[string]string{"nodejs22.x": "v22.9.0"}, "nodejs22.x", "22.1.0", true},
		{"installed before another major", []string{"v20.1.0"}, map[string]string{"nodejs22.x": "v22.9.0"}, "nodejs22.x", "22.9.0", true},
		{"newer before older", []string{"v18.1.0", "v24.1.0"}, nil, "nodejs20.x", "24.1.0", false},
		{"older if that is all", []string{"v18.1.0"}, nil, "nodejs24.x", "18.1.0", false},
		{"not a node", []string{"hello", "v20.1.0"}, nil, "nodejs20.x", "20.1.0", true},
		{"too old to serve", []string{"v16.1.0", "v26.1.0"}, nil, "nodejs20.x", "26.1.0", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := &Resolver{DataDir: t.TempDir(), Path: path(t, tt.path...)}
			for name, version := range tt.installed {
				fakeProgram(t, r.programOf(r.dirOf(name)), version)
			}
			in, err := r.Resolve(tt.runtime)
			if err != nil {
				t.Fatal(err)
			}
			if in.Version != tt.version || in.Exact != tt.exact || (in.Warning == "") != tt.exact {
				t.Errorf("%+v", in)
			}
			if !tt.exact && !strings.Contains(in.Warning, "sluice runtimes install "+tt.runtime) {
				t.Errorf("warning %q", in.Warning)
			}
		})
	}
}

func TestNothingServes(t *testing.T) {
	r := &Resolver{Path: t.TempDir()}
	var missing *MissingError
	if _, err := r.Resolve("nodejs22.x"); !errors.As(err, &missing) || !strings.Contains(err.Error(), "sluice runtimes install nodejs22.x") {
		t.Errorf("%v", err)
	}
	var unsupported *UnsupportedError
	if _, err := r.Resolve("ruby3.3"); !errors.As(err, &unsupported) || !strings.Contains(err.Error(), "nodejs22.x") {
		t.Errorf("%v", err)
	}
	if _, err := r.Resolve("python3.13"); !errors.As(err, &missing) || !strings.Contains(err.Error(), "install one") {
		t.Errorf("%v", err)
	}
	if in, err := r.Resolve("provided.al2023"); err != nil || in.Path != "" || !in.Exact {
		t.Errorf("%+v %v", in, err)
	}
	if _, err := r.Install(t.Context(), "python3.13", new(bytes.Buffer)); err == nil || !strings.Contains(err.Error(), "does not fetch Python") {
		t.Errorf("%v", err)
	}
	if _, err := r.Install(t.Context(), "nodejs22.x", new(bytes.Buffer)); err == nil || !strings.Contains(err.Error(), "--data") {
		t.Errorf("%v", err)
	}
	r.DataDir = t.TempDir()
	if _, err := r.Install(t.Context(), "nodejs22.x", new(bytes.Buffer)); err == nil || !strings.Contains(err.Error(), "npm client is not on the PATH") {
		t.Errorf("%v", err)
	}
	if err := r.Remove("nodejs22.x"); err == nil || !strings.Contains(err.Error(), "not installed") {
		t.Errorf("%v", err)
	}
}

func TestPreferredFitsTheNodeOnThePath(t *testing.T) {
	for version, want := range map[string]string{"v20.3.0": "nodejs20.x", "v23.0.0": "nodejs22.x", "v30.0.0": "nodejs24.x"} {
		if got := (&Resolver{Path: path(t, version)}).Preferred(); got != want {
			t.Errorf("%s: %s, want %s", version, got, want)
		}
	}
	if got := new(Resolver).Preferred(); got != "nodejs22.x" {
		t.Errorf("without node: %s", got)
	}
}

func TestMaterializeWritesWhatIsEmbedded(t *testing.T) {
	dir, err := Materialize(fstest.MapFS{"a.mjs": {Data: []byte("1")}, "b/c.mjs": {Data: []byte("2")}}, filepath.Join(t.TempDir(), "new"))
	if err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(filepath.Join(dir, "b", "c.mjs")); string(data) != "2" || err != nil {
		t.Errorf("%q %v", data, err)
	}
}

// TestInstallFromTheRegistry fetches a real Node.js.
func TestInstallFromTheRegistry(t *testing.T) {
	if os.Getenv("SLUICE_TEST_NETWORK") == "" {
		t.Skip("needs the npm registry: set SLUICE_TEST_NETWORK=1")
	}
	r := &Resolver{DataDir: t.TempDir(), Path: os.Getenv("PATH")}
	var progress bytes.Buffer
	in, err := r.Install(t.Context(), "nodejs24.x", &progress)
	if err != nil {
		t.Fatalf("%v\n%s", err, &progress)
	}
	if in.Release != 24 || !strings.HasPrefix(in.Version, "24.") {
		t.Errorf("%+v", in)
	}
	found, err := r.Resolve("nodejs24.x")
	if err != nil || !found.Exact || !found.Installed {
		t.Errorf("%+v %v", found, err)
	}
	if err := r.Remove("nodejs24.x"); err != nil {
		t.Error(err)
	}
	if again, err := r.Resolve("nodejs24.x"); err == nil && again.Installed {
		t.Errorf("still there after Remove: %+v", again)
	}
}
