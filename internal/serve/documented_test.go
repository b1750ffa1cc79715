package serve

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/sluice-run/sluice/internal/environment"
	"github.com/sluice-run/sluice/internal/logbook"
	"github.com/sluice-run/sluice/internal/records"
)

// What clients read is part of what users rely on, so docs/API.md names all of it.
func TestEveryMemberOfAnAnswerIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/API.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	for path := range (&records.Book{}).Handlers(t.Context()) {
		if !strings.Contains(page, "`"+path+"`") {
			t.Errorf("docs/API.md does not name %s", path)
		}
	}
	for heading, answer := range map[string]any{
		"## Invocations": records.Record{}, "## Environments": environment.Status{}, "## Usage": records.Usage{}, "## Logs": logbook.Line{},
	} {
		_, section, _ := strings.Cut(page, heading+"\n")
		section, _, _ = strings.Cut(section, "\n## ")
		for _, field := range reflect.VisibleFields(reflect.TypeOf(answer)) {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if name != "" && !strings.Contains(section, "`"+name+"`") {
				t.Errorf("%s does not name %s", heading, name)
			}
		}
	}
}
