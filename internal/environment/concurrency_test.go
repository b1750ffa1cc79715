package environment

import (
	"errors"
	"testing"

	sluice "github.com/sluice-run/sluice"
)

func reason(err error) string {
	var refused *sluice.Error
	if !errors.As(err, &refused) || refused.Status != 429 {
		return ""
	}
	return refused.Reason
}

func TestInvocationsPerSecondAreTenTimesTheConcurrency(t *testing.T) { // docs/contract/invoke-api.md §2.3
	limit := 2
	for kind, c := range map[string]*Concurrency{sluice.ThrottleReservedRate: NewReservation(&limit), sluice.ThrottleAccountRate: newAccount(limit)} {
		began := 0
		for range 100 {
			if err := c.take(); err != nil {
				if reason(err) != kind {
					t.Errorf("%v, expected %s", err, kind)
				}
				break
			}
			c.leave()
			began++
		}
		if began < 20 || began > 40 { // a slow machine lets some more through
			t.Errorf("%s after %d invocations", kind, began)
		}
	}
}

func TestARefusedInvocationTakesNoPlace(t *testing.T) {
	limit := 1
	c := NewReservation(&limit)
	if err := c.take(); err != nil {
		t.Fatal(err)
	}
	if got := reason(c.take()); got != sluice.ThrottleReserved {
		t.Errorf("%q", got)
	}
	c.leave()
	if err := c.take(); err != nil {
		t.Error(err)
	}
	c.Set(nil)
	for range 1000 {
		if err := c.take(); err != nil {
			t.Fatal(err)
		}
	}
	if err := newAccount(0).take(); err != nil {
		t.Errorf("0 lifts the limit: %v", err)
	}
}
