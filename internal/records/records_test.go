package records

import (
	"strconv"
	"testing"
	"time"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/pricing"
)

type nobody struct{}

func (nobody) Log(sluice.LogLine)     {}
func (nobody) Invoked(sluice.Record)  {}
func (nobody) Answered(sluice.Access) {}

func TestTheNewestRecordsAreKept(t *testing.T) {
	b := New(nobody{}, pricing.Published())
	total := capacity + 10
	for i := range total {
		b.Invoked(sluice.Record{RequestID: strconv.Itoa(i), Function: []string{"even", "odd"}[i%2], Billed: time.Second, MemoryMB: 1024, Architecture: "x86_64"})
	}
	all := b.newest("", total)
	if len(all) != capacity || all[0].RequestID != strconv.Itoa(total-1) || all[capacity-1].RequestID != "10" {
		t.Errorf("%d records, %s to %s", len(all), all[0].RequestID, all[len(all)-1].RequestID)
	}
	odd := b.newest("odd", 2)
	if len(odd) != 2 || odd[0].RequestID != strconv.Itoa(total-1) || odd[1].RequestID != strconv.Itoa(total-3) {
		t.Errorf("%+v", odd)
	}
	if none := b.newest("other", 5); none == nil || len(none) != 0 {
		t.Errorf("%+v", none)
	}
	if u := b.usage["even"]; u.Invocations != int64(total/2) || u.GBSeconds != float64(total/2) { // sums hold all
		t.Errorf("%+v", u)
	}
}

func TestAFreshBookHasWhatThereIs(t *testing.T) {
	b := New(nobody{}, pricing.Published())
	if got := b.newest("", 5); len(got) != 0 {
		t.Errorf("%+v", got)
	}
	for i := range 3 {
		b.Invoked(sluice.Record{RequestID: strconv.Itoa(i)})
	}
	if got := b.newest("", 5); len(got) != 3 || got[0].RequestID != "2" || got[2].RequestID != "0" {
		t.Errorf("%+v", got)
	}
}
