package terminal

import (
	"encoding/json"
	"strings"
)

// weight says how much a developer wants to see a platform line.
type weight int

const (
	// routine lines say that all goes as it should.
	routine weight = iota
	// notable lines are shown, dimmed.
	notable
	// failure lines tell of something that went wrong.
	failure
)

// weigh reads a platform line in text or in JSON format
// (docs/contract/execution-environment.md §3).
func weigh(text string) weight {
	if strings.HasPrefix(text, "{") {
		return weighJSON(text)
	}
	word, _, _ := strings.Cut(text, " ")
	word, _, _ = strings.Cut(word, "\t")
	switch word {
	case "START", "END", "INIT_START", "RESTORE_START":
		return routine
	case "REPORT", "INIT_REPORT", "RESTORE_REPORT", "XRAY":
		if strings.Contains(text, "Status: ") {
			return failure
		}
		return routine // the request line says how it went
	case "EXTENSION", "TELEMETRY":
		if strings.Contains(text, "State: Ready") || strings.Contains(text, "State: Registered") ||
			strings.Contains(text, "State: Subscribed") {
			return routine
		}
		return failure
	}
	if strings.Contains(text, "Task timed out after ") || strings.Contains(text, " Error: ") {
		return failure
	}
	return notable
}

func weighJSON(text string) weight {
	var line struct {
		Type   string `json:"type"`
		Record struct {
			Status string `json:"status"`
		} `json:"record"`
	}
	if json.Unmarshal([]byte(text), &line) != nil {
		return notable
	}
	failed := line.Record.Status != "" && line.Record.Status != "success"
	switch line.Type {
	case "platform.report", "platform.initReport", "platform.restoreReport":
		if failed {
			return failure
		}
		return routine
	case "platform.start", "platform.runtimeDone", "platform.initStart", "platform.initRuntimeDone",
		"platform.restoreStart", "platform.restoreRuntimeDone", "platform.extension", "platform.telemetrySubscription",
		"platform.logsSubscription":
		return routine
	}
	return notable
}
