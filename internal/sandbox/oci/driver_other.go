//go:build !linux

package oci

import (
	"context"
	"errors"

	"github.com/sluice-run/sluice/internal/sandbox"
)

// Driver runs containers, on Linux only.
type Driver struct{ sandbox.Driver }

// New fails: containers need Linux.
func New(context.Context, Options) (*Driver, error) { return nil, errors.New("containers need Linux") }

// Runtime is never called.
func (*Driver) Runtime() string { return "" }
