// Package storetest is what every kind of store has to pass: embedded in memory,
// embedded with files, and an external server.
package storetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/sluice-run/sluice/internal/store"
)

// Run tests the stores that open opens. With reopen a store that was closed is
// opened again, nil where nothing survives.
func Run(t *testing.T, open func(t *testing.T) *store.Store, reopen func(t *testing.T) *store.Store) {
	ctx := context.Background()
	t.Run("records", func(t *testing.T) {
		s := open(t)
		defer s.Close()
		first, err := s.Create(ctx, "function.a", []byte("1"))
		if err != nil {
			t.Fatal(err)
		}
		if r, ok := s.Get("function.a"); !ok || string(r.Value) != "1" || r.Revision != first {
			t.Errorf("read back %+v %v", r, ok)
		}
		if _, err := s.Create(ctx, "function.a", []byte("x")); !errors.Is(err, store.ErrExists) {
			t.Errorf("second Create: %v", err)
		}
		second, err := s.Update(ctx, "function.a", []byte("2"), first)
		if err != nil || second <= first {
			t.Fatalf("Update: %d %v", second, err)
		}
		if _, err := s.Update(ctx, "function.a", []byte("3"), first); !errors.Is(err, store.ErrConflict) {
			t.Errorf("stale Update: %v", err)
		}
		if err := s.Delete(ctx, "function.a", first); !errors.Is(err, store.ErrConflict) {
			t.Errorf("stale Delete: %v", err)
		}
		if _, err := s.Update(ctx, "function.none", []byte("x"), 1); !errors.Is(err, store.ErrConflict) {
			t.Errorf("Update of nothing: %v", err)
		}
		if err := s.Delete(ctx, "function.a", second); err != nil {
			t.Error(err)
		}
		if r, ok := s.Get("function.a"); ok {
			t.Errorf("after Delete: %+v", r)
		}
		third, err := s.Create(ctx, "function.a", []byte("4"))
		if r, ok := s.Get("function.a"); err != nil || !ok || string(r.Value) != "4" || third <= second {
			t.Errorf("created again: %+v %v", r, err)
		}
		time.Sleep(50 * time.Millisecond) // the watch comes behind
		if r, ok := s.Get("function.a"); !ok || string(r.Value) != "4" {
			t.Errorf("the watch undid it: %+v", r)
		}
	})
	t.Run("list", func(t *testing.T) {
		s := open(t)
		defer s.Close()
		for _, key := range []string{"list.b", "list.a", "other.c", "list.c"} {
			if _, err := s.Create(ctx, key, nil); err != nil {
				t.Fatal(err)
			}
		}
		keys := ""
		for _, r := range s.List("list.") {
			keys += r.Key + " "
		}
		if keys != "list.a list.b list.c " {
			t.Errorf("%q", keys)
		}
	})
	t.Run("concurrent writers", func(t *testing.T) {
		s := open(t)
		defer s.Close()
		if _, err := s.Create(ctx, "counter.n", []byte("0")); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for done := 0; done < 10; {
					r, _ := s.Get("counter.n")
					n, _ := strconv.Atoi(string(r.Value))
					_, err := s.Update(ctx, "counter.n", []byte(strconv.Itoa(n+1)), r.Revision)
					switch {
					case err == nil:
						done++
					case !errors.Is(err, store.ErrConflict):
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		if r, _ := s.Get("counter.n"); string(r.Value) != "80" {
			t.Errorf("80 increments made %s", r.Value)
		}
	})
	t.Run("packages", func(t *testing.T) {
		s := open(t)
		defer s.Close()
		data := bytes.Repeat([]byte("zip!"), 1<<18)
		sum, err := s.PutPackage(ctx, bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if again, err := s.PutPackage(ctx, bytes.NewReader(data)); again != sum || err != nil {
			t.Errorf("%s %v", again, err)
		}
		if got := read(t, s, sum); !bytes.Equal(got, data) {
			t.Errorf("%d bytes came back of %d", len(got), len(data))
		}
		if _, err := s.Package(ctx, "0000"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("unknown package: %v", err)
		}
		other, err := s.PutPackage(ctx, bytes.NewReader([]byte("other")))
		if err != nil {
			t.Fatal(err)
		}
		if n, err := s.KeepPackages(ctx, time.Now().Add(-time.Minute), func(string) bool { return false }); n != 0 || err != nil {
			t.Errorf("%d young packages were deleted, %v", n, err)
		}
		if n, err := s.KeepPackages(ctx, time.Now(), func(name string) bool { return name != other }); n != 1 || err != nil {
			t.Errorf("%d deleted, %v", n, err)
		}
		if _, err := s.Package(ctx, other); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("deleted package: %v", err)
		}
		read(t, s, sum)
	})
	t.Run("journal", func(t *testing.T) {
		s := open(t)
		defer s.Close()
		j, err := s.Journal(ctx, "test", time.Hour, 32<<20)
		if err != nil {
			t.Fatal(err)
		}
		if oldest, newest, err := j.Bounds(ctx); err != nil || newest >= oldest {
			t.Errorf("an empty one has %d to %d, %v", oldest, newest, err)
		}
		for i := range 3 {
			if n, err := j.Append(ctx, []byte{byte(i)}); err != nil || n != uint64(i+1) {
				t.Fatalf("%d %v", n, err)
			}
		}
		if oldest, newest, err := j.Bounds(ctx); err != nil || oldest != 1 || newest != 3 {
			t.Errorf("%d to %d, %v", oldest, newest, err)
		}
		if data, err := j.Read(ctx, 2); err != nil || !bytes.Equal(data, []byte{1}) {
			t.Errorf("%v %v", data, err)
		}
		if _, err := j.Read(ctx, 4); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("an entry that is not there: %v", err)
		}
		for from, want := range map[uint64]uint64{0: 1, 1: 1, 3: 3} {
			if data, at, err := j.Next(ctx, from); err != nil || at != want || !bytes.Equal(data, []byte{byte(want - 1)}) {
				t.Errorf("from %d on: %d %v %v", from, at, data, err)
			}
		}
		if _, _, err := j.Next(ctx, 4); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("behind the newest: %v", err)
		}
		if _, err := j.Append(ctx, make([]byte, 2<<20)); !errors.Is(err, store.ErrTooLarge) {
			t.Errorf("a large entry: %v", err)
		}
		// Another size is that of the same journal, which forgets what is too much.
		if j, err = s.Journal(ctx, "test", time.Hour, 2<<20); err != nil {
			t.Fatal(err)
		}
		entry := make([]byte, 100<<10)
		for range 25 {
			rand.Read(entry)
			if _, err := j.Append(ctx, entry); err != nil {
				t.Fatal(err)
			}
		}
		if oldest, newest, err := j.Bounds(ctx); err != nil || newest != 28 || oldest < 7 || oldest > 14 {
			t.Errorf("%d to %d, %v", oldest, newest, err)
		} else if _, at, err := j.Next(ctx, 1); err != nil || at != oldest {
			t.Errorf("from the first on: %d, %v", at, err)
		}
	})
	if reopen == nil {
		return
	}
	t.Run("survives", func(t *testing.T) {
		s := open(t)
		kept, err := s.Create(ctx, "kept.a", []byte("1"))
		if err != nil {
			t.Fatal(err)
		}
		dropped, _ := s.Create(ctx, "kept.b", []byte("2"))
		if err := s.Delete(ctx, "kept.b", dropped); err != nil {
			t.Fatal(err)
		}
		sum, err := s.PutPackage(ctx, bytes.NewReader([]byte("code")))
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
		s = reopen(t)
		defer s.Close()
		if r, ok := s.Get("kept.a"); !ok || string(r.Value) != "1" || r.Revision != kept {
			t.Errorf("%+v %v", r, ok)
		}
		if r, ok := s.Get("kept.b"); ok {
			t.Errorf("deleted, and back: %+v", r)
		}
		if got := read(t, s, sum); string(got) != "code" {
			t.Errorf("%q", got)
		}
		if _, err := s.Update(ctx, "kept.a", []byte("3"), kept); err != nil {
			t.Errorf("the revision does not survive: %v", err)
		}
	})
}

func read(t *testing.T, s *store.Store, sum string) []byte {
	t.Helper()
	r, err := s.Package(context.Background(), sum)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
