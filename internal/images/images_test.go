package images

import (
	"archive/tar"
	"bytes"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// layerOf makes a layer of headers with their contents.
func layerOf(t *testing.T, files ...any) v1.Layer {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		h, text := files[i].(tar.Header), files[i+1].(string)
		h.Size = int64(len(text))
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, text)
	}
	w.Close()
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func file(name string, mode int64) tar.Header {
	return tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: mode}
}

// sample is an image of two layers, the second over the first.
func sample(t *testing.T) v1.Image {
	t.Helper()
	img, err := mutate.AppendLayers(empty.Image,
		layerOf(t, file("app/main", 0o755), "first", file("app/gone", 0o644), "x", tar.Header{Name: "bin", Typeflag: tar.TypeSymlink, Linkname: "/app"}, ""),
		layerOf(t, file("app/main", 0o4755), "second", file("app/.wh.gone", 0o644), ""))
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config.OS, config.Architecture = "linux", runtime.GOARCH
	config.Config = v1.Config{Entrypoint: []string{"/app/main"}, Cmd: []string{"handler"}, WorkingDir: "/app", Env: []string{"A=b"}}
	if img, err = mutate.ConfigFile(img, config); err != nil {
		t.Fatal(err)
	}
	return img
}

func check(t *testing.T, s *Store, uri string) {
	t.Helper()
	img, err := s.Resolve(t.Context(), uri, runtime.GOARCH)
	if err != nil {
		t.Fatal(err)
	}
	if len(img.Digest) != 64 || img.Entrypoint[0] != "/app/main" || img.Command[0] != "handler" || img.Dir != "/app" || img.Env[0] != "A=b" || img.Size == 0 {
		t.Errorf("%+v", img)
	}
	dir, err := s.Root(t.Context(), img.Resolved, img.Digest, runtime.GOARCH)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "app/main"))
	if err != nil || string(text) != "second" {
		t.Errorf("%q %v", text, err)
	}
	if info, _ := os.Stat(filepath.Join(dir, "app/main")); info.Mode() != 0o755 {
		t.Errorf("mode %v", info.Mode())
	}
	if _, err := os.Stat(filepath.Join(dir, "app/gone")); !os.IsNotExist(err) {
		t.Errorf("a file that a layer removes is there: %v", err)
	}
	if link, _ := os.Readlink(filepath.Join(dir, "bin")); link != "/app" {
		t.Errorf("%q", link)
	}
}

func TestImagesFromEverySource(t *testing.T) {
	img, dir := sample(t), t.TempDir()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	uri := strings.TrimPrefix(server.URL, "http://") + "/team/fn:v1"
	ref, err := name.ParseReference(uri)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, img); err != nil {
		t.Fatal(err)
	}
	store := New(t.TempDir())
	check(t, store, uri)
	found, err := store.Resolve(t.Context(), uri, runtime.GOARCH)
	if err != nil || !strings.Contains(found.Resolved, "/team/fn@sha256:") {
		t.Errorf("%+v %v", found, err)
	}

	path, err := layout.Write(filepath.Join(dir, "layout"), empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	if err := path.AppendImage(img, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": "v1"})); err != nil {
		t.Fatal(err)
	}
	check(t, New(t.TempDir()), "oci:"+filepath.Join(dir, "layout"))
	check(t, New(t.TempDir()), "oci:"+filepath.Join(dir, "layout")+":v1")

	archive := filepath.Join(dir, "image.tar")
	if err := tarball.WriteToFile(archive, ref, img); err != nil {
		t.Fatal(err)
	}
	check(t, New(t.TempDir()), "docker-archive:"+archive)

	for _, wrong := range []string{strings.Replace(uri, ":v1", ":nope", 1), "oci:/nope", "docker-archive:/nope", "Not An Image", "oci:" + filepath.Join(dir, "layout") + ":nope"} {
		if _, err := store.Resolve(t.Context(), wrong, runtime.GOARCH); err == nil || !strings.Contains(err.Error(), wrong) {
			t.Errorf("%s: %v", wrong, err)
		}
	}
	// What is unpacked serves without the registry.
	server.Close()
	if _, err := store.Root(t.Context(), found.Resolved, found.Digest, runtime.GOARCH); err != nil {
		t.Error(err)
	}
	if err := store.Keep(func(string) bool { return false }); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Root(t.Context(), found.Resolved, found.Digest, runtime.GOARCH); err == nil {
		t.Error("an image that was removed is there")
	}
}

func TestNothingIsWrittenOutsideOfTheRoot(t *testing.T) {
	outside := t.TempDir()
	for name, headers := range map[string][]any{
		"through a link":     {tar.Header{Name: "link", Typeflag: tar.TypeSymlink, Linkname: outside}, "", file("link/evil", 0o644), "x"},
		"through a path":     {file("../../../../../../../.."+outside+"/evil", 0o644), "x"},
		"through a hardlink": {tar.Header{Name: "hard", Typeflag: tar.TypeLink, Linkname: "../../../../../../../../etc/passwd"}, ""},
	} {
		dir := t.TempDir()
		l := layerOf(t, headers...)
		r, err := l.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		err = untar(r, dir)
		r.Close()
		if left, _ := os.ReadDir(outside); len(left) > 0 {
			t.Errorf("%s: written outside: %v", name, left)
		}
		if name != "through a path" && err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
