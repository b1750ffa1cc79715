package terminal

import (
	"strconv"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	sluice "github.com/sluice-run/sluice"
)

// Banner is what a developer wants to know once everything is ready.
type Banner struct {
	Time time.Time `json:"-"`
	// Command is what was started, for example "dev".
	Command string `json:"command"`
	// Version is Sluice's.
	Version string `json:"version"`
	// Source is the template or handler file that is served.
	Source string `json:"source"`
	// Address is the base URL of the path form, with the real port.
	Address string `json:"address"`
	// Console is the address of the page to look at, "" without.
	Console string `json:"console,omitempty"`
	// Sandbox says what functions run in, "" for nothing worth saying.
	Sandbox string `json:"sandbox,omitempty"`
	// Took is the time from the start of the program.
	Took      time.Duration    `json:"-"`
	Functions []BannerFunction `json:"functions"`
	// NotRun is what the template holds beyond what is served.
	NotRun   []NotRun `json:"notRun"`
	Warnings []string `json:"warnings"`
	Outputs  []Output `json:"outputs"`
}

// BannerFunction is one function of a Banner.
type BannerFunction struct {
	Name string `json:"name"`
	// Runtime is AWS's identifier.
	Runtime string `json:"runtime"`
	// ServedBy is what runs it, for example "node v22.3.0".
	ServedBy string `json:"servedBy"`
	// RuntimeWarning says what is wrong with ServedBy, "" if nothing.
	RuntimeWarning string        `json:"runtimeWarning"`
	Timeout        time.Duration `json:"-"`
	MemoryMB       int           `json:"memoryMB"`
	// URLs are the function's Function URLs; there may be none.
	URLs []BannerURL `json:"urls"`
}

// BannerURL is one Function URL of a BannerFunction.
type BannerURL struct {
	Mode sluice.InvokeMode `json:"mode"`
	Auth sluice.AuthType   `json:"auth"`
	// Qualifier is "" or an alias name.
	Qualifier string `json:"qualifier"`
	// Host and Path are the two forms of the URL; either may be "".
	Host string `json:"host"`
	Path string `json:"path"`
	// Note says what keeps the URL from answering, "" if nothing.
	Note string `json:"note"`
}

// NotRun is a part of the template that Sluice does not run.
type NotRun struct {
	// Name is the logical id, or says where the part is, as in "Orders.Events.Nightly".
	Name string `json:"name"`
	// Type is AWS's, for example "AWS::DynamoDB::Table".
	Type string `json:"type"`
	// Reason explains it where the type does not, "" otherwise.
	Reason string `json:"reason"`
}

// Output is one of the template's outputs.
type Output struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Ready prints the banner.
func (t *Terminal) Ready(b Banner) {
	if t.o.JSON {
		t.queue.put(jsonBanner(b), true)
		return
	}
	for _, f := range b.Functions {
		t.column(inline(f.Name))
	}
	t.queue.put([]byte(t.textBanner(b)), true)
}

func jsonBanner(b Banner) []byte {
	type function struct {
		BannerFunction
		TimeoutMs float64 `json:"timeoutMs"`
	}
	functions := make([]function, len(b.Functions))
	for i, f := range b.Functions {
		f.URLs = filled(f.URLs)
		functions[i] = function{f, sluice.Millis(f.Timeout)}
	}
	b.NotRun, b.Warnings, b.Outputs = filled(b.NotRun), filled(b.Warnings), filled(b.Outputs)
	return object(struct {
		header
		Banner
		TookMs    float64    `json:"tookMs"`
		Functions []function `json:"functions"`
	}{head("ready", b.Time), b, sluice.Millis(b.Took), functions})
}

// filled makes an empty list of nil, so that JSON has [] and not null.
func filled[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

func (t *Terminal) textBanner(b Banner) string {
	var s strings.Builder
	title := strings.TrimSpace("Sluice " + inline(b.Version))
	s.WriteString(t.paint(bold, title) + "  " + inline(b.Command) + " " + inline(b.Source) + "  " +
		t.paint(green, "ready") + " in " + duration(b.Took) + "\n\n")
	t.bannerFunctions(&s, b.Functions)
	if len(b.NotRun) > 0 {
		s.WriteString("\n" + t.paint(bold, "Not run here") + "\n")
		t.table(&s, byType(b.NotRun))
	}
	if len(b.Outputs) > 0 {
		s.WriteString("\n" + t.paint(bold, "Outputs") + "\n")
		var rows [][2]string
		for _, o := range b.Outputs {
			rows = append(rows, [2]string{inline(o.Name), sentence(o.Value)})
		}
		t.table(&s, rows)
	}
	if len(b.Warnings) > 0 {
		s.WriteString("\n")
		for _, w := range b.Warnings {
			for i, line := range cleanLines(w, false) {
				if i == 0 {
					s.WriteString(t.paint(yellow, "warning: ") + line + "\n")
				} else {
					s.WriteString("         " + line + "\n")
				}
			}
		}
	}
	s.WriteString("\n")
	if b.Sandbox != "" {
		s.WriteString(t.paint(bold, "Sandbox") + "    " + sentence(b.Sandbox) + "\n")
	}
	if b.Console != "" {
		s.WriteString(t.paint(bold, "Console") + "    " + t.paint(cyan, inline(b.Console)) + "\n")
	}
	s.WriteString(t.paint(bold, "Listening") + "  " + inline(b.Address) + "  Ctrl-C drains and stops\n\n")
	return s.String()
}

func (t *Terminal) bannerFunctions(s *strings.Builder, functions []BannerFunction) {
	if len(functions) == 0 {
		s.WriteString("  no functions\n")
	}
	var names, runtimes, timeouts int
	for _, f := range functions {
		names = max(names, ansi.StringWidth(inline(f.Name)))
		runtimes = max(runtimes, ansi.StringWidth(served(f)))
		timeouts = max(timeouts, len(duration(f.Timeout)))
	}
	indent := strings.Repeat(" ", names+4)
	for _, f := range functions {
		name := inline(f.Name)
		s.WriteString("  " + t.paint(nameStyle(f.Name), pad(name, names)) + "  " + pad(served(f), runtimes) +
			"  timeout " + pad(duration(f.Timeout), timeouts) + "  memory " + strconv.Itoa(f.MemoryMB) + "MB\n")
		if f.RuntimeWarning != "" {
			s.WriteString(indent + t.paint(yellow, "warning: ") + sentence(f.RuntimeWarning) + "\n")
		}
		if len(f.URLs) == 0 {
			s.WriteString(indent + t.paint(dim, "no Function URL") + "\n")
		}
		for _, u := range f.URLs {
			t.bannerURL(s, indent, u)
		}
	}
}

// bannerURL prints the host form with the mode before it, the path form below.
func (t *Terminal) bannerURL(s *strings.Builder, indent string, u BannerURL) {
	lead := pad(string(u.Mode), len(sluice.ResponseStream)) + "  "
	var tags string
	if u.Auth != "" && u.Auth != sluice.AuthNone {
		tags += "  " + t.paint(yellow, string(u.Auth))
	}
	if u.Qualifier != "" {
		tags += "  alias " + inline(u.Qualifier)
	}
	for _, form := range []string{u.Host, u.Path} {
		if form == "" {
			continue
		}
		s.WriteString(indent + lead + t.paint(cyan, inline(form)) + tags + "\n")
		lead, tags = strings.Repeat(" ", len(lead)), ""
	}
	if u.Note != "" {
		s.WriteString(indent + strings.Repeat(" ", len(sluice.ResponseStream)+2) + t.paint(yellow, "warning: ") + sentence(u.Note) + "\n")
	}
}

func served(f BannerFunction) string {
	if f.ServedBy == "" {
		return inline(f.Runtime)
	}
	return inline(f.Runtime) + " (" + inline(f.ServedBy) + ")"
}

// byType makes a row for each type, in the order of first appearance. Parts with a
// reason have rows of their own.
func byType(parts []NotRun) [][2]string {
	var rows [][2]string
	at := map[string]int{}
	for _, p := range parts {
		i, ok := at[p.Type]
		switch {
		case p.Reason != "":
			rows = append(rows, [2]string{inline(p.Type), inline(p.Name) + ": " + inline(p.Reason)})
		case ok:
			rows[i][1] += ", " + inline(p.Name)
		default:
			at[p.Type] = len(rows)
			rows = append(rows, [2]string{inline(p.Type), inline(p.Name)})
		}
	}
	return rows
}

func (t *Terminal) table(s *strings.Builder, rows [][2]string) {
	width := 0
	for _, r := range rows {
		width = max(width, ansi.StringWidth(r[0]))
	}
	for _, r := range rows {
		s.WriteString("  " + pad(r[0], width) + "  " + r[1] + "\n")
	}
}
