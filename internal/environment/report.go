package environment

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	sluice "github.com/sluice-run/sluice"
)

// platformLog writes the platform's lines of one environment, as text or JSON
// (docs/contract/execution-environment.md §3).
type platformLog struct {
	fn     sluice.Function
	stream string
	// out receives finished lines.
	out func(sluice.LogLine)
}

func (p *platformLog) line(requestID, text string) {
	p.out(sluice.LogLine{
		Time: time.Now(), Function: p.fn.Name, Stream: p.stream,
		RequestID: requestID, Source: sluice.SourcePlatform, Text: text,
	})
}

// record writes a JSON platform event.
func (p *platformLog) record(requestID, kind string, record map[string]any) {
	data, err := json.Marshal(map[string]any{
		"time": time.Now().UTC().Format("2006-01-02T15:04:05.000Z"), "type": "platform." + kind, "record": record,
	})
	if err == nil {
		p.line(requestID, string(data))
	}
}

// quiet tells that SystemLogLevel WARN hides what is not a failure.
func (p *platformLog) quiet() bool {
	return p.fn.Logging.JSON && strings.EqualFold(p.fn.Logging.SystemLevel, "WARN")
}

func (p *platformLog) initStart(version, phase string) {
	switch {
	case p.quiet():
	case p.fn.Logging.JSON:
		p.record("", "initStart", map[string]any{
			"initializationType": "on-demand", "phase": phase, "runtimeVersion": version,
			"functionName": p.fn.Name, "functionVersion": p.fn.Version,
		})
	case phase == phaseInit:
		p.line("", "INIT_START Runtime Version: "+version)
	}
}

// initReport is written when an INIT failed.
func (p *platformLog) initReport(took time.Duration, phase, status, errorType string) {
	if p.fn.Logging.JSON {
		record := map[string]any{
			"initializationType": "on-demand", "phase": phase, "status": status,
			"metrics": map[string]any{"durationMs": milliseconds(took)},
		}
		if errorType != "" {
			record["errorType"] = errorType
		}
		p.record("", "initReport", record)
		return
	}
	text := fmt.Sprintf("INIT_REPORT Init Duration: %.2f ms\tPhase: %s\tStatus: %s", milliseconds(took), phase, status)
	if errorType != "" {
		text += "\tError Type: " + errorType
	}
	p.line("", text)
}

func (p *platformLog) start(requestID string) {
	switch {
	case p.quiet():
	case p.fn.Logging.JSON:
		p.record(requestID, "start", map[string]any{"requestId": requestID, "version": p.fn.Version})
	default:
		p.line(requestID, "START RequestId: "+requestID+" Version: "+p.fn.Version)
	}
}

// report writes END and REPORT. status is "success", "error" or "timeout".
func (p *platformLog) report(r *sluice.Record, status string) {
	if p.fn.Logging.JSON {
		p.reportJSON(r, status)
		return
	}
	p.line(r.RequestID, "END RequestId: "+r.RequestID)
	var b strings.Builder
	fmt.Fprintf(&b, "REPORT RequestId: %s\tDuration: %.2f ms\tBilled Duration: %d ms\tMemory Size: %d MB\tMax Memory Used: %d MB\t",
		r.RequestID, milliseconds(r.Duration), r.Billed.Milliseconds(), r.MemoryMB, r.MaxMemoryMB)
	if r.Init > 0 {
		fmt.Fprintf(&b, "Init Duration: %.2f ms\t", milliseconds(r.Init))
	}
	switch status {
	case statusTimeout:
		b.WriteString("Status: timeout")
	case statusError:
		b.WriteString("Status: error\tError Type: " + r.ErrorType)
	}
	p.line(r.RequestID, b.String())
}

func (p *platformLog) reportJSON(r *sluice.Record, status string) {
	if status == statusSuccess && p.quiet() {
		return
	}
	done := map[string]any{
		"requestId": r.RequestID, "status": status,
		"metrics": map[string]any{"durationMs": milliseconds(r.Duration), "producedBytes": r.Bytes},
		"spans":   spans(r),
	}
	metrics := map[string]any{
		"durationMs": milliseconds(r.Duration), "billedDurationMs": r.Billed.Milliseconds(),
		"memorySizeMB": r.MemoryMB, "maxMemoryUsedMB": r.MaxMemoryMB,
	}
	if r.Init > 0 {
		metrics["initDurationMs"] = milliseconds(r.Init)
	}
	report := map[string]any{"requestId": r.RequestID, "status": status, "metrics": metrics}
	if status == statusError {
		done["errorType"], report["errorType"] = r.ErrorType, r.ErrorType
	}
	if strings.EqualFold(p.fn.Logging.SystemLevel, "DEBUG") {
		p.record(r.RequestID, "runtimeDone", done)
	}
	p.record(r.RequestID, "report", report)
}

func spans(r *sluice.Record) []map[string]any {
	start := r.Time.UTC().Format("2006-01-02T15:04:05.000Z")
	if r.FirstByte == 0 {
		return nil
	}
	return []map[string]any{
		{"name": "responseLatency", "start": start, "durationMs": milliseconds(r.FirstByte)},
		{"name": "responseDuration", "start": r.Time.Add(r.FirstByte).UTC().Format("2006-01-02T15:04:05.000Z"), "durationMs": milliseconds(r.Duration - r.FirstByte)},
	}
}

// milliseconds rounds to the two decimals AWS prints.
func milliseconds(d time.Duration) float64 {
	return math.Round(d.Seconds()*1e5) / 100
}

// billed rounds up to a millisecond.
func billed(d time.Duration) time.Duration {
	return (d + time.Millisecond - 1).Truncate(time.Millisecond)
}

const (
	statusSuccess = "success"
	statusError   = "error"
	statusTimeout = "timeout"

	phaseInit   = "init"
	phaseInvoke = "invoke"
)
