package environment

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"time"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/telemetry"
)

// platformLog writes the platform's lines of one environment, as text or JSON
// (docs/contract/execution-environment.md §3).
type platformLog struct {
	fn     sluice.Function
	stream string
	// out receives finished lines.
	out func(sluice.LogLine)
	// hub has the subscribers of the life, nil before the first.
	hub atomic.Pointer[telemetry.Hub]
}

func (p *platformLog) line(requestID, text string) {
	p.out(sluice.LogLine{
		Time: time.Now(), Function: p.fn.Name, Stream: p.stream,
		RequestID: requestID, Source: sluice.SourcePlatform, Text: text,
	})
}

// publish tells subscribers of telemetry what happened.
func (p *platformLog) publish(kind string, record map[string]any) {
	if hub := p.hub.Load(); hub.Active() {
		hub.Publish(telemetry.Event{Time: time.Now(), Type: "platform." + kind, Record: record})
	}
}

// wanted reports whether a record is worth making: for the log, or for subscribers.
func (p *platformLog) wanted() bool { return p.fn.Logging.JSON || p.hub.Load().Active() }

// record tells subscribers of an event, and writes it to a log in JSON.
func (p *platformLog) record(requestID, kind string, record map[string]any, quiet bool) {
	p.publish(kind, record)
	if p.fn.Logging.JSON && !quiet {
		p.jsonLine(requestID, kind, record)
	}
}

func (p *platformLog) jsonLine(requestID, kind string, record map[string]any) {
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
	if p.wanted() {
		p.record("", "initStart", map[string]any{
			"initializationType": "on-demand", "phase": phase, "runtimeVersion": version,
			"functionName": p.fn.Name, "functionVersion": p.fn.Version,
		}, p.quiet())
	}
	if !p.fn.Logging.JSON && phase == phaseInit {
		p.line("", "INIT_START Runtime Version: "+version)
	}
}

// initDone tells subscribers how INIT went, which the log says when it failed only.
func (p *platformLog) initDone(took time.Duration, phase, status, errorType string) {
	if !p.hub.Load().Active() {
		return
	}
	done := map[string]any{"initializationType": "on-demand", "phase": phase, "status": status}
	report := map[string]any{"initializationType": "on-demand", "phase": phase, "status": status, "metrics": map[string]any{"durationMs": milliseconds(took)}}
	if errorType != "" {
		done["errorType"], report["errorType"] = errorType, errorType
	}
	p.publish("initRuntimeDone", done)
	p.publish("initReport", report)
}

// initReport is written when an INIT failed.
func (p *platformLog) initReport(took time.Duration, phase, status, errorType string) {
	p.initDone(took, phase, status, errorType)
	if p.fn.Logging.JSON {
		record := map[string]any{
			"initializationType": "on-demand", "phase": phase, "status": status,
			"metrics": map[string]any{"durationMs": milliseconds(took)},
		}
		if errorType != "" {
			record["errorType"] = errorType
		}
		p.jsonLine("", "initReport", record)
		return
	}
	text := fmt.Sprintf("INIT_REPORT Init Duration: %.2f ms\tPhase: %s\tStatus: %s", milliseconds(took), phase, status)
	if errorType != "" {
		text += "\tError Type: " + errorType
	}
	p.line("", text)
}

func (p *platformLog) start(requestID string) {
	if p.wanted() {
		p.record(requestID, "start", map[string]any{"requestId": requestID, "version": p.fn.Version}, p.quiet())
	}
	if !p.fn.Logging.JSON {
		p.line(requestID, "START RequestId: "+requestID+" Version: "+p.fn.Version)
	}
}

// report writes END and REPORT. status is "success", "error" or "timeout".
func (p *platformLog) report(r *sluice.Record, status string) {
	if p.wanted() {
		p.reportRecords(r, status)
	}
	if p.fn.Logging.JSON {
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

func (p *platformLog) reportRecords(r *sluice.Record, status string) {
	quiet := status == statusSuccess && p.quiet()
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
	p.record(r.RequestID, "runtimeDone", done, quiet || !strings.EqualFold(p.fn.Logging.SystemLevel, "DEBUG"))
	p.record(r.RequestID, "report", report, quiet)
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
