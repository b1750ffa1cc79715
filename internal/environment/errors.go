package environment

import "errors"

// ErrRetired says that a pool has been replaced; the caller looks the function
// up again.
var ErrRetired = errors.New("pool is retired")
