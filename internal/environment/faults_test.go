package environment

import (
	"strings"
	"testing"
	"time"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/sandbox/process"
	"github.com/sluice-run/sluice/internal/sandbox/sandboxtest"
)

// faulty is a harness whose sandboxes fail when they are told to.
func faulty(t *testing.T) (*harness, *sandboxtest.Faulty) {
	driver := sandboxtest.NewFaulty(process.New())
	h := newHarness(t, func(_ *sluice.Function, host *Host) { host.Driver = driver })
	t.Cleanup(func() {
		h.pool.Kill()
		if n := driver.Sandboxes(); n != 0 {
			t.Errorf("%d sandboxes were never closed", n)
		}
	})
	return h, driver
}

func (h *harness) works() {
	h.t.Helper()
	if fe, body, err := h.call(`{"do":"echo","text":"fine"}`); !strings.HasPrefix(body, "fine ") || fe != "" || err != nil {
		h.t.Errorf("afterwards: %s %q %v", fe, body, err)
	}
	h.record()
}

func TestASandboxThatDoesNotOpen(t *testing.T) {
	h, driver := faulty(t)
	driver.FailOpens(2) // INIT, and once more within the invocation
	if fe, body, _ := h.call(`{"do":"echo"}`); fe != "Sandbox.Failure" || !strings.Contains(body, sandboxtest.ErrInjected.Error()) {
		t.Errorf("%s %s", fe, body)
	}
	if r := h.record(); r.Ending != sluice.EndingFault {
		t.Errorf("%+v", r)
	}
	h.works()
	h, driver = faulty(t)
	driver.FailOpens(1)
	h.works() // INIT is tried again within the invocation
}

func TestACommandThatDoesNotStart(t *testing.T) {
	h, driver := faulty(t)
	driver.FailStarts(2)
	if fe, _, _ := h.call(`{"do":"echo"}`); fe != "Sandbox.Failure" {
		t.Errorf("%s", fe)
	}
	h.record()
	h.works()
}

func TestARuntimeThatDiesWheneverItStarts(t *testing.T) {
	h, driver := faulty(t)
	driver.KillStarted(2)
	if fe, body, _ := h.call(`{"do":"echo"}`); fe != "Runtime.ExitError" || !strings.Contains(body, "signal: killed") {
		t.Errorf("%s %s", fe, body)
	}
	h.record()
	h.works()
}

func TestProcessesThatAreKilledFromOutside(t *testing.T) {
	h, driver := faulty(t)
	h.works()
	driver.CutAll()
	for driver.Sandboxes() > 0 { // once the end of an idle runtime was noticed, the next invocation does not suffer
		time.Sleep(time.Millisecond)
	}
	h.works()
	resp := h.invoke(`{"do":"stream-hang"}`)
	buf := make([]byte, 4)
	if n, err := resp.Body.Read(buf); string(buf[:n]) != "part" {
		t.Fatalf("%q %v", buf[:n], err)
	}
	driver.CutAll()
	if _, err := resp.Body.Read(buf); err == nil || err.Error() == "EOF" {
		t.Errorf("a broken stream ends with %v", err)
	}
	if r := h.record(); r.Ending != sluice.EndingExit || r.ErrorType != "Runtime.ExitError" {
		t.Errorf("%+v", r)
	}
	h.works()
}
