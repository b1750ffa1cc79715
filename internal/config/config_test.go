package config

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v4"

	sluice "github.com/sluice-run/sluice"
)

// write makes a configuration file in a new folder and returns the folder.
func write(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, FileName), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func flags(t *testing.T, args ...string) *pflag.FlagSet {
	t.Helper()
	fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
	BindFlags(fs)
	if err := fs.Parse(args); err != nil {
		t.Fatal(err)
	}
	return fs
}

func TestDefaultIsValidAndAWS(t *testing.T) {
	c := Default()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	if c.Quotas() != sluice.DefaultQuotas() {
		t.Errorf("Quotas() = %+v, want AWS's %+v", c.Quotas(), sluice.DefaultQuotas())
	}
	if c.Identity() != sluice.DefaultIdentity() {
		t.Errorf("Identity() = %+v, want %+v", c.Identity(), sluice.DefaultIdentity())
	}
}

// keysOf lists the keys of a struct as a file writes them.
func keysOf(typ reflect.Type, prefix string) []string {
	var keys []string
	for i := range typ.NumField() {
		f := typ.Field(i)
		if f.Tag.Get("yaml") == "-" {
			continue // OpenTelemetry's own
		}
		key := prefix + f.Tag.Get("yaml")
		if f.Type.Kind() == reflect.Struct {
			keys = append(keys, keysOf(f.Type, key+".")...)
			continue
		}
		keys = append(keys, key)
	}
	return keys
}

func TestEveryFieldIsASetting(t *testing.T) {
	var table []string
	for _, s := range settings() {
		table = append(table, s.key)
	}
	fields := keysOf(reflect.TypeFor[Config](), "")
	if !slices.Equal(table, fields) {
		t.Errorf("settings() = %v\nstruct    = %v", table, fields)
	}
}

const annotated = "../../sluice.yaml"

func TestAnnotatedFileIsExactlyTheDefaults(t *testing.T) {
	home := t.TempDir()
	got, err := Load(Sources{File: annotated, Dir: ".", Environ: []string{"HOME=" + home, "USERPROFILE=" + home}})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(got.Data, home) {
		t.Errorf("data = %q, want the user's data folder under %q", got.Data, home)
	}
	got.Data = ""
	if want := Default(); got != want {
		t.Errorf("sluice.yaml gives %+v\nthe defaults are %+v", got, want)
	}
}

func TestAnnotatedFileHasEveryKeyCommented(t *testing.T) {
	text, err := os.ReadFile(annotated)
	if err != nil {
		t.Fatal(err)
	}
	var doc yaml.Node
	if err := yaml.Load(text, &doc); err != nil {
		t.Fatal(err)
	}
	comments := map[string]string{}
	var order []string
	var walk func(prefix string, n *yaml.Node)
	walk = func(prefix string, n *yaml.Node) {
		for i := 0; i < len(n.Content); i += 2 {
			key := prefix + n.Content[i].Value
			if n.Content[i+1].Kind == yaml.MappingNode {
				walk(key+".", n.Content[i+1])
				continue
			}
			comments[key] = n.Content[i].HeadComment
			order = append(order, key)
		}
	}
	walk("", doc.Content[0])
	if want := keysOf(reflect.TypeFor[Config](), ""); !slices.Equal(order, want) {
		t.Errorf("keys in sluice.yaml: %v\nkeys of Config:      %v", order, want)
	}
	for _, s := range settings() {
		comment := strings.Join(strings.Fields(comments[s.key]), " ")
		if want := "Default " + s.text(Default()); !strings.Contains(strings.ReplaceAll(comment, `""`, ""), strings.TrimSpace(want)) {
			t.Errorf("the comment of %s does not say %q: %q", s.key, want, comment)
		}
	}
}

func TestFlagsBeatEnvironmentBeatsFileBeatsDefaults(t *testing.T) {
	dir := write(t, `
addr: 127.0.0.1:1111
domain: file.test
region: eu-west-1
drain: 1s
limits: {streamedPayload: 1MB, streamRate: 1KB, concurrency: 7}
`)
	c, err := Load(Sources{
		Folders: []string{dir}, Dir: dir,
		Environ: []string{
			"HOME=/home/u", "SLUICE_ADDR=127.0.0.1:2222", "SLUICE_DOMAIN=env.test", "SLUICE_REGION=",
			"SLUICE_LIMITS=streamedPayload=2MB,streamRate=2KB",
		},
		Flags: flags(t, "--addr", "127.0.0.1:3333", "--limits", "streamedPayload=3MB", "--limits=streamBurst=0"),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Addr, want.Domain, want.Region, want.Drain = "127.0.0.1:3333", "env.test", "eu-west-1", time.Second
	want.Limits.StreamedPayload, want.Limits.StreamRate, want.Limits.StreamBurst = 3*sluice.MB, 2<<10, 0
	want.Limits.Concurrency = 7
	want.Data = c.Data
	if c != want {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
}

// TestEverySettingFromEverySource gives each key a value of its own through the
// file, the environment and a flag in turn.
func TestEverySettingFromEverySource(t *testing.T) {
	values := map[string]string{
		"addr": "localhost:1", "exposeUnsandboxed": "true", "domain": "a.test", "data": "/var/lib/x", "credentials": "/etc/c.yaml", "hotReload": "true", "s3Endpoint": "http://localhost:1", "awsEndpoint": "http://localhost:2", "prices": "/p.yaml", "traces": "http://collector:4318", "exposeOpen": "true", "sandbox": "oci", "ociRuntime": "runsc", "outbound": "true",
		"nats.url": "nats://n", "nats.credentials": "/n/c", "nats.ca": "/n/ca", "nats.certificate": "/n/crt", "nats.key": "/n/key", "nats.replicas": "3", "tls.certificate": "/t/crt", "tls.key": "/t/key", "tls.acme": "https://acme.test/dir", "tls.email": "a@b.test", "tls.acmeRoots": "/t/roots",
		"region": "cn-north-1", "accountId": "000000000001", "quirks": "fixed", "log.format": "json",
		"log.level": "debug", "drain": "0", "idle": "1h30m", "retryWait": "7s", "history.age": "36h", "history.size": "64MB",
		"limits.streamedPayload": "1KB", "limits.streamBurst": "2KB", "limits.streamRate": "3KB",
		"limits.bufferedPayload": "4KB", "limits.requestPayload": "5KB", "limits.concurrency": "6",
	}
	for _, s := range settings() {
		value := values[s.key]
		if value == "" {
			t.Fatalf("no value to try for %s", s.key)
		}
		want := Default()
		if err := s.set(&want, value); err != nil {
			t.Fatal(err)
		}
		group, name, dotted := strings.Cut(s.key, ".")
		file := s.key + ": " + value
		if dotted {
			file = group + ":\n  " + name + ": " + value
		}
		variable, flag := s.variable()+"="+value, "--"+s.flag()+"="+value
		if s.isLimit() {
			variable, flag = "SLUICE_LIMITS="+name+"="+value, "--limits="+name+"="+value
		}
		for source, src := range map[string]Sources{
			"file":        {Folders: []string{write(t, file)}, Dir: "/"},
			"environment": {Environ: []string{variable}, Dir: "/"},
			"flag":        {Flags: flags(t, flag), Dir: "/"},
		} {
			got, err := Load(src)
			if err != nil || got != want || got == Default() {
				t.Errorf("%s from %s: %+v, %v; want %+v", s.key, source, got, err, want)
			}
		}
	}
}

func TestMistakesNameKeyFileAndLine(t *testing.T) {
	for _, tc := range []struct {
		name, file string
		args       []string
		env        []string
		want       []string // in the message; FILE is the file's path
	}{
		{name: "unknown key", file: "addr: localhost:0\nregoin: x\n", want: []string{"FILE:2:1: regoin: unknown key (did you mean region?); the keys are addr,"}},
		{name: "other spelling", file: "account-id: 1", want: []string{"did you mean accountId?"}},
		{name: "unknown in group", file: "log:\n  levle: info\n", want: []string{"FILE:2:3: log.levle: unknown key (did you mean log.level?); the keys of log are format, level"}},
		{name: "key of another level", file: "streamRate: 1MB", want: []string{"did you mean limits.streamRate?"}},
		{name: "nothing near", file: "x: 1", want: []string{"FILE:1:1: x: unknown key; the keys are addr"}},
		{name: "dotted key", file: "log.level: info", want: []string{"write log: {level: …}"}},
		{name: "twice", file: "drain: 1s\nidle: 2s\ndrain: 3s\n", want: []string{"FILE:3:1: drain: already set in line 1"}},
		{name: "list for a value", file: "addr: [a, b]", want: []string{"FILE:1:7: addr: expected a single value, such as 127.0.0.1:9000"}},
		{name: "value for a group", file: "limits: 20MB", want: []string{"FILE:1:9: limits: expected keys and values here: streamedPayload,"}},
		{name: "no value", file: "addr:\n", want: []string{"FILE:1:1: addr: no value"}},
		{name: "a list", file: "- addr\n", want: []string{"FILE:1:1: expected keys and values here: addr,"}},
		{name: "two documents", file: "addr: localhost:1\n---\naddr: localhost:2\n", want: []string{"a second document starts here"}},
		{name: "bad YAML", file: "addr: [1\n", want: []string{"FILE:2:1: not valid YAML: did not find expected"}},
		{name: "control character", file: "addr: \x00", want: []string{"FILE: not valid YAML: control characters"}},
		{name: "bad size", file: "limits:\n  streamBurst: 6 apples\n", want: []string{"FILE:2:16: limits.streamBurst: size \"6 apples\""}},
		{name: "size below a byte", file: "limits: {streamRate: 0.2}", want: []string{"limits.streamRate: size \"0.2\" is less than one byte"}},
		{name: "bad count", file: "limits: {concurrency: 1.5}", want: []string{"limits.concurrency: \"1.5\" is not a count"}},
		{name: "bad bool", file: "exposeUnsandboxed: maybe", want: []string{"exposeUnsandboxed: \"maybe\" is neither true nor false"}},
		{name: "duration without unit", file: "drain: 10", want: []string{"drain: \"10\" has no unit; write 10s"}},
		{name: "bad duration", env: []string{"SLUICE_IDLE=soon"}, want: []string{"SLUICE_IDLE: idle: \"soon\" is not a duration"}},
		{name: "several at once", file: "regin: x\ndrain: x\n", args: []string{"--idle=y"}, want: []string{"FILE:1:1", "FILE:2:8", "--idle: idle:"}},
		{name: "invalid value keeps its source", file: "region: Paris\n", env: []string{"SLUICE_QUIRKS=none"},
			want: []string{"FILE:1:9: region: \"Paris\" is not a region", "SLUICE_QUIRKS: quirks: \"none\" is neither aws nor fixed"}},
		{name: "unknown limit", args: []string{"--limits=streamrate=1"}, want: []string{"--limits: no limit is called \"streamrate\" (did you mean streamRate?); the limits are streamedPayload, streamBurst,"}},
		{name: "limit without value", env: []string{"SLUICE_LIMITS=streamRate"}, want: []string{"SLUICE_LIMITS: limit streamRate has no value; write streamRate=2MB, or streamRate=0"}},
		{name: "limit with bad size", args: []string{"--limits=streamRate=-1"}, want: []string{"--limits: limit streamRate: size \"-1\""}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := write(t, tc.file)
			_, err := Load(Sources{Folders: []string{dir}, Dir: dir, Environ: tc.env, Flags: flags(t, tc.args...)})
			if err == nil {
				t.Fatal("no error")
			}
			if e := (*Error)(nil); !errors.As(err, &e) {
				t.Errorf("%T is not an *Error", err)
			}
			for _, want := range tc.want {
				want = strings.ReplaceAll(want, "FILE", filepath.Join(dir, FileName))
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q\nlacks %q", err, want)
				}
			}
		})
	}
}

func TestFilesWithNothingInThem(t *testing.T) {
	for _, text := range []string{"", "# only a comment\n", "---\n", "null\n", "limits:\n"} {
		dir := write(t, text)
		if c, err := Load(Sources{Folders: []string{dir}, Dir: dir}); err != nil || c != Default() {
			t.Errorf("%q: %+v, %v", text, c, err)
		}
	}
}

func TestAccountKeepsItsLeadingZero(t *testing.T) {
	dir := write(t, "accountId: 012345670123")
	c, err := Load(Sources{Folders: []string{dir}, Dir: dir})
	if err != nil || c.AccountID != "012345670123" {
		t.Errorf("accountId = %q, %v", c.AccountID, err)
	}
}

func TestWhichFileIsRead(t *testing.T) {
	first, second, empty := write(t, "region: eu-west-1"), write(t, "region: eu-west-2"), t.TempDir()
	named := filepath.Join(empty, "other.yaml")
	if err := os.WriteFile(named, []byte("region: eu-west-3"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name string
		src  Sources
		want string
	}{
		{"none", Sources{Folders: []string{empty}}, "us-east-1"},
		{"first folder that has one", Sources{Folders: []string{empty, first, second}}, "eu-west-1"},
		{"folder relative to the working folder", Sources{Folders: []string{"."}, Dir: second}, "eu-west-2"},
		{"SLUICE_CONFIG", Sources{Folders: []string{first}, Environ: []string{"SLUICE_CONFIG=" + named}}, "eu-west-3"},
		{"--config, relative", Sources{Folders: []string{first}, Dir: empty, Environ: []string{"SLUICE_CONFIG=/nope"}, Flags: flags(t, "--config=other.yaml")}, "eu-west-3"},
		{"--config= for none", Sources{Folders: []string{first}, Environ: []string{"SLUICE_CONFIG=/nope"}, Flags: flags(t, "--config=")}, "us-east-1"},
		{"File", Sources{File: named, Flags: flags(t, "--config=/nope")}, "eu-west-3"},
	} {
		c, err := Load(tc.src)
		if err != nil || c.Region != tc.want {
			t.Errorf("%s: region %q, %v; want %q", tc.name, c.Region, err, tc.want)
		}
	}
	for _, src := range []Sources{
		{Flags: flags(t, "--config=/nope/sluice.yaml")},
		{Environ: []string{"SLUICE_CONFIG=/nope/sluice.yaml"}},
		{File: empty},
	} {
		if _, err := Load(src); err == nil {
			t.Errorf("%+v: no error", src)
		}
	}
}

func TestDataFolderOfEachSystem(t *testing.T) {
	for _, tc := range []struct {
		goos string
		env  map[string]string
		want string
	}{
		{"linux", map[string]string{"HOME": "/home/u"}, "/home/u/.local/share/sluice"},
		{"linux", map[string]string{"HOME": "/home/u", "XDG_DATA_HOME": "/x"}, "/x/sluice"},
		{"linux", map[string]string{"HOME": "/home/u", "XDG_DATA_HOME": "relative"}, "/home/u/.local/share/sluice"},
		{"linux", nil, ""},
		{"darwin", map[string]string{"HOME": "/Users/u"}, "/Users/u/Library/Application Support/sluice"},
		{"windows", map[string]string{"LocalAppData": "/c/local"}, "/c/local/sluice"},
		{"windows", map[string]string{"USERPROFILE": "/c/u"}, "/c/u/AppData/Local/sluice"},
	} {
		if got := filepath.ToSlash(dataFolder(tc.goos, tc.env)); got != tc.want {
			t.Errorf("dataFolder(%s, %v) = %q, want %q", tc.goos, tc.env, got, tc.want)
		}
	}
}

func TestDataStartsWhereItIsWritten(t *testing.T) {
	dir, work := write(t, "data: state"), t.TempDir()
	home := []string{"HOME=/home/u", "USERPROFILE=/home/u"}
	for _, tc := range []struct {
		name string
		src  Sources
		want string
	}{
		{"file", Sources{Folders: []string{dir}, Dir: work}, filepath.Join(dir, "state")},
		{"environment", Sources{Folders: []string{dir}, Dir: work, Environ: []string{"SLUICE_DATA=s"}}, filepath.Join(work, "s")},
		{"flag", Sources{Folders: []string{dir}, Dir: work, Flags: flags(t, "--data", "../s")}, filepath.Join(filepath.Dir(work), "s")},
		{"home", Sources{Dir: work, Environ: append(home, "SLUICE_DATA=~/s")}, "/home/u/s"},
	} {
		c, err := Load(tc.src)
		if err != nil || c.Data != tc.want {
			t.Errorf("%s: data %q, %v; want %q", tc.name, c.Data, err, tc.want)
		}
	}
}

func TestOnlyLoopbackIsSafeWithoutASandbox(t *testing.T) {
	for addr, safe := range map[string]bool{
		"127.0.0.1:9000": true, "127.9.9.9:1": true, "localhost:0": true, "LOCALHOST:1": true, "[::1]:80": true,
		"[::ffff:127.0.0.1]:80": true,
		":9000":                 false, "0.0.0.0:9000": false, "[::]:9000": false, "192.168.1.2:80": false, "example.com:80": false,
		"localhost.example.com:80": false, "[fe80::1%eth0]:80": false,
	} {
		c := Default()
		c.Addr = addr
		err := c.CheckUnsandboxed()
		if (err == nil) != safe {
			t.Errorf("%s: %v, want safe = %v", addr, err, safe)
		}
		if !safe && err != nil {
			for _, want := range []string{"addr:", "without a sandbox", "Function URLs", "--expose-unsandboxed", "SLUICE_EXPOSE_UNSANDBOXED=true"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%s: %q does not mention %q", addr, err, want)
				}
			}
		}
		c.ExposeUnsandboxed = true
		if err := c.Validate(); err != nil {
			t.Errorf("%s, accepted: %v", addr, err)
		}
	}
}

func TestValidateNamesTheKey(t *testing.T) {
	long := strings.Repeat("a", 60) + "." + strings.Repeat("b", 60) + "." + strings.Repeat("c", 60)
	for _, tc := range []struct {
		key    string
		change func(*Config)
	}{
		{"addr", func(c *Config) { c.Addr = "9000" }},
		{"addr", func(c *Config) { c.Addr = "127.0.0.1" }},
		{"addr", func(c *Config) { c.Addr = "127.0.0.1:http" }},
		{"addr", func(c *Config) { c.Addr = "127.0.0.1:65536" }},
		{"addr", func(c *Config) { c.Addr = "127.0.0.1:" }},
		{"domain", func(c *Config) { c.Domain = "" }},
		{"domain", func(c *Config) { c.Domain = "localhost:9000" }},
		{"domain", func(c *Config) { c.Domain = "Example.com" }},
		{"domain", func(c *Config) { c.Domain = "a..b" }},
		{"domain", func(c *Config) { c.Domain = "example.com." }},
		{"domain", func(c *Config) { c.Domain = "127.0.0.1" }},
		{"domain", func(c *Config) { c.Domain = long }},
		{"region", func(c *Config) { c.Region = "us-east-1\n" }},
		{"accountId", func(c *Config) { c.AccountID = "12345678901" }},
		{"quirks", func(c *Config) { c.Quirks = "" }},
		{"limits.streamRate", func(c *Config) { c.Limits.StreamRate = -1 }},
		{"limits.concurrency", func(c *Config) { c.Limits.Concurrency = -1 }},
		{"log.format", func(c *Config) { c.Log.Format = "xml" }},
		{"log.level", func(c *Config) { c.Log.Level = "INFO" }},
		{"drain", func(c *Config) { c.Drain = -1 }},
		{"idle", func(c *Config) { c.Idle = -time.Second }},
		{"history.age", func(c *Config) { c.History.Age = time.Millisecond }},
		{"history.size", func(c *Config) { c.History.Size = 1 << 20 }},
		{"retryWait", func(c *Config) { c.RetryWait = -time.Second }},
	} {
		c := Default()
		tc.change(&c)
		var e *Error
		if err := c.Validate(); !errors.As(err, &e) || e.Key != tc.key || e.Where != "" {
			t.Errorf("%s: Validate() = %v", tc.key, err)
		}
	}
}

func TestIdentityTakesThePartitionFromTheRegion(t *testing.T) {
	for region, partition := range map[string]string{"eu-west-1": "aws", "cn-north-1": "aws-cn", "us-gov-west-1": "aws-us-gov"} {
		c := Default()
		c.Region, c.AccountID = region, "000000000001"
		if got, want := c.Identity(), (sluice.Identity{Partition: partition, Region: region, AccountID: "000000000001"}); got != want {
			t.Errorf("Identity() = %+v, want %+v", got, want)
		}
		if err := c.Validate(); err != nil {
			t.Errorf("%s: %v", region, err)
		}
	}
}

func TestLimitsNotation(t *testing.T) {
	c := Default()
	keys, err := applyLimits(&c, " streamRate = 0 , concurrency=3,,streamRate=5KB ")
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Limits.StreamRate, want.Limits.Concurrency = 5<<10, 3
	if c != want {
		t.Errorf("got %+v, want %+v", c.Limits, want.Limits)
	}
	if want := []string{"limits.streamRate", "limits.concurrency", "limits.streamRate"}; !slices.Equal(keys, want) {
		t.Errorf("keys %v, want %v", keys, want)
	}
	if keys, err := applyLimits(&c, ""); err != nil || len(keys) != 0 || c != want {
		t.Errorf("empty text: %v, %v", keys, err)
	}
}

func TestMisspeltVariablesAreWarnedAbout(t *testing.T) {
	got := Misspelt([]string{
		"SLUICE_ADRR=x", "SLUICE_LIMIT=x", "SLUICE_ADDR=x", "SLUICE_PORT=tcp://10.0.0.1:80", "SLUICE_SERVICE_HOST=10.0.0.1",
		"SLUICE_ENDPOINT=x", "HOME=/", "odd",
	})
	want := []string{
		"the environment variable SLUICE_ADRR is not a setting; did you mean SLUICE_ADDR?",
		"the environment variable SLUICE_LIMIT is not a setting; did you mean SLUICE_LIMITS?",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

func TestFlagDefaultsAreTheDefaults(t *testing.T) {
	usage := flags(t).FlagUsages()
	for _, want := range []string{
		"--addr host:port", "(default \"127.0.0.1:9000\")", "--config file", "--account-id digits", "--log-format form",
		"(default \"10m\")", "(default \"10s\")", "--expose-unsandboxed  ", "--limits name=value",
	} {
		if !strings.Contains(usage, want) {
			t.Errorf("usage lacks %q:\n%s", want, usage)
		}
	}
}

// FuzzParseFile checks that no file makes Load panic, and that what it accepts
// is valid.
func FuzzParseFile(f *testing.F) {
	text, err := os.ReadFile(annotated)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(text))
	for _, s := range []string{"", "a: &a\n  b: *a\n", "log: &l\n  level: info\nlimits: *l\n", "? [x]\n: y\n", "limits: {streamRate: 1e9}", "a: [1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l := loader{config: Default(), where: map[string]string{}}
		l.parse("/f/sluice.yaml", []byte(text))
		for _, err := range l.found {
			if e := (*Error)(nil); !errors.As(err, &e) || !strings.HasPrefix(e.Where, "/f/sluice.yaml") || e.Message == "" {
				t.Errorf("mistake without a place or a message: %#v", err)
			}
		}
		if len(l.found) == 0 && l.config.Validate() == nil && l.config.Quotas().StreamRate < 0 {
			t.Error("negative limit accepted")
		}
	})
}

func FuzzLimits(f *testing.F) {
	f.Add("streamedPayload=200MB,streamRate=0")
	f.Add("concurrency=99999999999999999999")
	f.Add("=,=")
	f.Fuzz(func(t *testing.T, text string) {
		c := Default()
		if _, err := applyLimits(&c, text); err != nil {
			return
		}
		if err := c.Validate(); err != nil {
			t.Errorf("%q accepted: %v", text, err)
		}
	})
}

func TestChoicesAreGoodValues(t *testing.T) {
	listed := 0
	for _, s := range settings() {
		for _, choice := range s.choices {
			listed++
			c := Default()
			if err := s.set(&c, choice); err != nil || c.Validate() != nil {
				t.Errorf("%s: %s is offered and refused: %v", s.key, choice, errors.Join(err, c.Validate()))
			}
		}
		if c := Default(); s.choices != nil && s.set(&c, "nonsense") == nil && c.Validate() == nil {
			t.Errorf("%s takes nonsense", s.key)
		}
	}
	if listed == 0 || Choices("log-format") == nil || Choices("addr") != nil {
		t.Errorf("%d choices", listed)
	}
}
