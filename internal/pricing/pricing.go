// Package pricing estimates what AWS would charge for an invocation.
package pricing

import (
	"bytes"
	_ "embed"
	"fmt"
	"os"

	"go.yaml.in/yaml/v4"

	sluice "github.com/sluice-run/sluice"
)

//go:embed aws.yaml
var published []byte

// Table is a price list, in US dollars.
type Table struct {
	// Region and Date say what the prices are of.
	Region string `yaml:"region"`
	Date   string `yaml:"date"`
	// Requests is the price of a million requests.
	Requests float64 `yaml:"requests"`
	// Duration is the price of a GB-second by architecture.
	Duration map[string]float64 `yaml:"duration"`
	// EphemeralStorage is the price of a GB-second of /tmp beyond 512 MB.
	EphemeralStorage float64 `yaml:"ephemeralStorage"`
	// StreamedBytes is the price of a GB of a streamed response beyond
	// sluice.UnbilledStream.
	StreamedBytes float64 `yaml:"streamedBytes"`
}

// Published returns AWS's public prices.
func Published() *Table {
	t, err := parse(published)
	if err != nil {
		panic(err) // the embedded file is ours, and a test reads it
	}
	return t
}

// Load reads a price list from a file; "" is AWS's public one.
func Load(file string) (*Table, error) {
	if file == "" {
		return Published(), nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("prices: %w", err)
	}
	t, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("prices: %s: %w", file, err)
	}
	return t, nil
}

func parse(text []byte) (*Table, error) {
	t := &Table{}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(t); err != nil {
		return nil, err
	}
	for _, p := range []float64{t.Requests, t.EphemeralStorage, t.StreamedBytes, t.Duration["x86_64"], t.Duration["arm64"]} {
		if p < 0 {
			return nil, fmt.Errorf("a price is negative: %g", p)
		}
	}
	return t, nil
}

const gb = 1 << 30

// Cost estimates the price of an invocation.
func (t *Table) Cost(r *sluice.Record) float64 {
	seconds := r.Billed.Seconds()
	cost := t.Requests/1e6 + GBSeconds(r)*t.Duration[r.Architecture]
	if extra := r.EphemeralStorageMB - sluice.DefaultEphemeralStorageMB; extra > 0 {
		cost += float64(extra) / 1024 * seconds * t.EphemeralStorage
	}
	if r.Mode == sluice.ResponseStream {
		cost += float64(r.PastBurst) / gb * t.StreamedBytes
	}
	return cost
}

// GBSeconds is the memory of an invocation over its billed duration.
func GBSeconds(r *sluice.Record) float64 {
	return float64(r.MemoryMB) / 1024 * r.Billed.Seconds()
}
