package stream

import (
	"io"

	sluice "github.com/sluice-run/sluice"
)

// Counted returns a reader of a response that is not streamed, which meter counts as
// one delivery. Bytes count as they are read and not once all are there: the
// invocation's record is made when the runtime is done, which the end of body tells it.
// Error documents are not to be counted; the platform may have made them.
func Counted(body io.Reader, meter *sluice.Meter) io.Reader { return &counted{body, meter} }

type counted struct {
	body  io.Reader
	meter *sluice.Meter
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.body.Read(p)
	if n > 0 {
		c.meter.Bytes.Add(int64(n))
		c.meter.Chunks.Store(1)
	}
	return n, err
}
