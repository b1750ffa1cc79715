package stream

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sluice "github.com/sluice-run/sluice"
)

// source yields n bytes, as much at a time as it is asked for.
type source struct {
	left   int64
	closed error
}

func (s *source) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), s.left)
	s.left -= n
	return int(n), nil
}

func (s *source) Pending() bool { return true }

func (s *source) Close(cause error) { s.closed = cause }

func drain(t *testing.T, l *Limiter, size int) (total int64, err error) {
	t.Helper()
	p := make([]byte, size)
	for {
		n, err := l.Read(p)
		total += int64(n)
		if err != nil {
			return total, err
		}
	}
}

func TestPayloadQuotaIsExact(t *testing.T) {
	const quota = 1000
	for _, c := range []struct {
		name       string
		sent, want int64
		oversized  bool
		quota      int64
	}{
		{"one byte below", quota - 1, quota - 1, false, quota},
		{"exactly the quota is complete", quota, quota, false, quota},
		{"one byte over", quota + 1, quota, true, quota},
		{"far over", 50 * quota, quota, true, quota},
		{"nothing", 0, 0, false, quota},
		{"zero lifts the quota", 50 * quota, 50 * quota, false, 0},
	} {
		for _, size := range []int{1, 7, 1000, 4096} {
			t.Run(c.name, func(t *testing.T) {
				var meter sluice.Meter
				body := &source{left: c.sent}
				l := NewLimiter(t.Context(), body, Limits{Payload: c.quota}, &meter)
				got, err := drain(t, l, size)
				if got != c.want || meter.Bytes.Load() != c.want {
					t.Errorf("delivered %d, metered %d, want %d", got, meter.Bytes.Load(), c.want)
				}
				var broken *sluice.StreamError
				if c.oversized {
					if !errors.As(err, &broken) || broken.Ending != sluice.EndingOversized || broken.Type != "Function.ResponseSizeTooLarge" {
						t.Errorf("ended with %v", err)
					}
					if body.closed != sluice.ErrOversized {
						t.Errorf("the body was closed with %v", body.closed)
					}
				} else if err != io.EOF {
					t.Errorf("ended with %v, want EOF", err)
				}
				if _, again := l.Read(make([]byte, 1)); again != err {
					t.Errorf("the end changed from %v to %v", err, again)
				}
			})
		}
	}
}

func TestAnEmptyReadIsNotAnEnd(t *testing.T) {
	var meter sluice.Meter
	l := NewLimiter(t.Context(), newScript("ab", "", "", "c"), Limits{Payload: 3}, &meter)
	if got, err := io.ReadAll(l); string(got) != "abc" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if n := meter.Chunks.Load(); n != 2 {
		t.Errorf("%d chunks, want 2", n)
	}
}

func TestErrorsOfTheBodyArePassedOn(t *testing.T) {
	for _, withLast := range []bool{false, true} {
		body := newScript("abc")
		body.withLast = withLast
		body.end = &sluice.StreamError{Ending: sluice.EndingTimeout, Type: "Sandbox.Timedout"}
		var meter sluice.Meter
		got, err := io.ReadAll(NewLimiter(t.Context(), body, Limits{Payload: 3, Burst: 1000, Rate: 1}, &meter))
		if string(got) != "abc" || err != body.end {
			t.Errorf("got %q, %v", got, err)
		}
	}
}

func TestBytesAfterTheBurstFlowAtTheRate(t *testing.T) { // docs/contract/runtime-api.md §4.4
	synctest.Test(t, func(t *testing.T) {
		var meter sluice.Meter
		limits := LimitsOf(sluice.DefaultQuotas())
		l := NewLimiter(t.Context(), &source{left: 8 * sluice.MB}, limits, &meter)
		start := time.Now()
		var burstDone time.Duration
		var longest time.Duration
		last := start
		p := make([]byte, 64<<10)
		for total := int64(0); ; {
			n, err := l.Read(p)
			if err != nil {
				break
			}
			now := time.Now()
			total += int64(n)
			if total <= limits.Burst {
				burstDone = now.Sub(start)
			}
			longest = max(longest, now.Sub(last))
			last = now
			// At no time more than the burst and what has flowed in since.
			if allowed := float64(limits.Burst) + now.Sub(start).Seconds()*float64(limits.Rate) + 1; float64(total) > allowed {
				t.Fatalf("%d bytes after %v, allowed are %.0f", total, now.Sub(start), allowed)
			}
		}
		took := time.Since(start)
		if burstDone != 0 {
			t.Errorf("the burst took %v", burstDone)
		}
		if took < 999*time.Millisecond || took > 1001*time.Millisecond {
			t.Errorf("2 MB after the burst took %v, want 1 s", took)
		}
		if longest > 100*time.Millisecond {
			t.Errorf("bytes were held back for %v", longest)
		}
		if got := meter.PastBurst.Load(); got != 2*sluice.MB {
			t.Errorf("%d bytes past the burst, want 2 MB", got)
		}
		if got := time.Duration(meter.Throttled.Load()); got != took {
			t.Errorf("throttled for %v of %v", got, took)
		}
		if at := time.Unix(0, meter.ThrottledAt.Load()); !at.Equal(start) { // the burst took no time
			t.Errorf("first throttled at %v, began at %v", at, start)
		}
	})
}

func TestAPauseRefillsTheBurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var meter sluice.Meter
		body := &source{left: 6 * sluice.MB}
		l := NewLimiter(t.Context(), body, LimitsOf(sluice.DefaultQuotas()), &meter)
		drain(t, l, 64<<10)
		l.err = nil
		time.Sleep(time.Second) // 2 MB flow in
		body.left = 2 * sluice.MB
		start := time.Now()
		drain(t, l, 64<<10)
		if took := time.Since(start); took > time.Millisecond || meter.ThrottledAt.Load() != 0 {
			t.Errorf("2 MB after a second's pause took %v", took)
		}
		l.err = nil
		time.Sleep(time.Hour)
		body.left = 7 * sluice.MB
		start = time.Now()
		drain(t, l, 64<<10)
		if took := time.Since(start); took < 450*time.Millisecond {
			t.Errorf("7 MB after an hour took %v: the bucket holds 6 MB", took)
		}
	})
}

func TestRateZeroLiftsPacing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var meter sluice.Meter
		start := time.Now()
		if n, err := drain(t, NewLimiter(t.Context(), &source{left: 7 * sluice.MB}, Limits{Burst: 10}, &meter), 64<<10); n != 7*sluice.MB || err != io.EOF {
			t.Errorf("%d, %v", n, err)
		}
		if time.Since(start) != 0 {
			t.Error("still paces")
		}
		if got := meter.PastBurst.Load(); got != sluice.MB {
			t.Errorf("%d bytes past the burst, want 1 MB: the bill does not depend on the pace", got)
		}
	})
}

func TestBurstZeroPacesFromTheFirstByte(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var meter sluice.Meter
		start := time.Now()
		drain(t, NewLimiter(t.Context(), &source{left: 1000}, Limits{Rate: 1000}, &meter), 4096)
		if took := time.Since(start); took < 990*time.Millisecond || took > 1010*time.Millisecond {
			t.Errorf("1000 bytes at 1000 B/s took %v", took)
		}
		if got := meter.PastBurst.Load(); got != 0 {
			t.Errorf("%d bytes past the burst: AWS would charge for none", got)
		}
	})
}

func TestASmallBurstKeepsTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var meter sluice.Meter
		start := time.Now()
		drain(t, NewLimiter(t.Context(), &source{left: 1001}, Limits{Burst: 1, Rate: 1000}, &meter), 4096)
		if took := time.Since(start); took < 990*time.Millisecond || took > 1010*time.Millisecond {
			t.Errorf("1000 bytes at 1000 B/s took %v", took)
		}
	})
}

func TestCloseEndsAPacingWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var meter sluice.Meter
		body := &source{left: 1 << 20}
		l := NewLimiter(t.Context(), body, Limits{Burst: 1, Rate: 1}, &meter)
		l.Read(make([]byte, 1))
		done := make(chan error)
		go func() {
			_, err := l.Read(make([]byte, 100))
			done <- err
		}()
		synctest.Wait()
		start := time.Now()
		l.Close(sluice.ErrClientGone)
		l.Close(sluice.ErrMalformed) // does nothing
		if err := <-done; err != sluice.ErrClientGone {
			t.Errorf("Read returned %v", err)
		}
		if time.Since(start) != 0 {
			t.Error("the wait went on")
		}
		if _, err := l.Read(make([]byte, 1)); err != sluice.ErrClientGone {
			t.Errorf("a later Read returned %v", err)
		}
	})
}

func TestTheContextEndsAPacingWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		cause := errors.New("server stops")
		var meter sluice.Meter
		l := NewLimiter(ctx, &source{left: 1 << 20}, Limits{Burst: 1, Rate: 1}, &meter)
		l.Read(make([]byte, 1))
		time.AfterFunc(time.Millisecond, func() { cancel(cause) })
		start := time.Now()
		if _, err := l.Read(make([]byte, 100)); err != cause {
			t.Errorf("Read returned %v", err)
		}
		if time.Since(start) != time.Millisecond {
			t.Error("the wait went on")
		}
	})
}

func TestPendingIsFalseBeforeAPacingWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var meter sluice.Meter
		l := NewLimiter(t.Context(), &source{left: 1 << 20}, Limits{Burst: 10000, Rate: 10000}, &meter)
		if !l.Pending() {
			t.Error("not pending though the burst is full")
		}
		l.Read(make([]byte, 10000))
		if l.Pending() {
			t.Error("pending though the next Read waits for bandwidth")
		}
	})
}

func TestLimiterAllocatesNothingPerChunk(t *testing.T) {
	var meter sluice.Meter
	for name, limits := range map[string]Limits{
		"unpaced": {Payload: 1 << 60, Burst: 1 << 50, Rate: 1 << 50},
		"paced":   {Payload: 1 << 60, Burst: 1, Rate: 1 << 40},
	} {
		l := NewLimiter(t.Context(), &source{left: 1 << 60}, limits, &meter)
		p := make([]byte, 32<<10)
		l.Read(p)
		if n := testing.AllocsPerRun(100, func() {
			l.Read(p)
			l.Pending()
		}); n != 0 {
			t.Errorf("%s: %v allocations a chunk", name, n)
		}
	}
}

func TestOversizeMessageNamesTheQuota(t *testing.T) {
	var meter sluice.Meter
	_, err := drain(t, NewLimiter(t.Context(), &source{left: 20}, Limits{Payload: 10}, &meter), 4)
	if !strings.Contains(err.Error(), "(10 bytes)") {
		t.Error(err)
	}
}

func BenchmarkLimiter(b *testing.B) {
	for name, limits := range map[string]Limits{
		"lifted": {},
		"quota":  {Payload: 1 << 60},
		"burst":  {Payload: 1 << 60, Burst: 1 << 60, Rate: 2 * sluice.MB},
	} {
		b.Run(name, func(b *testing.B) {
			var meter sluice.Meter
			l := NewLimiter(b.Context(), &source{left: 1 << 60}, limits, &meter)
			p := make([]byte, 64<<10)
			b.SetBytes(int64(len(p)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := l.Read(p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
