// Package history keeps what happened, in the order in which it did: the newest in
// memory, and with a journal more of it on disk.
package history

import (
	"sync"
	"time"
)

// backlog is how many items a follower may be behind before it misses some.
const backlog = 1_000

// Item is something that happened.
type Item[T any] struct {
	// Number grows from item to item: it is the time of the item in nanoseconds, or a
	// little more. A server never gives one twice.
	Number uint64
	Value  T
}

// Number is what an item of a time has at least.
func Number(t time.Time) uint64 { return uint64(max(t.UnixNano(), 0)) }

// Options bound a log.
type Options[T any] struct {
	// Items and Bytes bound what is in memory; Size is how much of them a value takes.
	Items int
	Bytes int64
	Size  func(*T) int64
}

// Log is a history of one kind of items. It is safe for concurrent use.
type Log[T any] struct {
	o Options[T]

	mu sync.Mutex
	// ring holds count items from start on; bytes is how much they take.
	ring         []Item[T]
	start, count int
	bytes        int64
	last         uint64
	followers    map[chan Item[T]]bool

	// keeper writes to disk; nil in memory.
	keeper *keeper[T]
}

// New returns an empty log in memory.
func New[T any](o Options[T]) *Log[T] {
	return &Log[T]{o: o, followers: map[chan Item[T]]bool{}}
}

// Add adds what has just happened. It does not wait: a follower that is too slow misses
// it, and a disk that is too slow does too.
func (l *Log[T]) Add(value T) Item[T] {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = max(l.last+1, Number(time.Now()))
	item := Item[T]{l.last, value}
	l.push(item)
	l.tell(item)
	if l.keeper != nil {
		l.keeper.take(item)
	}
	return item
}

// tell hands an item to the followers; l.mu is held.
func (l *Log[T]) tell(item Item[T]) {
	for follower := range l.followers {
		select {
		case follower <- item:
		default:
		}
	}
}

// insert puts an item of another server in its place among ours.
func (l *Log[T]) insert(item Item[T]) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.push(item)
	for i := l.count - 1; i > 0 && l.at(i).Number < l.at(i-1).Number; i-- {
		*l.at(i), *l.at(i - 1) = *l.at(i - 1), *l.at(i)
	}
	l.tell(item)
}

// push puts an item behind the newest, and the oldest out; l.mu is held.
func (l *Log[T]) push(item Item[T]) {
	size := l.o.Size(&item.Value)
	for l.count > 0 && (l.count == l.o.Items || l.bytes+size > l.o.Bytes) {
		oldest := &l.ring[l.start]
		l.bytes -= l.o.Size(&oldest.Value)
		*oldest = Item[T]{} // what it holds can go
		l.start = (l.start + 1) % len(l.ring)
		l.count--
	}
	if l.count == len(l.ring) {
		l.grow()
	}
	l.ring[(l.start+l.count)%len(l.ring)] = item
	l.count++
	l.bytes += size
}

// grow doubles the ring; l.mu is held.
func (l *Log[T]) grow() {
	ring := make([]Item[T], min(max(2*len(l.ring), 64), l.o.Items))
	for i := range l.count {
		ring[i] = *l.at(i)
	}
	l.ring, l.start = ring, 0
}

// at is the i-th item of those in memory, from the oldest on; l.mu is held.
func (l *Log[T]) at(i int) *Item[T] { return &l.ring[(l.start+i)%len(l.ring)] }

// Follow hands on what is added after the item with the number that it returns, until
// leave is called.
func (l *Log[T]) Follow() (items <-chan Item[T], after uint64, leave func()) {
	follower := make(chan Item[T], backlog)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.followers[follower] = true
	return follower, l.last, func() {
		l.mu.Lock()
		delete(l.followers, follower)
		l.mu.Unlock()
	}
}
