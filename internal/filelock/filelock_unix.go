//go:build unix

package filelock

import (
	"os"

	"golang.org/x/sys/unix"
)

// Take takes an exclusive lock on the file at path, which it makes if there is none. The lock
// ends when the file is closed, at the latest with the process. A file that somebody else
// has locked is an error at once.
func Take(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}
