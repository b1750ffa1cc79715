//go:build linux

package oci

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// message is what host and guest say to each other, one in a packet. Files travel beside
// it.
type message struct {
	// Op is what the host wants: "start", "signal" or "dial". The guest says "ready",
	// "exited", or answers with the ID of the request and no Op.
	Op string `json:",omitempty"`
	ID int    `json:",omitempty"`

	Args []string `json:",omitempty"`
	Dir  string   `json:",omitempty"`
	Env  []string `json:",omitempty"`
	// Process is the request that started it.
	Process int `json:",omitempty"`
	Signal  int `json:",omitempty"`
	Port    int `json:",omitempty"`

	// Exit is how a process ended, in Go's words.
	Exit string `json:",omitempty"`
	// Error says why a request failed, Kind which platform error that is.
	Error string `json:",omitempty"`
	Kind  string `json:",omitempty"`
}

const (
	// maxMessage bounds a packet: a command's environment has a few KB.
	maxMessage = 128 << 10
	// maxPassed bounds the files that travel with one.
	maxPassed = 16
)

// send writes a packet.
func send(fd int, m message, files ...int) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if len(text) > maxMessage {
		return fmt.Errorf("arguments and environment take %d bytes; at most %d are possible", len(text), maxMessage)
	}
	var rights []byte
	if len(files) > 0 {
		rights = unix.UnixRights(files...)
	}
	for {
		err := unix.Sendmsg(fd, text, rights, nil, unix.MSG_NOSIGNAL)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// receive reads a packet. The caller owns the files.
func receive(fd int, buf []byte) (m message, files []*os.File, err error) {
	rights := make([]byte, unix.CmsgSpace(maxPassed*4))
	var n, rn, flags int
	for {
		n, rn, flags, _, err = unix.Recvmsg(fd, buf, rights, unix.MSG_CMSG_CLOEXEC)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		return m, nil, err
	}
	if control, err := unix.ParseSocketControlMessage(rights[:rn]); err == nil {
		for _, c := range control {
			fds, _ := unix.ParseUnixRights(&c)
			for _, fd := range fds {
				files = append(files, os.NewFile(uintptr(fd), "passed"))
			}
		}
	}
	switch {
	case n == 0:
		err = errors.New("the other side is gone")
	case flags&(unix.MSG_TRUNC|unix.MSG_CTRUNC) != 0:
		err = errors.New("the message is too long")
	default:
		err = json.Unmarshal(buf[:n], &m)
	}
	if err != nil {
		closeAll(files)
		files = nil
	}
	return m, files, err
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}
