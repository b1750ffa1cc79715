package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// rewriteAfter is the age from which a package that is put again is written again:
// so it is young, and a collection leaves it alone.
const rewriteAfter = 10 * time.Minute

// PutPackage stores a code package and returns the SHA-256 it is kept under, in
// hex. A package that was put a moment ago is not written again.
func (s *Store) PutPackage(ctx context.Context, data io.ReadSeeker) (sum string, err error) {
	h := sha256.New()
	if _, err := io.Copy(h, data); err != nil {
		return "", err
	}
	sum = hex.EncodeToString(h.Sum(nil))
	if info, err := s.packages.GetInfo(ctx, sum); err == nil && time.Since(info.ModTime) < rewriteAfter {
		return sum, nil
	}
	if _, err := data.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	if _, err := s.packages.Put(ctx, jetstream.ObjectMeta{Name: sum}, data); err != nil {
		return "", fmt.Errorf("write of a code package: %w", err)
	}
	return sum, nil
}

// Package opens a code package for reading; the caller closes it. A package that
// is not what its name says is an error at its end.
func (s *Store) Package(ctx context.Context, sum string) (io.ReadCloser, error) {
	r, err := s.packages.Get(ctx, sum)
	if errors.Is(err, jetstream.ErrObjectNotFound) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("read of a code package: %w", err)
	}
	return r, nil
}

// KeepPackages deletes every package that was put before a moment and is not in use,
// and returns how many.
func (s *Store) KeepPackages(ctx context.Context, before time.Time, used func(sum string) bool) (int, error) {
	all, err := s.packages.List(ctx)
	if err != nil && !errors.Is(err, jetstream.ErrNoObjectsFound) {
		return 0, err
	}
	deleted := 0
	for _, info := range all {
		if used(info.Name) || info.ModTime.After(before) {
			continue
		}
		if err := s.packages.Delete(ctx, info.Name); err != nil {
			return deleted, err
		}
		deleted++
	}
	return deleted, nil
}
