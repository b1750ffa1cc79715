package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sluice-run/sluice/internal/config"
)

// manCommand writes manual pages, for packages and `make man`. They are made from the
// commands themselves, so there is nothing to keep up to date.
func (s *session) manCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "man FOLDER",
		Short: "Write the manual pages to a folder",
		Long: `Write a manual page for each command to a folder, such as /usr/local/share/man/man1.
SOURCE_DATE_EPOCH dates them.`,
		Args:              cobra.ExactArgs(1),
		Hidden:            true,
		ValidArgsFunction: completeFolders,
		RunE:              func(_ *cobra.Command, args []string) error { return s.man(args[0]) },
	}
}

func (s *session) man(dir string) error {
	date := time.Now()
	if text := s.lookup("SOURCE_DATE_EPOCH"); text != "" {
		seconds, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return usageError{fmt.Errorf("SOURCE_DATE_EPOCH is %q; expected seconds since 1970", text)}
		}
		date = time.Unix(seconds, 0)
	}
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(s.dir, dir)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	// Defaults must not come from the environment of whoever makes the pages.
	root := (&session{dir: s.dir, stdout: s.stdout, stderr: s.stderr}).rootCommand()
	for _, cmd := range commandsOf(root) {
		page := manPage{cmd: cmd, date: date.UTC().Format(time.DateOnly)}
		if err := os.WriteFile(filepath.Join(dir, pageName(cmd)+".1"), []byte(page.String()), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// commandsOf are cmd and all below it that a user is told of.
func commandsOf(cmd *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{cmd}
	for _, sub := range cmd.Commands() {
		if !sub.Hidden && sub.Name() != "help" {
			all = append(all, commandsOf(sub)...)
		}
	}
	return all
}

// pageName is sluice-runtimes-install for that command.
func pageName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

// manPage is a manual page in the macros of man(7).
type manPage struct {
	cmd  *cobra.Command
	date string
	b    strings.Builder
}

func (p *manPage) String() string {
	cmd := p.cmd
	cmd.InitDefaultHelpFlag()
	p.linef(`.TH %s 1 %s "Sluice %s" "Sluice Manual"`, strings.ToUpper(roff(pageName(cmd))), p.date, roff(versionName()))
	p.section("NAME")
	p.linef(`%s \- %s`, roff(pageName(cmd)), roff(cmd.Short))
	p.section("SYNOPSIS")
	p.linef(`.B %s`, roff(cmd.CommandPath()))
	if cmd.HasAvailableSubCommands() {
		p.linef(`.I command`)
	}
	_, arguments, _ := strings.Cut(cmd.Use, " ")
	p.linef(`%s`, strings.TrimSpace(`[\fIoptions\fR] `+roff(arguments)))
	p.section("DESCRIPTION")
	p.prose(strings.TrimSpace(strings.Replace(cmp.Or(cmd.Long, cmd.Short+"."), exitCodes, "", 1)))
	p.commands()
	p.options()
	p.environment()
	p.exitStatus()
	if cmd.Example != "" {
		p.section("EXAMPLES")
		p.verbatim(strings.Split(cmd.Example, "\n"))
	}
	p.seeAlso()
	return p.b.String()
}

func (p *manPage) section(name string)              { p.linef(".SH %s", name) }
func (p *manPage) linef(format string, args ...any) { fmt.Fprintf(&p.b, format+"\n", args...) }
func (p *manPage) item(head, format string, a ...any) {
	p.linef(".TP\n%s\n"+format, append([]any{head}, a...)...)
}

// prose writes paragraphs; lines that are indented stay as they are.
func (p *manPage) prose(text string) {
	for i, paragraph := range strings.Split(text, "\n\n") {
		lines := strings.Split(strings.Trim(paragraph, "\n"), "\n")
		// A heading such as "Linux:" may stand right above a block.
		indented := slices.IndexFunc(lines, isIndented)
		if indented < 0 {
			indented = len(lines)
		}
		if indented > 0 {
			if i > 0 {
				p.linef(".PP")
			}
			for _, line := range lines[:indented] {
				p.linef("%s", roff(line))
			}
		}
		p.verbatim(lines[indented:])
	}
}

func isIndented(line string) bool {
	return strings.HasPrefix(line, "  ") || strings.HasPrefix(line, "\t")
}

// verbatim writes lines that are not filled.
func (p *manPage) verbatim(lines []string) {
	if len(lines) == 0 {
		return
	}
	if !strings.HasSuffix(p.b.String(), ".SH EXAMPLES\n") {
		p.linef(".PP")
	}
	p.linef(".RS 4\n.nf")
	for _, line := range lines {
		p.linef("%s", roff(strings.TrimSpace(line)))
	}
	p.linef(".fi\n.RE")
}

func (p *manPage) commands() {
	if !p.cmd.HasAvailableSubCommands() {
		return
	}
	p.section("COMMANDS")
	for _, sub := range p.cmd.Commands() {
		if !sub.Hidden && sub.Name() != "help" {
			p.item(`.BR `+roff(pageName(sub))+` (1)`, "%s.", roff(sub.Short))
		}
	}
}

func (p *manPage) options() {
	p.section("OPTIONS")
	for _, flags := range []*pflag.FlagSet{p.cmd.NonInheritedFlags(), p.cmd.InheritedFlags()} {
		flags.VisitAll(func(f *pflag.Flag) {
			if f.Hidden {
				return
			}
			placeholder, usage := pflag.UnquoteUsage(f)
			head := `\fB\-\-` + roff(f.Name) + `\fR`
			if f.Shorthand != "" {
				head = `\fB\-` + roff(f.Shorthand) + `\fR, ` + head
			}
			switch {
			case f.NoOptDefVal != "" && f.Value.Type() != "bool":
				head += `[=\fI` + roff(placeholder) + `\fR]`
			case placeholder != "":
				head += ` \fI` + roff(placeholder) + `\fR`
			}
			text := roff(strings.ToUpper(usage[:1]) + usage[1:] + ".")
			if d := f.DefValue; d != "" && d != "false" && d != "0" && d != "0s" && d != "[]" {
				text += "\nThe default is " + roff(d) + "."
			}
			p.item(head, "%s", text)
		})
	}
}

// environment lists the variables that flags have, and those of all commands.
func (p *manPage) environment() {
	p.section("ENVIRONMENT")
	variable := func(text string, names ...string) {
		for i, name := range names {
			names[i] = roff(name)
		}
		p.item(`\fB`+strings.Join(names, `\fR, \fB`)+`\fR`, "%s", text)
	}
	p.cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if names := f.Annotations[config.VariableAnnotation]; names != nil {
			variable(`The same as \fB\-\-`+roff(f.Name)+`\fR, which goes before it.`, slices.Clone(names)...)
		}
	})
	if p.cmd.Flags().Lookup("endpoint") != nil {
		variable(roff("The key that requests are signed with. Without one it is a made-up one, which a server takes on its loopback address."), "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
	}
	variable("The first forbids colours, the others demand them where the output is no terminal.", "NO_COLOR", "CLICOLOR_FORCE", "FORCE_COLOR")
}

// exitStatus is exitCodes as a list.
func (p *manPage) exitStatus() {
	p.section("EXIT STATUS")
	for line := range strings.Lines(exitCodes) {
		if code, meaning, ok := strings.Cut(strings.TrimSpace(line), "  "); ok {
			p.item(`.B `+code, "%s.", roff(strings.ToUpper(meaning[:1])+meaning[1:]))
		}
	}
}

func (p *manPage) seeAlso() {
	var pages []string
	add := func(cmd *cobra.Command) { pages = append(pages, `.BR `+roff(pageName(cmd))+` (1)`) }
	if parent := p.cmd.Parent(); parent != nil {
		add(parent)
		for _, sub := range parent.Commands() {
			if sub != p.cmd && !sub.Hidden && sub.Name() != "help" {
				add(sub)
			}
		}
	}
	if len(pages) > 0 {
		p.section("SEE ALSO")
		p.linef("%s", strings.Join(pages, " ,\n"))
	}
}

// roffed are the characters that roff would take for something else. A hyphen is written
// as a minus: what is copied from a page has to work.
var roffed = strings.NewReplacer(`\`, `\e`, `-`, `\-`, `'`, `\(aq`, "`", `\(ga`, `^`, `\(ha`, `~`, `\(ti`, `"`, `\(dq`)

// roff is text in the language of manual pages.
func roff(text string) string {
	var b strings.Builder
	for _, r := range roffed.Replace(text) {
		if r < 0x80 {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, `\[u%04X]`, r)
		}
	}
	if strings.HasPrefix(text, ".") {
		return `\&` + b.String()
	}
	return b.String()
}
