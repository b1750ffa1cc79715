package records

import (
	"encoding/json"
	"net/http/httptest"
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

// newest asks for records of a function, of all for "".
func newest(t *testing.T, b *Book, function string, most int) (found []Record) {
	t.Helper()
	w := httptest.NewRecorder()
	b.answerInvocations(w, httptest.NewRequest("GET", InvocationsPath+"?function="+function+"&limit="+strconv.Itoa(most), nil))
	if err := json.Unmarshal(w.Body.Bytes(), &found); err != nil || w.Code != 200 {
		t.Fatalf("%d %s %v", w.Code, w.Body, err)
	}
	return found
}

func TestTheNewestRecordsAreKept(t *testing.T) {
	b := New(nobody{}, pricing.Published())
	total := capacity + 10
	for i := range total {
		b.Invoked(sluice.Record{RequestID: strconv.Itoa(i), Function: []string{"even", "odd"}[i%2], Billed: time.Second, MemoryMB: 1024, Architecture: "x86_64"})
	}
	all := newest(t, b, "", capacity)
	if len(all) != capacity || all[0].RequestID != strconv.Itoa(total-1) || all[capacity-1].RequestID != "10" {
		t.Errorf("%d records, %s to %s", len(all), all[0].RequestID, all[len(all)-1].RequestID)
	}
	odd := newest(t, b, "odd", 2)
	if len(odd) != 2 || odd[0].RequestID != strconv.Itoa(total-1) || odd[1].RequestID != strconv.Itoa(total-3) {
		t.Errorf("%+v", odd)
	}
	if none := newest(t, b, "other", 5); none == nil || len(none) != 0 {
		t.Errorf("%+v", none)
	}
	if u := b.usage["even"]; u.Invocations != int64(total/2) || u.GBSeconds != float64(total/2) { // sums hold all
		t.Errorf("%+v", u)
	}
}

func TestAFreshBookHasWhatThereIs(t *testing.T) {
	b := New(nobody{}, pricing.Published())
	if got := newest(t, b, "", 5); len(got) != 0 {
		t.Errorf("%+v", got)
	}
	for i := range 3 {
		b.Invoked(sluice.Record{RequestID: strconv.Itoa(i)})
	}
	if got := newest(t, b, "", 5); len(got) != 3 || got[0].RequestID != "2" || got[2].RequestID != "0" {
		t.Errorf("%+v", got)
	}
}
