package history

import (
	"slices"
	"testing"
)

func FuzzEntry(f *testing.F) {
	whole, err := encode([]Item[string]{{1, "a"}, {2, "b\nc"}, {30, ""}}, "w", 1<<10)
	if err != nil || len(whole) != 1 {
		f.Fatal(whole, err)
	}
	for _, seed := range [][]byte{whole[0], nil, []byte("1"), []byte("1\n2"), []byte("1\n1 x\n"), []byte("x\n"), []byte("1\n\n")} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, entry []byte) {
		items, _ := decode[string](entry, Query{})
		if len(items) == 0 {
			return
		}
		again, err := encode(items, "w", 1<<30)
		if err != nil || len(again) != 1 {
			t.Fatalf("%v %v", again, err)
		}
		if back, whole := decode[string](again[0], Query{}); !whole || !slices.Equal(back, items) {
			t.Errorf("%v is not %v, %v", back, items, whole)
		}
		if first, writer, ok := firstOf(again[0]); !ok || first != items[0].Number || writer != "w" {
			t.Errorf("%d %s %v", first, writer, ok)
		}
	})
}

func TestEntriesAreCutBySize(t *testing.T) {
	var items []Item[string]
	for i := range 100 {
		items = append(items, Item[string]{uint64(i + 1), "0123456789"})
	}
	entries, err := encode(items, "w", 200)
	if err != nil {
		t.Fatal(err)
	}
	var back []Item[string]
	for _, entry := range entries {
		if len(entry) > 250 {
			t.Errorf("%d bytes", len(entry))
		}
		decoded, whole := decode[string](entry, Query{})
		if !whole {
			t.Fatalf("%s", entry)
		}
		back = append(back, decoded...)
	}
	if len(entries) < 5 || !slices.Equal(back, items) {
		t.Errorf("%d entries, %v", len(entries), back)
	}
}
