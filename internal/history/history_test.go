package history_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sluice-run/sluice/internal/history"
	"github.com/sluice-run/sluice/internal/store"
	"github.com/sluice-run/sluice/internal/store/storetest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// The server library keeps one for the life of the process.
		goleak.IgnoreTopFunction("github.com/nats-io/nats-server/v2/server.init.0.func1"))
}

func newLog(items int) *history.Log[string] {
	return history.New(history.Options[string]{Items: items, Bytes: 1 << 20, Size: func(s *string) int64 { return int64(len(*s)) }})
}

// kept is a log with a journal in a folder, and how to close both.
func kept(t *testing.T, dir string, items int) (*history.Log[string], func()) {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	journal, err := s.Journal(t.Context(), "test", time.Hour, 64<<20)
	if err != nil {
		t.Fatal(err)
	}
	l := newLog(items)
	if err := l.Keep(t.Context(), journal, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	return l, sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		l.Close(ctx)
		s.Close()
	})
}

func add(l *history.Log[string], from, to int) {
	for i := from; i < to; i++ {
		l.Add("item " + strconv.Itoa(i))
	}
}

// backward and forward read everything that a query wants.
func backward(t *testing.T, l *history.Log[string], q history.Query) []history.Item[string] {
	t.Helper()
	var all []history.Item[string]
	for item, err := range l.Backward(t.Context(), q) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, item)
	}
	return all
}

func forward(t *testing.T, l *history.Log[string], q history.Query) []history.Item[string] {
	t.Helper()
	var all []history.Item[string]
	for item, err := range l.Forward(t.Context(), q) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, item)
	}
	return all
}

// check tells that items are those from one to another, in order.
func check(t *testing.T, what string, items []history.Item[string], from, to int) {
	t.Helper()
	if len(items) != to-from {
		t.Fatalf("%s: %d items, not %d", what, len(items), to-from)
	}
	for i, item := range items {
		if item.Value != "item "+strconv.Itoa(from+i) || i > 0 && item.Number <= items[i-1].Number {
			t.Fatalf("%s: item %d is %+v", what, i, item)
		}
	}
}

func reversed(items []history.Item[string]) []history.Item[string] {
	slices.Reverse(items)
	return items
}

func TestTheNewestAreInMemory(t *testing.T) {
	for _, n := range []int{0, 1, 63, 64, 65, 500, 999, 1000, 1001, 2500} {
		l := newLog(1000)
		add(l, 0, n)
		check(t, "forward", forward(t, l, history.Query{}), max(0, n-1000), n)
		check(t, "backward", reversed(backward(t, l, history.Query{})), max(0, n-1000), n)
	}
}

func TestBytesBoundTheMemory(t *testing.T) {
	l := newLog(1000)
	l.Add("first")
	l.Add(strings.Repeat("x", 1<<20-5))
	if all := forward(t, l, history.Query{}); len(all) != 2 {
		t.Errorf("%d items", len(all))
	}
	l.Add("y")
	if all := forward(t, l, history.Query{}); len(all) != 2 || all[1].Value != "y" {
		t.Errorf("%d items", len(all))
	}
	l.Add(strings.Repeat("z", 2<<20))
	if all := forward(t, l, history.Query{}); len(all) != 1 {
		t.Errorf("%d items", len(all))
	}
}

func TestWhatIsAskedForIsRead(t *testing.T) {
	dir := t.TempDir()
	l, done := kept(t, dir, 100)
	add(l, 0, 1000)
	done()
	l, done = kept(t, dir, 100)
	defer done()
	all := forward(t, l, history.Query{})
	check(t, "all", all, 0, 1000)
	for _, bounds := range [][2]int{{0, 1000}, {0, 1}, {5, 6}, {10, 950}, {899, 901}, {950, 1000}, {999, 1000}, {500, 500}} {
		q := history.Query{From: all[bounds[0]].Number, Before: all[bounds[1]-1].Number + 1}
		if bounds[0] == bounds[1] {
			q.Before = q.From
		}
		check(t, "forward", forward(t, l, q), bounds[0], bounds[1])
		check(t, "backward", reversed(backward(t, l, q)), bounds[0], bounds[1])
	}
	// One that is enough ends the reading, in memory and on disk.
	for _, most := range []int{1, 100, 101, 300} {
		n := 0
		for range l.Backward(t.Context(), history.Query{}) {
			if n++; n == most {
				break
			}
		}
		if n != most {
			t.Errorf("%d items", n)
		}
	}
	hinted := backward(t, l, history.Query{Hint: "item 77", Before: all[500].Number})
	check(t, "hinted", hinted, 77, 78)
}

func TestHistorySurvivesARestart(t *testing.T) {
	dir := t.TempDir()
	for round := range 3 {
		l, done := kept(t, dir, 50)
		check(t, "before", forward(t, l, history.Query{}), 0, round*400)
		add(l, round*400, (round+1)*400)
		_, after, leave := l.Follow()
		leave()
		if newest := backward(t, l, history.Query{}); newest[0].Number != after {
			t.Errorf("the newest is %d, not %d", after, newest[0].Number)
		}
		done()
	}
}

func TestFollowersMissNothingInBetween(t *testing.T) {
	l := newLog(10_000)
	var adding sync.WaitGroup
	defer adding.Wait()
	adding.Go(func() { add(l, 0, 900) })
	items, after, leave := l.Follow()
	defer leave()
	all := forward(t, l, history.Query{Before: after + 1})
	for len(all) < 900 {
		all = append(all, <-items)
	}
	check(t, "followed", all, 0, 900)
}

func TestOldItemsAreForgotten(t *testing.T) {
	s, err := store.Open(t.Context(), store.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	journal, err := s.Journal(t.Context(), "test", time.Hour, 600<<10)
	if err != nil {
		t.Fatal(err)
	}
	l := history.New(history.Options[string]{Items: 10, Bytes: 1 << 20, Size: func(s *string) int64 { return int64(len(*s)) }})
	if err := l.Keep(t.Context(), journal, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	padding := strings.Repeat(".", 1000)
	for i := range 3000 {
		l.Add("item " + strconv.Itoa(i) + padding)
	}
	l.Close(t.Context())
	all := forward(t, l, history.Query{})
	if len(all) < 300 || len(all) > 700 || !strings.HasPrefix(all[len(all)-1].Value, "item 2999.") {
		t.Errorf("%d items up to %s", len(all), all[len(all)-1].Value[:10])
	}
	if back := backward(t, l, history.Query{}); len(back) != len(all) {
		t.Errorf("%d items backward, %d forward", len(back), len(all))
	}
	if back := backward(t, l, history.Query{From: 1, Before: 2}); len(back) != 0 {
		t.Errorf("%d items", len(back))
	}
}

func TestServersOfOneStoreSeeEachOther(t *testing.T) {
	url := storetest.External(t)
	join := func() (*history.Log[string], func()) {
		s, err := store.Open(t.Context(), store.Options{URL: url})
		if err != nil {
			t.Fatal(err)
		}
		journal, err := s.Journal(t.Context(), "test", time.Hour, 64<<20)
		if err != nil {
			t.Fatal(err)
		}
		l := newLog(100)
		if err := l.Keep(t.Context(), journal, slog.New(slog.DiscardHandler)); err != nil {
			t.Fatal(err)
		}
		return l, sync.OnceFunc(func() { l.Close(t.Context()); s.Close() })
	}
	a, leaveA := join()
	defer leaveA()
	b, leaveB := join()
	defer leaveB()
	seen, _, leave := b.Follow()
	defer leave()
	// In turns, so that both have to put the other's between their own.
	for i := range 30 {
		add([]*history.Log[string]{a, b}[i%2], i, i+1)
	}
	for range 30 {
		<-seen
	}
	check(t, "at b", forward(t, b, history.Query{}), 0, 30)
	leaveA()
	leaveB()
	c, leaveC := join()
	defer leaveC()
	check(t, "later", forward(t, c, history.Query{}), 0, 30)
}

// What can't be read, or is gone, hides neither what is before it nor what is behind it.
func TestOnlyWhatIsDamagedIsMissing(t *testing.T) {
	url := storetest.External(t)
	var said strings.Builder
	open := func() (*history.Log[string], *store.Journal, func()) {
		s, err := store.Open(t.Context(), store.Options{URL: url})
		if err != nil {
			t.Fatal(err)
		}
		journal, err := s.Journal(t.Context(), "test", time.Hour, 64<<20)
		if err != nil {
			t.Fatal(err)
		}
		l := newLog(5)
		if err := l.Keep(t.Context(), journal, slog.New(slog.NewTextHandler(&said, nil))); err != nil {
			t.Fatal(err)
		}
		return l, journal, sync.OnceFunc(func() { l.Close(t.Context()); s.Close() })
	}
	for i := range 8 {
		l, journal, leave := open()
		add(l, 10*i, 10*i+10)
		if i == 5 { // its entry will be lost
			_, newest, err := journal.Bounds(t.Context())
			leave()
			if err != nil {
				t.Fatal(err)
			}
			storetest.Lose(t, url, "test", newest+1)
			continue
		}
		for _, bad := range []string{"", "of another kind", "\xff\xff\n", fmt.Sprintf("%d w\nx \"item 1\"\n1 {\n", time.Now().UnixNano())} {
			if _, err := journal.Append(t.Context(), []byte(bad)); err != nil {
				t.Fatal(err)
			}
		}
		leave()
	}
	said.Reset()
	l, _, leave := open()
	defer leave()
	all := forward(t, l, history.Query{})
	if len(all) != 70 {
		t.Fatalf("%d items", len(all))
	}
	check(t, "before", all[:50], 0, 50)
	check(t, "behind", all[50:], 60, 80)
	if back := reversed(backward(t, l, history.Query{})); !slices.Equal(back, all) {
		t.Errorf("backward: %v", back)
	}
	if some := forward(t, l, history.Query{From: all[45].Number, Before: all[60].Number}); !slices.Equal(some, all[45:60]) {
		t.Errorf("around what is lost: %v", some)
	}
	if some := backward(t, l, history.Query{From: all[45].Number, Before: all[60].Number}); !slices.Equal(reversed(some), all[45:60]) {
		t.Errorf("around what is lost, backward: %v", some)
	}
	if strings.Count(said.String(), "\n") != 1 || !strings.Contains(said.String(), "can't be read") {
		t.Errorf("said %s", said.String())
	}
}

func TestAStoreThatIsAwayHoldsNobodyUp(t *testing.T) {
	s, err := store.Open(t.Context(), store.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	journal, err := s.Journal(t.Context(), "test", time.Hour, 64<<20)
	if err != nil {
		t.Fatal(err)
	}
	l := newLog(1000)
	if err := l.Keep(t.Context(), journal, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	s.Close()
	add(l, 0, 30_000) // more than may wait
	var newest []history.Item[string]
	for item, err := range l.Backward(t.Context(), history.Query{}) {
		if newest = append(newest, item); err != nil || len(newest) == 1000 {
			break
		}
	}
	check(t, "in memory", reversed(newest), 29_000, 30_000)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	l.Close(ctx)
	l.Close(ctx) // once more is nothing
	l.Add("late")
}

func TestReadingEndsWithItsContext(t *testing.T) {
	dir := t.TempDir()
	l, done := kept(t, dir, 10)
	add(l, 0, 100)
	done()
	l, done = kept(t, dir, 10)
	defer done()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var failed error
	for _, failed = range l.Backward(ctx, history.Query{}) {
	}
	if failed == nil {
		t.Error("reading what is on disk went on")
	}
}

func BenchmarkAdd(b *testing.B) {
	l := newLog(10_000)
	b.ReportAllocs()
	for b.Loop() {
		l.Add("item")
	}
}
