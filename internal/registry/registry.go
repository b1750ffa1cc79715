package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sluice-run/sluice/internal/store"
)

var (
	// ErrExists: there is a function of that name already.
	ErrExists = errors.New("the function exists already")
	// ErrNotFound: there is no such function, version or layer.
	ErrNotFound = errors.New("not found")
)

// Registry is the typed view of a store. It is safe for concurrent use. What it
// returns is shared: callers must not modify it, but in Edit.
type Registry struct {
	store *store.Store

	mu sync.Mutex
	// decoded records by key.
	decoded map[string]decoded
}

type decoded struct {
	revision uint64
	value    any
}

// New returns the registry in s.
func New(s *store.Store) *Registry { return &Registry{store: s, decoded: map[string]decoded{}} }

const (
	functionPrefix = "function."
	versionPrefix  = "version."
	layerPrefix    = "layer."
)

// read returns a record as a *T, decoded once for each revision.
func read[T any](r *Registry, record store.Record, finish func(*T)) (*T, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if d, ok := r.decoded[record.Key]; ok && d.revision == record.Revision {
		return d.value.(*T), nil
	}
	value := new(T)
	if err := json.Unmarshal(record.Value, value); err != nil {
		return nil, fmt.Errorf("the record %s can't be read: %w", record.Key, err)
	}
	if finish != nil {
		finish(value)
	}
	r.decoded[record.Key] = decoded{record.Revision, value}
	return value, nil
}

func (r *Registry) function(record store.Record) (*Function, error) {
	return read(r, record, func(f *Function) { f.Revision = record.Revision })
}

// Function returns a function by name, or ErrNotFound.
func (r *Registry) Function(name string) (*Function, error) {
	record, ok := r.store.Get(functionPrefix + name)
	if !ok {
		return nil, ErrNotFound
	}
	return r.function(record)
}

// Functions returns all functions in the order of their names.
func (r *Registry) Functions() ([]*Function, error) {
	var all []*Function
	for _, record := range r.store.List(functionPrefix) {
		f, err := r.function(record)
		if err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	return all, nil
}

// Create writes a new function, or returns ErrExists.
func (r *Registry) Create(ctx context.Context, f *Function) error {
	value, err := json.Marshal(f)
	if err != nil {
		return err
	}
	// Versions that a crash has left of a function of that name would come back.
	for _, record := range r.store.List(versionPrefix + f.Name + ".") {
		if err := r.store.Delete(ctx, record.Key, record.Revision); err != nil {
			return err
		}
	}
	f.Revision, err = r.store.Create(ctx, functionPrefix+f.Name, value)
	if errors.Is(err, store.ErrExists) {
		return ErrExists
	}
	return err
}

// Edit changes a function: change gets a copy of its own, and is called again when
// somebody else was faster. Its error ends the edit. The function as it was
// written is returned.
func (r *Registry) Edit(ctx context.Context, name string, change func(*Function) error) (*Function, error) {
	for {
		record, ok := r.store.Get(functionPrefix + name)
		if !ok {
			return nil, ErrNotFound
		}
		f := &Function{}
		if err := json.Unmarshal(record.Value, f); err != nil {
			return nil, fmt.Errorf("the record %s can't be read: %w", record.Key, err)
		}
		if err := change(f); err != nil {
			return nil, err
		}
		value, err := json.Marshal(f)
		if err != nil {
			return nil, err
		}
		f.Revision, err = r.store.Update(ctx, record.Key, value, record.Revision)
		switch {
		case errors.Is(err, store.ErrConflict):
			continue
		case err != nil:
			return nil, err
		}
		return f, nil
	}
}

// Delete removes a function and its versions, or returns ErrNotFound.
func (r *Registry) Delete(ctx context.Context, name string) error {
	for {
		record, ok := r.store.Get(functionPrefix + name)
		if !ok {
			return ErrNotFound
		}
		err := r.store.Delete(ctx, record.Key, record.Revision)
		if errors.Is(err, store.ErrConflict) {
			continue
		}
		if err != nil {
			return err
		}
		r.forget(record.Key)
		for _, v := range r.store.List(versionPrefix + name + ".") {
			if err := r.store.Delete(ctx, v.Key, v.Revision); err != nil && !errors.Is(err, store.ErrConflict) {
				return err
			}
			r.forget(v.Key)
		}
		return nil
	}
}

func (r *Registry) forget(key string) {
	r.mu.Lock()
	delete(r.decoded, key)
	r.mu.Unlock()
}

func versionKey(name, number string) string { return versionPrefix + name + "." + number }

// Publish writes a version whose number was taken by an Edit.
func (r *Registry) Publish(ctx context.Context, name string, v *Version) error {
	value, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = r.store.Create(ctx, versionKey(name, v.Number), value)
	return err
}

// Version returns a published version, or ErrNotFound.
func (r *Registry) Version(name, number string) (*Version, error) {
	record, ok := r.store.Get(versionKey(name, number))
	if !ok {
		return nil, ErrNotFound
	}
	return read[Version](r, record, nil)
}

// Versions returns the published versions of a function, lowest number first.
func (r *Registry) Versions(name string) ([]*Version, error) {
	var all []*Version
	for _, record := range r.store.List(versionPrefix + name + ".") {
		v, err := read[Version](r, record, nil)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	slices.SortFunc(all, func(a, b *Version) int { return number(a.Number) - number(b.Number) })
	return all, nil
}

func number(s string) int {
	n, _ := strconv.Atoi(s) // we wrote it
	return n
}

// DeleteVersion removes a published version; one that is not there is fine.
func (r *Registry) DeleteVersion(ctx context.Context, name, number string) error {
	key := versionKey(name, number)
	record, ok := r.store.Get(key)
	if !ok {
		return nil
	}
	r.forget(key)
	return r.store.Delete(ctx, key, record.Revision)
}

func layerKey(name string, number int) string {
	return layerPrefix + name + "." + strconv.Itoa(number)
}

// PublishLayer writes the next version of a layer and sets its number.
func (r *Registry) PublishLayer(ctx context.Context, l *Layer) error {
	for {
		all, err := r.Layers(l.Name)
		if err != nil {
			return err
		}
		l.Number = 1
		if len(all) > 0 {
			l.Number = all[len(all)-1].Number + 1
		}
		value, err := json.Marshal(l)
		if err != nil {
			return err
		}
		if _, err = r.store.Create(ctx, layerKey(l.Name, l.Number), value); !errors.Is(err, store.ErrExists) {
			return err
		}
	}
}

// Layers returns the versions of a layer, or of all layers if name is "", lowest
// number first; deleted ones are among them.
func (r *Registry) Layers(name string) ([]*Layer, error) {
	prefix := layerPrefix
	if name != "" {
		prefix += name + "."
	}
	var all []*Layer
	for _, record := range r.store.List(prefix) {
		l, err := read[Layer](r, record, nil)
		if err != nil {
			return nil, err
		}
		all = append(all, l)
	}
	slices.SortFunc(all, func(a, b *Layer) int {
		if c := strings.Compare(a.Name, b.Name); c != 0 {
			return c
		}
		return a.Number - b.Number
	})
	return all, nil
}

// Layer returns a version of a layer, deleted or not, or ErrNotFound.
func (r *Registry) Layer(name string, number int) (*Layer, error) {
	record, ok := r.store.Get(layerKey(name, number))
	if !ok {
		return nil, ErrNotFound
	}
	return read[Layer](r, record, nil)
}

// EditLayer changes a version of a layer; see Edit.
func (r *Registry) EditLayer(ctx context.Context, name string, number int, change func(*Layer) error) (*Layer, error) {
	for {
		record, ok := r.store.Get(layerKey(name, number))
		if !ok {
			return nil, ErrNotFound
		}
		l := &Layer{}
		if err := json.Unmarshal(record.Value, l); err != nil {
			return nil, fmt.Errorf("the record %s can't be read: %w", record.Key, err)
		}
		if err := change(l); err != nil {
			return nil, err
		}
		value, err := json.Marshal(l)
		if err != nil {
			return nil, err
		}
		if _, err = r.store.Update(ctx, record.Key, value, record.Revision); errors.Is(err, store.ErrConflict) {
			continue
		}
		return l, err
	}
}

// Images returns the digests of the images that functions have.
func (r *Registry) Images() (map[string]bool, error) {
	used := map[string]bool{}
	functions, err := r.Functions()
	for _, f := range functions {
		versions, failed := r.Versions(f.Name)
		if failed != nil {
			return nil, failed
		}
		for _, v := range append(versions, &f.Latest) {
			if v.Image != nil {
				used[v.Image.Digest] = true
			}
		}
	}
	return used, err
}

// PutCode stores a package and returns its SHA-256 in hex.
func (r *Registry) PutCode(ctx context.Context, data []byte) (string, error) {
	return r.store.PutPackage(ctx, bytes.NewReader(data))
}

// Code opens a package.
func (r *Registry) Code(ctx context.Context, sum string) (io.ReadCloser, error) {
	return r.store.Package(ctx, sum)
}

// CollectCode deletes the packages that nothing refers to, and returns how many.
// Those that were put less than young ago stay: they are about to be referred to.
func (r *Registry) CollectCode(ctx context.Context, young time.Duration) (int, error) {
	before := time.Now().Add(-young)
	used := map[string]bool{}
	functions, err := r.Functions()
	if err != nil {
		return 0, err
	}
	note := func(v *Version) {
		used[v.Code] = true
		for _, l := range v.Layers {
			used[l.Code] = true
		}
	}
	for _, f := range functions {
		note(&f.Latest)
		versions, err := r.Versions(f.Name)
		if err != nil {
			return 0, err
		}
		for _, v := range versions {
			note(v)
		}
	}
	layers, err := r.Layers("")
	if err != nil {
		return 0, err
	}
	for _, l := range layers {
		if !l.Deleted {
			used[l.Code] = true
		}
	}
	return r.store.KeepPackages(ctx, before, func(sum string) bool { return used[sum] })
}
