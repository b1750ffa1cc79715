package dev

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/bundle"
	"github.com/sluice-run/sluice/internal/environment"
	"github.com/sluice-run/sluice/internal/runtimes"
	"github.com/sluice-run/sluice/internal/terminal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newTarget makes a target with that build; it is retired with the test.
func newTarget(t *testing.T, build func(context.Context) (*environment.Pool, error)) *target {
	t.Helper()
	report := terminal.New(io.Discard, terminal.Options{})
	f := &target{name: "f", report: report, build: build}
	t.Cleanup(func() {
		f.Retire()
		if err := f.Wait(t.Context()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
		f.Kill()
		report.Close()
	})
	return f
}

func pool() *environment.Pool {
	return environment.NewPool(&environment.Host{Quotas: sluice.DefaultQuotas}, sluice.Function{Name: "f"}, environment.Runtime{})
}

func TestCodeIsBuiltOnceUntilItChanges(t *testing.T) {
	builds := 0
	f := newTarget(t, func(context.Context) (*environment.Pool, error) { builds++; return pool(), nil })
	first, _ := f.Pool(t.Context(), "")
	again, _ := f.Pool(t.Context(), "")
	if first != again || builds != 1 {
		t.Errorf("%d builds for two requests", builds)
	}
	f.invalidate("index.mjs")
	fresh, _ := f.Pool(t.Context(), "")
	if fresh == first || builds != 2 {
		t.Errorf("%d builds after a change", builds)
	}
	select {
	case <-first.Gone():
	case <-time.After(10 * time.Second):
		t.Error("the old pool was not retired")
	}
}

func TestAChangeDuringABuildStartsItOver(t *testing.T) {
	var builds atomic.Int32
	begun, proceed := make(chan bool, 2), make(chan bool)
	f := newTarget(t, func(context.Context) (*environment.Pool, error) {
		builds.Add(1)
		begun <- true
		<-proceed
		return pool(), nil
	})
	f.refresh()
	<-begun
	f.invalidate("index.mjs")
	proceed <- true
	<-begun
	proceed <- true
	if _, err := f.Pool(t.Context(), ""); err != nil || builds.Load() != 2 {
		t.Errorf("%d builds, %v", builds.Load(), err)
	}
}

func TestABrokenBuildIsAnsweredAndHeals(t *testing.T) {
	broken := true
	f := newTarget(t, func(context.Context) (*environment.Pool, error) {
		if broken {
			return nil, errors.New("app.ts:1:1: no")
		}
		return pool(), nil
	})
	_, err := f.Pool(t.Context(), "")
	var refused *sluice.Error
	if !errors.As(err, &refused) || refused.Status != 502 || !strings.Contains(refused.Message, "app.ts:1:1") {
		t.Errorf("%v", err)
	}
	broken = false
	if _, err := f.Pool(t.Context(), ""); err == nil {
		t.Error("it was built again although nothing changed")
	}
	f.invalidate("app.ts")
	if _, err := f.Pool(t.Context(), ""); err != nil {
		t.Error(err)
	}
}

func TestAMissingRuntimeIsLookedForAgain(t *testing.T) {
	for want, reason := range map[string]error{
		"sluice runtimes install nodejs22.x": &runtimes.MissingError{Runtime: "nodejs22.x"},
		"npm ci":                             &bundle.Failure{Diagnostics: []string{"run npm ci"}, Uninstalled: true},
	} {
		missing := reason
		f := newTarget(t, func(context.Context) (*environment.Pool, error) {
			if missing != nil {
				return nil, missing
			}
			return pool(), nil
		})
		var log bytes.Buffer
		f.report = terminal.New(&log, terminal.Options{JSON: true})
		if _, err := f.Pool(t.Context(), ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v", err)
		}
		missing = nil
		if _, err := f.Pool(t.Context(), ""); err != nil {
			t.Errorf("after it was installed: %v", err)
		}
		f.Retire()
		if err := f.Wait(t.Context()); err != nil {
			t.Error(err)
		}
		f.report.Close()
		healed := struct{ TookMs float64 }{}
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
		if err := json.Unmarshal([]byte(lines[len(lines)-1]), &healed); err != nil || !strings.Contains(lines[len(lines)-1], "buildHealed") || healed.TookMs < 0 || healed.TookMs > 60_000 {
			t.Errorf("%v %s", err, log.String())
		}
	}
}

func TestACallerThatLeavesDoesNotWaitForABuild(t *testing.T) {
	proceed := make(chan bool)
	f := newTarget(t, func(context.Context) (*environment.Pool, error) { <-proceed; return pool(), nil })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Pool(ctx, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	close(proceed)
}

func TestARetiredTargetRefuses(t *testing.T) {
	f := newTarget(t, func(context.Context) (*environment.Pool, error) { return pool(), nil })
	f.Pool(t.Context(), "")
	f.Retire()
	if _, err := f.Pool(t.Context(), ""); err == nil || sluice.AsError(err).Code != "ServiceUnavailableException" {
		t.Errorf("%v", err)
	}
}
