package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluice-run/sluice/internal/config"
	"github.com/sluice-run/sluice/internal/dev"
	"github.com/sluice-run/sluice/internal/template"
	"github.com/sluice-run/sluice/internal/terminal"
)

// defaultInspectPort is Node's own.
const defaultInspectPort = "9229"

type devFlags struct {
	parameters []string
	json       bool
	verbose    bool
	inspect    string
	timeout    time.Duration
}

func (s *session) devCommand() *cobra.Command {
	var flags devFlags
	cmd := &cobra.Command{
		Use:   "dev [PATH]",
		Short: "Serve a SAM template, a folder with one, or a single handler file, and reload on change",
		Long: `Serve the functions of a project at their Function URLs and follow its files.

PATH is a SAM or CloudFormation template, a folder that holds template.yaml,
template.yml or template.json, or a single handler file (.mjs .cjs .js .ts .py ...).
It is the working folder by default. Ctrl-C drains open streams; a second
Ctrl-C stops at once.

` + exitCodes,
		Example: "  sluice dev\n  sluice dev examples/hello\n  sluice dev handler.mjs --timeout 60s\n  sluice dev --limits streamedPayload=200MB",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := "."
			if len(args) == 1 {
				path = args[0]
			}
			return s.dev(cmd, path, flags)
		},
	}
	cmd.ValidArgsFunction = completeFiles
	f := cmd.Flags()
	config.BindFlags(f)
	f.StringArrayVar(&flags.parameters, "parameter-overrides", nil, "template parameters, `Name=value`, several separated by spaces; may be repeated")
	f.BoolVar(&flags.json, "json", false, "print one JSON object a line")
	f.BoolVarP(&flags.verbose, "verbose", "v", false, "print every platform line of the functions' logs")
	f.StringVar(&flags.inspect, "inspect", "", "open Node's inspector for each function, from `PORT` up; clocks stand still while a debugger is attached")
	f.Lookup("inspect").NoOptDefVal = defaultInspectPort
	f.DurationVar(&flags.timeout, "timeout", 0, "timeout of a single handler file (a template has its own; Lambda's default is 3s)")
	return cmd
}

func (s *session) dev(cmd *cobra.Command, path string, flags devFlags) error {
	started := time.Now()
	if !filepath.IsAbs(path) {
		path = filepath.Join(s.dir, path)
	}
	source, err := dev.Find(path)
	if err != nil {
		return projectError{err}
	}
	cfg, err := config.Load(config.Sources{
		Folders: []string{source.Dir(), s.dir}, Environ: s.environ, Flags: cmd.Flags(), Dir: s.dir,
	})
	if err != nil {
		return projectError{err}
	}
	parameters, err := parseParameters(flags.parameters)
	if err != nil {
		return usageError{err}
	}
	o := dev.Options{
		Source: source, Parameters: parameters, Config: cfg, Credentials: awsVariables(s.environ),
		Runtimes: s.resolver(cfg), Version: versionName(), Started: started, Timeout: flags.timeout,
	}
	if flags.inspect != "" {
		if o.InspectPort, err = strconv.Atoi(flags.inspect); err != nil || o.InspectPort < 0 || o.InspectPort > 65535 {
			return usageError{fmt.Errorf("--inspect=%s is not a port; write --inspect or --inspect=%s", flags.inspect, defaultInspectPort)}
		}
		o.Inspect = true
	}
	out := s.openTerminal(cfg, flags)
	defer out.Close()
	o.Terminal, o.Log = out, newLog(out, cfg, flags.json)
	for _, text := range config.Misspelt(s.environ) {
		out.Warned(terminal.Warning{Time: time.Now(), Text: text})
	}
	project, err := dev.Open(cmd.Context(), o)
	if err != nil {
		var mistakes *template.Error
		if errors.As(err, &mistakes) {
			return projectError{err}
		}
		return err
	}
	s.drainWhenInterrupted(project, out, cfg.Drain)
	return nil
}

// service is something that runs until it is closed.
type service interface {
	Close(ctx context.Context)
	// Streams counts the responses that are open.
	Streams() int
}

// drainWhenInterrupted waits for a signal and drains; a second signal, or the end
// of the drain, cuts off what is left.
func (s *session) drainWhenInterrupted(running service, out *terminal.Terminal, drain time.Duration) {
	<-s.interrupt
	out.Stopping(terminal.Stop{Time: time.Now(), Streams: running.Streams(), Drain: drain})
	ctx, cancel := context.WithTimeout(context.Background(), drain)
	defer cancel()
	closed := make(chan struct{})
	go func() {
		running.Close(ctx)
		close(closed)
	}()
	select {
	case <-closed:
	case <-s.interrupt:
		cancel()
		<-closed
	}
}

func (s *session) openTerminal(cfg config.Config, flags devFlags) *terminal.Terminal {
	o := terminal.Options{}
	if cfg.Log.Format == config.LogAuto {
		o = terminal.Detect(s.stdout, s.environ)
	}
	o.JSON = flags.json || cfg.Log.Format == config.LogJSON
	o.Verbose = flags.verbose
	return terminal.New(s.stdout, o)
}

func newLog(w io.Writer, cfg config.Config, json bool) *slog.Logger {
	o := &slog.HandlerOptions{Level: cfg.Log.SlogLevel()}
	if json || cfg.Log.Format == config.LogJSON {
		o.ReplaceAttr = terminal.LogAttr
		return slog.New(slog.NewJSONHandler(w, o)).With("type", terminal.LogType)
	}
	return slog.New(slog.NewTextHandler(w, o))
}

// parseParameters reads Name=value pairs. Like SAM's flag it takes several pairs
// in one argument, with quotes around values that hold spaces.
func parseParameters(list []string) (map[string]string, error) {
	parameters := map[string]string{}
	for _, item := range list {
		for _, pair := range splitPairs(item) {
			name, value, ok := strings.Cut(pair, "=")
			if !ok || name == "" {
				return nil, fmt.Errorf("--parameter-overrides %q: write Name=value, with quotes around a value that holds spaces", item)
			}
			parameters[name] = value
		}
	}
	return parameters, nil
}

// splitPairs splits at spaces that are not quoted, and drops the quotes.
func splitPairs(text string) []string {
	var pairs []string
	var pair strings.Builder
	quote, inside := rune(0), false
	for _, r := range text {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '"' || r == '\''):
			quote, inside = r, true
		case quote == 0 && r == ' ':
			if inside {
				pairs = append(pairs, pair.String())
			}
			pair.Reset()
			inside = false
		default:
			pair.WriteRune(r)
			inside = true
		}
	}
	if quote != 0 {
		return []string{text} // an apostrophe, not a quotation
	}
	if inside {
		pairs = append(pairs, pair.String())
	}
	return pairs
}

// awsVariables passes on the AWS credentials that Sluice was started with. A
// function always has some, so it gets placeholders if there are none.
func awsVariables(environ []string) []string {
	found := map[string]string{}
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		found[name] = value
	}
	id, secret := found["AWS_ACCESS_KEY_ID"], found["AWS_SECRET_ACCESS_KEY"]
	if id == "" || secret == "" {
		return []string{"AWS_ACCESS_KEY_ID=sluice", "AWS_SECRET_ACCESS_KEY=sluice", "AWS_SESSION_TOKEN=sluice"}
	}
	list := []string{"AWS_ACCESS_KEY_ID=" + id, "AWS_SECRET_ACCESS_KEY=" + secret}
	if token := found["AWS_SESSION_TOKEN"]; token != "" {
		list = append(list, "AWS_SESSION_TOKEN="+token)
	}
	return list
}

// lookup returns a variable of the session's environment.
func (s *session) lookup(name string) string {
	for _, kv := range s.environ {
		if value, ok := strings.CutPrefix(kv, name+"="); ok {
			return value
		}
	}
	return ""
}
