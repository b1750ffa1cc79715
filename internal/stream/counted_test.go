package stream

import (
	"io"
	"testing"

	sluice "github.com/sluice-run/sluice"
)

func TestCountedIsCountedBeforeTheEndIsSeen(t *testing.T) {
	var meter sluice.Meter
	var atEnd int64
	body := newScript("ab", "", "cde")
	_, err := io.ReadAll(Counted(readerFunc(func(p []byte) (int, error) {
		n, err := body.Read(p)
		if err == io.EOF {
			atEnd = meter.Bytes.Load()
		}
		return n, err
	}), &meter))
	if err != nil || atEnd != 5 || meter.Chunks.Load() != 1 {
		t.Errorf("%d bytes at the end, %d chunks, %v", atEnd, meter.Chunks.Load(), err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
