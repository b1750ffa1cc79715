package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/sluice-run/sluice/internal/spelling"
)

// FileName is the name under which a configuration file is found.
const FileName = "sluice.yaml"

// LimitsFlag is the flag for all limits, name=value,….
const LimitsFlag = "limits"

// VariableAnnotation is the key of a flag's annotation that names the environment
// variable to the same effect.
const VariableAnnotation = "variable"

const (
	configFlag     = "config"
	configVariable = "SLUICE_CONFIG"
	limitsVariable = "SLUICE_LIMITS"
)

// Sources is everything that Load reads.
type Sources struct {
	// File is the configuration file, which must exist. When it is "", the flag
	// --config names the file, else SLUICE_CONFIG, else it is sluice.yaml in the
	// first of Folders that has one.
	File string
	// Folders are searched in order, for example the template's and the working
	// folder.
	Folders []string
	// Environ holds NAME=value pairs as os.Environ returns them. A variable that
	// is empty counts as not set.
	Environ []string
	// Flags is the set that BindFlags prepared, already parsed, or nil.
	Flags *pflag.FlagSet
	// Dir is the working folder, to which paths in flags and variables are
	// relative. It is absolute.
	Dir string
}

// BindFlags defines a flag for every setting, and --config.
//
// Each has the name of its environment variable under VariableAnnotation.
func BindFlags(fs *pflag.FlagSet) {
	fs.String(configFlag, "", "configuration `file` (default: "+FileName+" beside the template or in the working folder)")
	defaults := Default()
	for _, s := range settings() {
		switch {
		case s.isLimit():
		case s.isBool:
			fs.Bool(s.flag(), false, s.usage)
		default:
			fs.String(s.flag(), s.text(defaults), s.usage)
		}
		if !s.isLimit() {
			annotate(fs, s.flag(), s.variable())
		}
	}
	var limits limitList
	annotate(fs, configFlag, configVariable)
	fs.Var(&limits, LimitsFlag, "change AWS's limits, as in streamedPayload=200MB,streamRate=0; 0 lifts one")
	annotate(fs, LimitsFlag, limitsVariable)
}

func annotate(fs *pflag.FlagSet, flag, variable string) {
	fs.SetAnnotation(flag, VariableAnnotation, []string{variable}) // the flag is there
}

// limitList keeps every --limits of a command line.
type limitList []string

func (l *limitList) Set(s string) error { *l = append(*l, s); return nil }
func (l *limitList) String() string     { return strings.Join(*l, ",") }
func (l *limitList) Type() string       { return "name=value,…" }

// Load puts the configuration together and validates it. Its errors are *Error,
// joined, except those of reading the file.
func Load(src Sources) (Config, error) {
	l := loader{
		config: Default(),
		env:    map[string]string{},
		where:  map[string]string{},
	}
	for _, pair := range src.Environ {
		if name, value, ok := strings.Cut(pair, "="); ok && value != "" {
			l.env[name] = value
		}
	}
	l.home = homeFolder(runtime.GOOS, l.env)

	path, err := l.findFile(src)
	if err != nil {
		return Config{}, err
	}
	if path != "" {
		if err := l.readFile(path); err != nil {
			return Config{}, err
		}
	}
	l.readEnvironment(src.Dir)
	if src.Flags != nil {
		l.readFlags(src.Flags, src.Dir)
	}
	l.checkOTLP()
	if l.config.Data == "" {
		l.config.Data = dataFolder(runtime.GOOS, l.env)
	}
	if len(l.found) > 0 {
		return Config{}, errors.Join(l.found...)
	}
	if err := errors.Join(l.config.mistakes(l.where)...); err != nil {
		return Config{}, err
	}
	return l.config, nil
}

// loader is one run of Load. Each source overwrites what the one before it set.
type loader struct {
	config Config
	env    map[string]string
	home   string
	// where maps each key that was set to its source.
	where map[string]string
	found []error
}

func (l *loader) fail(key, where, format string, args ...any) {
	l.found = append(l.found, &Error{Key: key, Where: where, Message: fmt.Sprintf(format, args...)})
}

// apply sets one key from text; base is the folder that paths start from.
func (l *loader) apply(s setting, text, where, base string) {
	if s.inFolder && text != "" {
		text = resolve(text, base, l.home)
	}
	if err := s.set(&l.config, text); err != nil {
		l.fail(s.key, where, "%v", err)
		return
	}
	l.where[s.key] = where
}

func (l *loader) applyLimits(text, where string) {
	keys, err := applyLimits(&l.config, text)
	if err != nil {
		l.fail("", where, "%v", err)
	}
	for _, key := range keys {
		l.where[key] = where
	}
}

func (l *loader) readEnvironment(dir string) {
	l.readOTLP(dir)
	for _, s := range settings() {
		if text, ok := l.env[s.variable()]; ok && !s.isLimit() {
			l.apply(s, text, s.variable(), dir)
		}
	}
	if text, ok := l.env[limitsVariable]; ok {
		l.applyLimits(text, limitsVariable)
	}
}

func (l *loader) readFlags(fs *pflag.FlagSet, dir string) {
	for _, s := range settings() {
		if f := fs.Lookup(s.flag()); f != nil && f.Changed && !s.isLimit() {
			l.apply(s, f.Value.String(), "--"+s.flag(), dir)
		}
	}
	if f := fs.Lookup(LimitsFlag); f != nil && f.Changed {
		l.applyLimits(f.Value.String(), "--"+LimitsFlag)
	}
}

// findFile returns the path of the configuration file, "" if there is none.
func (l *loader) findFile(src Sources) (string, error) {
	named, by := src.File, ""
	if named == "" && src.Flags != nil {
		if f := src.Flags.Lookup(configFlag); f != nil && f.Changed {
			named, by = f.Value.String(), "--"+configFlag
		}
	}
	if named == "" && by == "" {
		named, by = l.env[configVariable], configVariable
	}
	if named != "" {
		path := resolve(named, src.Dir, l.home)
		if _, err := os.Stat(path); err != nil {
			return "", &Error{Where: by, Message: fmt.Sprintf("configuration file: %v", err)}
		}
		return path, nil
	}
	if by == "--"+configFlag {
		return "", nil // --config= asks for no file
	}
	for _, folder := range src.Folders {
		path := filepath.Join(resolve(folder, src.Dir, l.home), FileName)
		switch _, err := os.Stat(path); {
		case err == nil:
			return path, nil
		case !errors.Is(err, os.ErrNotExist):
			return "", &Error{Message: fmt.Sprintf("configuration file: %v", err)}
		}
	}
	return "", nil
}

// Misspelt returns a warning for each variable of environ that looks like a
// setting with a typing error. Other unknown SLUICE_ variables are nobody's
// mistake: Kubernetes, for one, makes SLUICE_PORT and SLUICE_SERVICE_HOST for a
// service called sluice.
func Misspelt(environ []string) []string {
	known := []string{configVariable, limitsVariable}
	for _, s := range settings() {
		if !s.isLimit() {
			known = append(known, s.variable())
		}
	}
	var warnings []string
	for _, pair := range environ {
		name, _, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, "SLUICE_") || slices.Contains(known, name) {
			continue
		}
		for _, k := range known {
			if spelling.Edits(name, k) == 1 {
				warnings = append(warnings, fmt.Sprintf("the environment variable %s is not a setting; did you mean %s?", name, k))
				break
			}
		}
	}
	slices.Sort(warnings)
	return warnings
}
