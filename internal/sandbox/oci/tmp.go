//go:build linux

package oci

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// tmpImage is the file system of a /tmp: a sparse file behind a loop device, so that its
// size holds and its content is not memory. The device goes with its last user.
type tmpImage struct{ device *os.File }

// imageName is the file's name in Spec.Tmp. It outlives containers, and with it what is
// in /tmp.
const imageName = "image"

// attach makes the file system, unless there is one, and returns a device with it.
func (t *tmpImage) attach(dir string, megabytes int) (device string, err error) {
	path := filepath.Join(dir, imageName)
	if _, err := os.Stat(path); err != nil {
		if err := makeImage(path, megabytes); err != nil {
			os.Remove(path)
			return "", err
		}
	}
	image, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return "", err
	}
	defer image.Close()
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return "", err
	}
	defer control.Close()
	for range 100 { // somebody else may take the free one first
		number, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return "", fmt.Errorf("free loop device: %w", err)
		}
		device := "/dev/loop" + strconv.Itoa(number)
		f, err := os.OpenFile(device, os.O_RDWR, 0)
		if err != nil {
			return "", err
		}
		config := unix.LoopConfig{Fd: uint32(image.Fd()), Info: unix.LoopInfo64{Flags: unix.LO_FLAGS_AUTOCLEAR}}
		if err := unix.IoctlLoopConfigure(int(f.Fd()), &config); err == nil {
			t.device = f
			return device, nil
		}
		f.Close()
	}
	return "", fmt.Errorf("no loop device is free")
}

func makeImage(path string, megabytes int) error {
	mkfs, err := exec.LookPath("mkfs.ext4")
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Truncate(int64(megabytes) << 20); err != nil {
		return err
	}
	owner := fmt.Sprintf("root_owner=%d:%d,lazy_itable_init=1,nodiscard", userID, groupID)
	if said, err := exec.Command(mkfs, "-q", "-F", "-m", "0", "-O", "^has_journal", "-E", owner, path).CombinedOutput(); err != nil {
		return fmt.Errorf("mkfs.ext4: %w: %s", err, lastLine(string(said)))
	}
	return nil
}

func (t *tmpImage) close() {
	if t.device != nil {
		t.device.Close()
		t.device = nil
	}
}
