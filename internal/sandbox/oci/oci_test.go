//go:build linux

package oci

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/sluice-run/sluice/internal/sandbox/sandboxtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// driver returns one that works here. CI has root and an OCI runtime, and demands it.
func driver(t *testing.T) *Driver {
	t.Helper()
	dir := sandboxtest.Folder(t, nil)
	d, err := New(t.Context(), Options{Dir: dir})
	if err != nil {
		if os.Getenv("SLUICE_TEST_OCI") != "" {
			t.Fatal(err)
		}
		t.Skipf("no containers on this machine: %v", err)
	}
	return d
}

func TestConformance(t *testing.T) { sandboxtest.Test(t, driver(t)) }
