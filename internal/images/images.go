// Package images pulls container images, and keeps their files on disk for sandboxes: no
// daemon is needed. Layers are kept by their digest, so that images share them.
package images

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/cache"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// Prefixes of images that are files of this machine.
const (
	// layoutPrefix is followed by the path of an OCI layout, a folder.
	layoutPrefix = "oci:"
	// archivePrefix is followed by the path of what `docker save` writes.
	archivePrefix = "docker-archive:"
)

// Local reports whether a reference names a file of this machine and no registry.
func Local(uri string) bool {
	return strings.HasPrefix(uri, layoutPrefix) || strings.HasPrefix(uri, archivePrefix)
}

// Image is what is known of an image before its files are there.
type Image struct {
	// URI is the reference as it was given; Resolved has the digest instead of a tag.
	URI, Resolved string
	// Digest is SHA-256 in hex.
	Digest string
	// Size is that of all layers, compressed, in bytes.
	Size int64
	// Entrypoint, Command, Dir and Env are the image's own.
	Entrypoint, Command []string
	Dir                 string
	Env                 []string
}

// Error is an image that can't be had, for whoever named it.
type Error struct {
	URI string
	Err error
}

func (e *Error) Error() string { return "image " + e.URI + ": " + e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }

// Store keeps images in a folder. It is safe for concurrent use.
type Store struct {
	dir string

	mu sync.Mutex
	// unpacking has a channel for each image that is being unpacked.
	unpacking map[string]*unpacking
}

type unpacking struct {
	done chan struct{}
	err  error
}

// New returns a store in dir, which may hold images of an earlier one.
func New(dir string) *Store { return &Store{dir: dir, unpacking: map[string]*unpacking{}} }

// find reads an image's description. Layers come when they are read.
func (s *Store) find(ctx context.Context, uri, architecture string) (v1.Image, string, error) {
	platform := v1.Platform{OS: "linux", Architecture: architecture}
	switch {
	case strings.HasPrefix(uri, layoutPrefix):
		img, err := fromLayout(strings.TrimPrefix(uri, layoutPrefix), platform)
		return img, uri, err
	case strings.HasPrefix(uri, archivePrefix):
		img, err := tarball.ImageFromPath(strings.TrimPrefix(uri, archivePrefix), nil)
		return img, uri, err
	}
	ref, err := name.ParseReference(uri)
	if err != nil {
		return nil, "", err
	}
	img, err := remote.Image(ref, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain), remote.WithPlatform(platform))
	if err != nil {
		return nil, "", err
	}
	digest, err := img.Digest()
	if err != nil {
		return nil, "", err
	}
	return cache.Image(img, cache.NewFilesystemCache(filepath.Join(s.dir, "layers"))), ref.Context().Digest(digest.String()).String(), nil
}

// fromLayout returns the image of a layout that fits the platform; the path may end in
// :tag.
func fromLayout(path string, platform v1.Platform) (v1.Image, error) {
	tag := ""
	if _, err := os.Stat(path); err != nil {
		if i := strings.LastIndexByte(path, ':'); i > 0 {
			path, tag = path[:i], path[i+1:]
		}
	}
	index, err := layout.ImageIndexFromPath(path)
	if err != nil {
		return nil, err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	for _, m := range manifest.Manifests {
		if tag != "" && m.Annotations["org.opencontainers.image.ref.name"] != tag {
			continue
		}
		if m.Platform != nil && !m.Platform.Satisfies(platform) {
			continue
		}
		if m.MediaType.IsIndex() {
			inner, err := index.ImageIndex(m.Digest)
			if err != nil {
				return nil, err
			}
			return fromIndex(inner, platform)
		}
		return index.Image(m.Digest)
	}
	return nil, fmt.Errorf("the layout %s holds no image that fits", path)
}

func fromIndex(index v1.ImageIndex, platform v1.Platform) (v1.Image, error) {
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	for _, m := range manifest.Manifests {
		if m.MediaType.IsImage() && (m.Platform == nil || m.Platform.Satisfies(platform)) {
			return index.Image(m.Digest)
		}
	}
	return nil, fmt.Errorf("no image is for %s", platform.String())
}

// resolveTimeout bounds how long a registry may take to describe an image.
const resolveTimeout = time.Minute

// Resolve finds out what a reference leads to now; architecture is Go's name of one.
// Errors are an *Error.
func (s *Store) Resolve(ctx context.Context, uri, architecture string) (*Image, error) {
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	img, resolved, err := s.find(ctx, uri, architecture)
	if err != nil {
		return nil, &Error{uri, err}
	}
	found, err := describe(img)
	if err != nil {
		return nil, &Error{uri, err}
	}
	found.URI, found.Resolved = uri, resolved
	return found, nil
}

func describe(img v1.Image) (*Image, error) {
	digest, err := img.Digest()
	if err != nil {
		return nil, err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	manifest, err := img.Manifest()
	if err != nil {
		return nil, err
	}
	found := &Image{
		Digest: digest.Hex, Entrypoint: config.Config.Entrypoint, Command: config.Config.Cmd, Dir: config.Config.WorkingDir, Env: config.Config.Env,
	}
	for _, l := range manifest.Layers {
		found.Size += l.Size
	}
	return found, nil
}

// Root returns the folder with an image's files, which is read only to those who get it.
// The image is pulled if it is not there yet.
func (s *Store) Root(ctx context.Context, resolved, digest, architecture string) (dir string, err error) {
	dir = filepath.Join(s.dir, "roots", digest)
	s.mu.Lock()
	if _, err := os.Stat(dir); err == nil {
		s.mu.Unlock()
		return dir, nil
	}
	u := s.unpacking[digest]
	if u == nil {
		u = &unpacking{done: make(chan struct{})}
		s.unpacking[digest] = u
		s.mu.Unlock()
		u.err = s.unpack(ctx, resolved, digest, architecture, dir)
		s.mu.Lock()
		delete(s.unpacking, digest)
		close(u.done)
		s.mu.Unlock()
	} else {
		s.mu.Unlock()
		select {
		case <-u.done:
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
	if u.err != nil {
		return "", &Error{resolved, u.err}
	}
	return dir, nil
}

// unpack writes the files of an image beside dir and moves them there when all are.
func (s *Store) unpack(ctx context.Context, resolved, digest, architecture, dir string) error {
	img, _, err := s.find(ctx, resolved, architecture)
	if err != nil {
		return err
	}
	have, err := img.Digest()
	if err != nil {
		return err
	}
	if have.Hex != digest {
		return errors.New("it is another image now; update the function's code")
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o711); err != nil {
		return err
	}
	temporary, err := os.MkdirTemp(filepath.Dir(dir), ".unpacking-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temporary)
	files := mutate.Extract(img) // later layers over earlier ones, and without what they remove
	defer files.Close()
	if err := untar(files, temporary); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, files); err != nil {
		return err // a layer that is not what its digest says
	}
	if err := os.Chmod(temporary, 0o755); err != nil {
		return err
	}
	return os.Rename(temporary, dir)
}

// Keep removes the files of images that are not in use.
func (s *Store) Keep(used func(digest string) bool) error {
	entries, err := os.ReadDir(filepath.Join(s.dir, "roots"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, entry := range entries {
		s.mu.Lock()
		busy := len(s.unpacking) > 0
		s.mu.Unlock()
		if busy && strings.HasPrefix(entry.Name(), ".unpacking-") || used(entry.Name()) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(s.dir, "roots", entry.Name())); err != nil {
			return err
		}
	}
	return nil
}
