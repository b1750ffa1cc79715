package environment

import (
	"encoding/binary"
	"time"
)

// Frames on the telemetry descriptor: 4-byte type, 4-byte length, 8-byte
// timestamp in microseconds, payload, all big endian
// (docs/contract/node-runtime.md §6).
const (
	frameHead = 16
	// frameBase is the part of the type that all frames share.
	frameBase = 0xa55a0000
	// frameHint marks our own runtimes' hints.
	frameHint = 0xa55a0103
	// maxFrame bounds a frame; a larger one is not a frame.
	maxFrame = 16 << 20
)

// frame is one event of the log channel.
type frame struct {
	hint    bool
	level   string
	time    time.Time
	payload []byte
}

var frameLevels = map[uint32]string{
	0x04: "TRACE", 0x08: "DEBUG", 0x0c: "INFO", 0x10: "WARN", 0x14: "ERROR", 0x18: "FATAL",
}

// nextFrame cuts the first frame off data. n is its length, 0 if it has not
// arrived in full; ok is false if data does not start with a frame.
func nextFrame(data []byte) (f frame, n int, ok bool) {
	if len(data) < 4 {
		return f, 0, true
	}
	kind := binary.BigEndian.Uint32(data)
	if kind&0xffff0000 != frameBase {
		return f, 0, false
	}
	if len(data) < frameHead {
		return f, 0, true
	}
	size := binary.BigEndian.Uint32(data[4:])
	if size > maxFrame {
		return f, 0, false
	}
	if len(data) < frameHead+int(size) {
		return f, 0, true
	}
	f.hint = kind == frameHint
	f.level = frameLevels[kind&0x1c]
	f.time = time.UnixMicro(int64(binary.BigEndian.Uint64(data[8:])))
	f.payload = data[frameHead : frameHead+int(size)]
	return f, frameHead + int(size), true
}
