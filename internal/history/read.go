package history

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sort"
	"strconv"
	"time"

	"github.com/sluice-run/sluice/internal/store"
)

// page is how many items are copied out of memory at a time.
const page = 256

// disorder is how far items on disk may be from their places: several servers may write
// to one journal, and one that could not for a while does so later.
const disorder = time.Minute

// Query says which items to read.
type Query struct {
	// From is the least number, Before one more than the largest, 0 for no such bound.
	From, Before uint64
	// Hint is text that the JSON of what is looked for holds, "" for none: items on disk
	// that don't hold it may be left out.
	Hint string
}

func (q Query) wants(number uint64) bool {
	return number >= q.From && (q.Before == 0 || number < q.Before)
}

// Backward reads from the newest on. An error is the last of what it yields.
func (l *Log[T]) Backward(ctx context.Context, q Query) iter.Seq2[Item[T], error] {
	return func(yield func(Item[T], error) bool) {
		before := q.Before
		if before == 0 {
			before = ^uint64(0)
		}
		for {
			items, more := l.older(before)
			for _, item := range items {
				if item.Number < q.From || !yield(item, nil) {
					return
				}
				before = item.Number
			}
			if !more {
				break
			}
		}
		if l.keeper == nil {
			return
		}
		q.Before = before
		l.keeper.backward(ctx, q, yield)
	}
}

// older returns some items in memory with numbers below before, newest first, and
// whether there are more.
func (l *Log[T]) older(before uint64) ([]Item[T], bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	end := sort.Search(l.count, func(i int) bool { return l.at(i).Number >= before })
	begin := max(0, end-page)
	items := make([]Item[T], 0, end-begin)
	for i := end - 1; i >= begin; i-- {
		items = append(items, *l.at(i))
	}
	return items, begin > 0
}

// Forward reads from the oldest on. An error is the last of what it yields.
func (l *Log[T]) Forward(ctx context.Context, q Query) iter.Seq2[Item[T], error] {
	return func(yield func(Item[T], error) bool) {
		if l.keeper != nil {
			// What leaves the memory meanwhile is on disk.
			for oldest := l.oldest(); q.From < oldest; oldest = l.oldest() {
				onDisk := q
				if onDisk.Before == 0 || onDisk.Before > oldest {
					onDisk.Before = oldest
				}
				if !l.keeper.forward(ctx, onDisk, yield) {
					return
				}
				q.From = oldest
			}
		}
		for {
			items, more := l.newer(q.From)
			for _, item := range items {
				if !q.wants(item.Number) || !yield(item, nil) {
					return
				}
				q.From = item.Number + 1
			}
			if !more {
				return
			}
		}
	}
}

// oldest is the number of the oldest item in memory, 0 if there is none.
func (l *Log[T]) oldest() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.count == 0 {
		return 0
	}
	return l.at(0).Number
}

// newer returns some items in memory from a number on, oldest first, and whether there
// are more.
func (l *Log[T]) newer(from uint64) ([]Item[T], bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	begin := sort.Search(l.count, func(i int) bool { return l.at(i).Number >= from })
	end := min(l.count, begin+page)
	items := make([]Item[T], 0, end-begin)
	for i := begin; i < end; i++ {
		items = append(items, *l.at(i))
	}
	return items, end < l.count
}

// An entry of the journal is lines: the number of its first item, a space and who wrote
// it, and then for each item its number, a space and the JSON of its value.

// encode makes entries of items, none larger than size bytes unless an item is.
func encode[T any](items []Item[T], writer string, size int) ([][]byte, error) {
	var entries [][]byte
	var entry []byte
	for _, item := range items {
		text, err := json.Marshal(item.Value)
		if err != nil {
			return nil, err
		}
		if entry != nil && len(entry)+len(text) > size {
			entries, entry = append(entries, entry), nil
		}
		if entry == nil {
			entry = fmt.Appendf(nil, "%d %s\n", item.Number, writer)
		}
		entry = append(strconv.AppendUint(entry, item.Number, 10), ' ')
		entry = append(append(entry, text...), '\n')
	}
	if entry != nil {
		entries = append(entries, entry)
	}
	return entries, nil
}

// firstOf is the number of an entry's first item, and who wrote it; not ok if it can't be
// read.
func firstOf(entry []byte) (number uint64, writer string, ok bool) {
	line, _, _ := bytes.Cut(entry, []byte{'\n'})
	text, name, _ := bytes.Cut(line, []byte{' '})
	number, err := strconv.ParseUint(string(text), 10, 64)
	return number, string(name), err == nil
}

// decode returns the items of an entry that a query wants, and whether all of it can be
// read; the rest is left out.
func decode[T any](entry []byte, q Query) (items []Item[T], whole bool) {
	_, _, whole = firstOf(entry)
	_, lines, _ := bytes.Cut(entry, []byte{'\n'})
	hint := []byte(q.Hint)
	for len(lines) > 0 {
		var line []byte
		line, lines, _ = bytes.Cut(lines, []byte{'\n'})
		if !bytes.Contains(line, hint) {
			continue
		}
		number, text, _ := bytes.Cut(line, []byte{' '})
		n, err := strconv.ParseUint(string(number), 10, 64)
		if err != nil {
			whole = false
			continue
		}
		if !q.wants(n) {
			continue
		}
		item := Item[T]{Number: n}
		if err := json.Unmarshal(text, &item.Value); err != nil {
			whole = false
			continue
		}
		items = append(items, item)
	}
	return items, whole
}

// items decodes an entry of the journal, and says once that one can't be read: there is
// more to see before it and behind it.
func (k *keeper[T]) items(entry []byte, q Query) []Item[T] {
	items, whole := decode[T](entry, q)
	if !whole {
		k.damaged.Do(func() {
			k.warn.Warn("a part of the history on disk can't be read, it is left out; is it of another version of Sluice?")
		})
	}
	return items
}

// seek returns the first entry whose first item has at least a number; it may be off by
// what is in disorder.
func (k *keeper[T]) seek(ctx context.Context, oldest, newest, number uint64) (uint64, error) {
	var failed error
	n := sort.Search(int(newest-oldest+1), func(i int) bool {
		// One that is not there, or can't be read, is where the one behind it is.
		for at := oldest + uint64(i); ; at++ {
			entry, found, err := k.journal.Next(ctx, at)
			if err != nil {
				if !errors.Is(err, store.ErrNotFound) {
					failed = err
				}
				return true
			}
			if first, _, ok := firstOf(entry); ok {
				return first >= number
			}
			at = found
		}
	})
	return oldest + uint64(n), failed
}

// backward yields what is on disk, newest first.
func (k *keeper[T]) backward(ctx context.Context, q Query, yield func(Item[T], error) bool) {
	at, oldest, err := k.begin(ctx, q.Before, disorder)
	for ; err == nil && at > oldest; at-- {
		var entry []byte
		entry, err = k.journal.Read(ctx, at-1)
		if errors.Is(err, store.ErrNotFound) {
			oldest, _, err = k.journal.Bounds(ctx) // it may be forgotten meanwhile
			continue
		}
		if err != nil {
			break
		}
		for _, item := range slices.Backward(k.items(entry, q)) {
			if !yield(item, nil) {
				return
			}
		}
		if first, _, ok := firstOf(entry); ok && first+uint64(disorder) < q.From {
			return
		}
	}
	if err != nil {
		yield(Item[T]{}, err)
	}
}

// forward yields what is on disk, oldest first, and reports whether to go on.
func (k *keeper[T]) forward(ctx context.Context, q Query, yield func(Item[T], error) bool) bool {
	at, _, err := k.begin(ctx, q.From, -disorder)
	if at > 1 {
		at-- // its last items may be wanted
	}
	for ; err == nil; at++ {
		var entry []byte
		entry, at, err = k.journal.Next(ctx, at)
		if errors.Is(err, store.ErrNotFound) {
			return true
		}
		if err != nil {
			break
		}
		for _, item := range k.items(entry, q) {
			if !yield(item, nil) {
				return false
			}
		}
		if first, _, ok := firstOf(entry); ok && q.Before > 0 && first > q.Before+uint64(disorder) {
			return true
		}
	}
	yield(Item[T]{}, err)
	return false
}

// begin finds the entry at which to begin, for items around a number.
func (k *keeper[T]) begin(ctx context.Context, number uint64, slack time.Duration) (at, oldest uint64, err error) {
	oldest, newest, err := k.journal.Bounds(ctx)
	if err != nil || newest < oldest {
		return oldest, oldest, err
	}
	if number > ^uint64(0)-uint64(disorder) {
		return newest + 1, oldest, nil
	}
	if slack > 0 {
		number += uint64(slack)
	} else {
		number -= min(number, uint64(-slack))
	}
	at, err = k.seek(ctx, oldest, newest, number)
	return at, oldest, err
}
