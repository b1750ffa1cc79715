package main

import (
	"io"
	"sync"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/sluice-run/sluice/internal/terminal"
)

// progress draws a bar for each upload.
type progress struct {
	// bars are nil when nothing is drawn.
	bars *mpb.Progress

	mu     sync.Mutex
	byName map[string]*mpb.Bar
}

// newProgress draws on w, if at all.
func newProgress(w io.Writer, draw bool) *progress {
	p := &progress{byName: map[string]*mpb.Bar{}}
	if draw {
		p.bars = mpb.New(mpb.WithOutput(w), mpb.WithWidth(40))
	}
	return p
}

// uploading tells that done of total bytes of name are on their way.
func (p *progress) uploading(name string, done, total int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bars == nil {
		return
	}
	bar := p.byName[name]
	if bar == nil {
		bar = p.bars.AddBar(total,
			mpb.PrependDecorators(decor.Name("  upload    "+name+" ")),
			mpb.AppendDecorators(decor.CountersKibiByte(" % .1f / % .1f")))
		p.byName[name] = bar
	}
	bar.SetCurrent(done)
}

// beside is where lines for w are written so that they don't cross the bars.
func (p *progress) beside(w io.Writer) io.Writer {
	if p.bars != nil && terminal.IsTerminal(w) {
		return p.bars
	}
	return w
}

// close leaves the bars as they are, and draws no more.
func (p *progress) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bars == nil {
		return
	}
	for _, bar := range p.byName {
		bar.Abort(false) // has no effect on those that are complete
	}
	p.bars.Wait()
	p.bars = nil
}
