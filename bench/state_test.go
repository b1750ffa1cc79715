package bench

import (
	"fmt"
	"testing"

	"github.com/sluice-run/sluice/internal/registry"
	"github.com/sluice-run/sluice/internal/store"
)

// BenchmarkOpenState is the start of a server with 1,000 functions: the state is
// opened, checked and read.
func BenchmarkOpenState(b *testing.B) {
	const functions = 1000
	dir := b.TempDir()
	open := func() (*store.Store, *registry.Registry) {
		s, err := store.Open(b.Context(), store.Options{Dir: dir})
		if err != nil {
			b.Fatal(err)
		}
		return s, registry.New(s)
	}
	s, r := open()
	for i := range functions {
		f := &registry.Function{Name: fmt.Sprint("function-", i), Latest: registry.Version{
			Number: "$LATEST", Runtime: "nodejs22.x", Handler: "index.handler", Architectures: []string{"x86_64"},
			Environment: map[string]string{"TABLE": "orders", "STAGE": "production"},
		}}
		if err := r.Create(b.Context(), f); err != nil {
			b.Fatal(err)
		}
	}
	s.Close()
	for b.Loop() {
		s, r := open()
		all, err := r.Functions()
		if err != nil || len(all) != functions {
			b.Fatalf("%d functions, %v", len(all), err)
		}
		s.Close()
	}
}

// BenchmarkWriteState is one acknowledged change of a function, on disk.
func BenchmarkWriteState(b *testing.B) {
	s, err := store.Open(b.Context(), store.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	r := registry.New(s)
	if err := r.Create(b.Context(), &registry.Function{Name: "fn"}); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Edit(b.Context(), "fn", func(f *registry.Function) error { f.LastVersion++; return nil }); err != nil {
			b.Fatal(err)
		}
	}
}
