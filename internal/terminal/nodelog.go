package terminal

import (
	"encoding/json"
	"strings"
	"time"

	sluice "github.com/sluice-run/sluice"
)

// nodePrefix splits off what a Node runtime puts before a line: time, request id
// (during INIT "undefined" or "-") and level, each followed by a tab
// (docs/contract/node-runtime.md §6).
func nodePrefix(l sluice.LogLine) (level, rest string, ok bool) {
	parts := strings.SplitN(l.Text, "\t", 4)
	if len(parts) < 4 {
		return "", "", false
	}
	if _, err := time.Parse("2006-01-02T15:04:05.000Z", parts[0]); err != nil {
		return "", "", false
	}
	if id := parts[1]; id != l.RequestID && id != "undefined" && id != "-" {
		return "", "", false
	}
	switch parts[2] {
	case "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL":
		return parts[2], parts[3], true
	}
	return "", "", false
}

// unfoldError turns an error as a Node runtime logs it, a label, a tab and a JSON
// object with a member stack (docs/contract/node-runtime.md §6), into the label
// and the stack trace, followed by the object's other members. Any other text it
// returns as it is.
func unfoldError(text string) string {
	label, document, found := strings.Cut(text, "\t{")
	if !found {
		return text
	}
	var members map[string]json.RawMessage
	var stack []string
	if json.Unmarshal([]byte("{"+document), &members) != nil ||
		json.Unmarshal(members["stack"], &stack) != nil || len(stack) == 0 {
		return text
	}
	var message string
	if json.Unmarshal(members["errorMessage"], &message) != nil || !strings.Contains(strings.Join(stack, "\n"), message) {
		return text
	}
	for _, said := range []string{"errorType", "errorMessage", "stack"} {
		delete(members, said)
	}
	lines := append([]string{strings.TrimSpace(label)}, stack...)
	if len(members) > 0 {
		if rest, err := json.Marshal(members); err == nil {
			lines = append(lines, string(rest))
		}
	}
	return strings.Join(lines, "\n")
}
