package sluice

import "time"

// Summary is a Record as it is written in JSON, wherever that is: times are
// milliseconds, sizes bytes unless they say MB.
type Summary struct {
	RequestID    string     `json:"requestId"`
	Function     string     `json:"function"`
	Version      string     `json:"version"`
	Stream       string     `json:"stream"`
	Mode         InvokeMode `json:"mode"`
	InitMs       float64    `json:"initMs"`
	FirstByteMs  float64    `json:"firstByteMs"`
	DurationMs   float64    `json:"durationMs"`
	BilledMs     float64    `json:"billedMs"`
	MemoryMB     int        `json:"memoryMB"`
	MaxMemoryMB  int        `json:"maxMemoryMB"`
	Bytes        int64      `json:"bytes"`
	PastBurst    int64      `json:"pastBurst"`
	ThrottledMs  float64    `json:"throttledMs"`
	Chunks       int64      `json:"chunks"`
	LargestGapMs float64    `json:"largestGapMs"`
	Ending       Ending     `json:"ending"`
	// Account is on whose account it did not end well.
	Account   Account `json:"account"`
	ErrorType string  `json:"errorType"`
}

// Summary returns the record's.
func (r *Record) Summary() Summary {
	return Summary{
		r.RequestID, r.Function, r.Version, r.Stream, r.Mode, Millis(r.Init), Millis(r.FirstByte), Millis(r.Duration), Millis(r.Billed),
		r.MemoryMB, r.MaxMemoryMB, r.Bytes, r.PastBurst, Millis(r.Throttled), r.Chunks, Millis(r.LargestGap), r.Ending, r.Ending.Account(), r.ErrorType,
	}
}

// Millis is a duration in milliseconds, in JSON, to the microsecond.
func Millis(d time.Duration) float64 {
	return float64(d.Round(time.Microsecond).Microseconds()) / 1000
}
