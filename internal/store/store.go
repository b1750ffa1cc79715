package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Options say where the state is.
type Options struct {
	// Dir is the folder for the embedded server's files. "" keeps everything in
	// memory.
	Dir string
	// Temp is the folder in which the embedded server makes one for what it writes in
	// spite of that, and removes it; "" is the system's.
	Temp string
	// URL of an external NATS server, "" for the embedded one.
	URL string
	// Credentials is a NATS credentials file, CA a file with the certificates of
	// authorities, Certificate and Key those of this client; each "" for none.
	Credentials, CA, Certificate, Key string
	// Replicas of everything on an external cluster, 1 if zero.
	Replicas int
	Log      *slog.Logger
}

var (
	// ErrConflict: the record is not at the revision that the writer has seen.
	ErrConflict = errors.New("the record was changed meanwhile")
	// ErrExists: there is a record with the key already.
	ErrExists = errors.New("the record exists already")
	// ErrNotFound: there is no such record or package.
	ErrNotFound = errors.New("not found")
)

// DamageError is a data folder that lost acknowledged writes or can't be read.
type DamageError struct {
	Dir    string
	Reason string
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("the data folder %s is damaged: %s; restore it from a backup, or, to go on with what is left, remove the file %s in it", e.Dir, e.Reason, witnessFile)
}

// Record is one entry of the registry.
type Record struct {
	Key   string
	Value []byte
	// Revision grows with every write to the registry.
	Revision uint64
}

// Store is an open store. It is safe for concurrent use.
type Store struct {
	embedded *embedded // nil with an external server
	nc       *nats.Conn
	js       jetstream.JetStream
	kv       jetstream.KeyValue
	packages jetstream.ObjectStore
	witness  *witness // nil without a folder
	log      *slog.Logger
	replicas int
	storage  jetstream.StorageType

	watcher  jetstream.KeyWatcher
	watching sync.WaitGroup

	// writes orders what the witness is told.
	writes sync.Mutex

	mu   sync.RWMutex
	view map[string]Record
	// gone are the revisions at which keys were deleted: an update that arrives
	// late must not bring one back.
	gone map[string]uint64
	// changes counts what happened to the view.
	changes uint64
}

const (
	registryBucket = "registry"
	packageBucket  = "packages"
)

// Open opens a store. The context bounds the opening, not the store.
func Open(ctx context.Context, o Options) (*Store, error) {
	s := &Store{log: o.Log, view: map[string]Record{}, gone: map[string]uint64{}, replicas: max(o.Replicas, 1), storage: jetstream.FileStorage}
	if o.Log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if err := s.open(ctx, o); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, o Options) error {
	var err error
	if o.URL != "" {
		s.nc, err = connect(o)
	} else {
		if o.Dir == "" {
			s.storage = jetstream.MemoryStorage
		}
		if s.embedded, err = startEmbedded(o.Dir, o.Temp); err != nil {
			return err
		}
		if o.Dir != "" {
			if s.witness, err = openWitness(o.Dir); err != nil {
				return err
			}
		}
		s.nc, err = s.embedded.connect()
	}
	if err != nil {
		return err
	}
	if s.js, err = jetstream.New(s.nc); err != nil {
		return err
	}
	if err := s.openRegistry(ctx); err != nil {
		return err
	}
	s.packages, err = s.js.CreateOrUpdateObjectStore(ctx, jetstream.ObjectStoreConfig{
		Bucket: packageBucket, Storage: s.storage, Replicas: s.replicas, Description: "code packages by SHA-256",
	})
	return err
}

// openRegistry opens the bucket of records and loads it into memory.
func (s *Store) openRegistry(ctx context.Context) error {
	var last uint64
	stream, err := s.js.Stream(ctx, "KV_"+registryBucket)
	switch {
	case err == nil:
		last = stream.CachedInfo().State.LastSeq
	case !errors.Is(err, jetstream.ErrStreamNotFound):
		return err
	}
	if last == 0 {
		if reason := s.witness.contradicts(0, 0); reason != "" {
			return &DamageError{s.embedded.dir, reason}
		}
	}
	s.kv, err = s.js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket: registryBucket, History: 1, Storage: s.storage, Replicas: s.replicas, Description: "functions and what belongs to them",
	})
	if err != nil {
		return err
	}
	if err := s.load(ctx); err != nil {
		return err
	}
	if reason := s.witness.contradicts(last, len(s.view)); reason != "" {
		return &DamageError{s.embedded.dir, reason}
	}
	s.watching.Go(s.follow)
	return nil
}

// load fills the view from the watch that will keep it up to date.
func (s *Store) load(ctx context.Context) error {
	status, err := s.kv.Status(ctx)
	if err != nil {
		return err
	}
	expected := status.Values() // deleted keys leave a marker each
	if s.watcher, err = s.kv.WatchAll(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	for count := uint64(0); ; count++ {
		select {
		case entry, open := <-s.watcher.Updates():
			switch {
			case !open:
				return errors.New("the connection to the store broke while the registry was being read")
			case entry != nil:
				s.apply(entry)
				continue
			}
			if count < expected && s.embedded != nil && s.embedded.dir != "" {
				return &DamageError{s.embedded.dir, fmt.Sprintf("%d of %d records can't be read", expected-count, expected)}
			}
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// follow applies updates until the watch is stopped.
func (s *Store) follow() {
	for entry := range s.watcher.Updates() {
		if entry != nil {
			s.apply(entry)
		}
	}
}

func (s *Store) apply(e jetstream.KeyValueEntry) {
	if e.Operation() == jetstream.KeyValuePut {
		s.put(Record{e.Key(), e.Value(), e.Revision()})
		return
	}
	s.drop(e.Key(), e.Revision())
}

func (s *Store) put(r Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Revision > s.view[r.Key].Revision && r.Revision > s.gone[r.Key] {
		s.view[r.Key] = r
		s.changes++
		delete(s.gone, r.Key)
	}
}

func (s *Store) drop(key string, revision uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if revision > s.view[key].Revision {
		delete(s.view, key)
		s.changes++
		s.gone[key] = max(s.gone[key], revision)
	}
}

// Close closes the store; what was acknowledged is on disk.
func (s *Store) Close() {
	if s.watcher != nil {
		s.watcher.Stop()
	}
	if s.nc != nil {
		s.nc.Close()
	}
	s.watching.Wait()
	if s.embedded != nil {
		s.embedded.stop()
	}
	s.witness.close()
}

// Get returns a record from memory. The value must not be modified.
func (s *Store) Get(key string) (Record, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	r, ok := s.view[key]
	return r, ok
}

// Revision grows whenever a record changes.
func (s *Store) Revision() uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.changes
}

// List returns the records whose keys begin with prefix, in the order of their
// keys.
func (s *Store) List(prefix string) []Record {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var found []Record
	for _, key := range slices.Sorted(maps.Keys(s.view)) {
		if strings.HasPrefix(key, prefix) {
			found = append(found, s.view[key])
		}
	}
	return found
}

// Create writes a record that is not there yet, or returns ErrExists.
func (s *Store) Create(ctx context.Context, key string, value []byte) (uint64, error) {
	revision, err := s.kv.Create(ctx, key, value)
	if errors.Is(err, jetstream.ErrKeyExists) {
		return 0, ErrExists
	}
	return s.written(Record{key, value, revision}, err)
}

// Update replaces a record that is at revision, or returns ErrConflict.
func (s *Store) Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	fresh, err := s.kv.Update(ctx, key, value, revision)
	if errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
		return 0, ErrConflict
	}
	return s.written(Record{key, value, fresh}, err)
}

func (s *Store) written(r Record, err error) (uint64, error) {
	if err != nil {
		return 0, fmt.Errorf("write of %s: %w", r.Key, err)
	}
	s.writes.Lock()
	defer s.writes.Unlock()
	s.put(r)
	return r.Revision, s.witness.saw(r.Revision, s.size())
}

// Delete removes a record that is at revision, or returns ErrConflict.
func (s *Store) Delete(ctx context.Context, key string, revision uint64) error {
	err := s.kv.Delete(ctx, key, jetstream.LastRevision(revision))
	if errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
		return ErrConflict
	}
	if err != nil {
		return fmt.Errorf("delete of %s: %w", key, err)
	}
	// The marker's own revision is not told; nothing below the next one is newer.
	s.writes.Lock()
	defer s.writes.Unlock()
	s.drop(key, revision+1)
	if s.witness == nil {
		return nil
	}
	stream, err := s.js.Stream(ctx, "KV_"+registryBucket)
	if err != nil {
		return fmt.Errorf("delete of %s: %w", key, err)
	}
	return s.witness.saw(stream.CachedInfo().State.LastSeq, s.size())
}

func (s *Store) size() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.view)
}
