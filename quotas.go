package sluice

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// MB is Lambda's megabyte: 1024 x 1024 bytes.
const MB = 1 << 20

// PayloadSlack is what Lambda allows on top of its 6 MB payload limits
// (docs/contract/runtime-api.md §2.1: 6291556 bytes).
const PayloadSlack = 100

// UnbilledStream is the part of a streamed response that AWS doesn't charge for: what
// Lambda lets flow unpaced, whatever Quotas.StreamBurst is here.
const UnbilledStream = 6 * MB

// Quotas are Lambda's limits as dials. Sizes are bytes; zero lifts a limit.
type Quotas struct {
	// StreamedPayload bounds a streamed response.
	StreamedPayload int64
	// StreamBurst is the part of a streamed response that flows unpaced. Zero
	// paces from the first byte; it is StreamRate that lifts the pacing.
	StreamBurst int64
	// StreamRate is the bytes per second after the burst.
	StreamRate int64
	// BufferedPayload bounds a buffered response, without PayloadSlack.
	BufferedPayload int64
	// RequestPayload bounds the event, without PayloadSlack.
	RequestPayload int64
	// Concurrency bounds the account's concurrent invocations.
	Concurrency int
}

// DefaultQuotas returns AWS's limits as they were published with response
// streaming (docs/contract/function-url.md §4.4, docs/contract/runtime-api.md §4.4).
func DefaultQuotas() Quotas {
	return Quotas{
		StreamedPayload: 20 * MB,
		StreamBurst:     6 * MB,
		StreamRate:      2 * MB,
		BufferedPayload: 6 * MB,
		RequestPayload:  6 * MB,
		Concurrency:     1000,
	}
}

// ParseSize reads a byte count such as "200MB", "64KB", "1.5GB" or "4096". Units
// are powers of 1024, any case, with or without "i" and "B". "0" lifts a limit.
func ParseSize(s string) (int64, error) {
	text := strings.ToUpper(strings.TrimSpace(s))
	number := strings.TrimRight(text, "KMGTIB ")
	factor := 1.0
	switch strings.TrimSuffix(strings.TrimSuffix(strings.TrimSpace(text[len(number):]), "B"), "I") {
	case "":
	case "K":
		factor = 1 << 10
	case "M":
		factor = 1 << 20
	case "G":
		factor = 1 << 30
	case "T":
		factor = 1 << 40
	default:
		return 0, fmt.Errorf("size %q: unknown unit; write a number of bytes, KB, MB or GB, such as 200MB", s)
	}
	v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil || v < 0 || v*factor > math.MaxInt64/2 || v != v {
		return 0, fmt.Errorf("size %q: write a number of bytes, KB, MB or GB, such as 200MB, or 0 to lift the limit", s)
	}
	if v > 0 && v*factor < 1 {
		return 0, fmt.Errorf("size %q is less than one byte; write 0 to lift the limit", s)
	}
	return int64(v * factor), nil
}

// FormatSize writes n the way ParseSize reads it, in the largest unit that
// keeps it exact.
func FormatSize(n int64) string {
	for _, u := range []struct {
		size int64
		name string
	}{{1 << 30, "GB"}, {1 << 20, "MB"}, {1 << 10, "KB"}} {
		if n >= u.size && n%u.size == 0 {
			return strconv.FormatInt(n/u.size, 10) + u.name
		}
	}
	return strconv.FormatInt(n, 10)
}
