package config

import (
	"strings"
	"testing"
	"time"
)

// TestWhereSpansGo has every way to say it. Of OpenTelemetry's variables the form for
// traces wins, and ours wins over both.
func TestWhereSpansGo(t *testing.T) {
	for _, tc := range []struct {
		name, file string
		env, args  []string
		want       string
	}{
		{name: "nowhere"},
		{name: "a collector", args: []string{"--traces=http://c:4318"}, want: "http://c:4318/v1/traces"},
		{name: "a path of its own", args: []string{"--traces=https://c/otlp/spans"}, want: "https://c/otlp/spans"},
		{name: "a slash is a path", args: []string{"--traces=http://c/"}, want: "http://c/"},
		{name: "the base of all signals", env: []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318"}, want: "http://c:4318/v1/traces"},
		{name: "a base with a path", env: []string{"OTEL_EXPORTER_OTLP_ENDPOINT=https://c/otlp/"}, want: "https://c/otlp/v1/traces"},
		{name: "the form for traces is taken as it is", env: []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://a", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://c/x"}, want: "http://c/x"},
		{name: "without a path", env: []string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://c"}, want: "http://c/"},
		{name: "over the file", file: "traces: http://f\n", env: []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://c"}, want: "http://c/v1/traces"},
		{name: "under our own variable", env: []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://c", "SLUICE_TRACES=http://s"}, want: "http://s/v1/traces"},
		{name: "turned off by a flag", env: []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://c", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"}, args: []string{"--traces="}},
		{name: "the SDK is off", env: []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://c", "OTEL_SDK_DISABLED=true"}},
		{name: "another exporter", env: []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://c", "OTEL_TRACES_EXPORTER=none"}},
		{name: "meant for other programs", env: []string{"OTEL_EXPORTER_OTLP_PROTOCOL=grpc", "OTEL_EXPORTER_OTLP_HEADERS=nonsense", "OTEL_TRACES_SAMPLER=xray"}},
	} {
		dir := write(t, tc.file)
		c, err := Load(Sources{Folders: []string{dir}, Dir: dir, Environ: tc.env, Flags: flags(t, tc.args...)})
		if err != nil || c.TracesURL() != tc.want {
			t.Errorf("%s: %q, %v; want %q", tc.name, c.TracesURL(), err, tc.want)
		}
	}
}

func TestHowSpansAreSent(t *testing.T) {
	c, err := Load(Sources{Dir: t.TempDir(), Environ: []string{
		"SLUICE_TRACES=http://c", "OTEL_EXPORTER_OTLP_TRACES_HEADERS=x-key=a%2Cb%3D , y=2,", "OTEL_EXPORTER_OTLP_HEADERS=z=3", "OTEL_EXPORTER_OTLP_TIMEOUT=1500",
		"OTEL_EXPORTER_OTLP_COMPRESSION=gzip", "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", "OTEL_EXPORTER_OTLP_CERTIFICATE=/ca",
		"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE=/crt", "OTEL_EXPORTER_OTLP_CLIENT_KEY=/key",
	}})
	if err != nil {
		t.Fatal(err)
	}
	o := c.OTLP
	if h := o.Header(); len(h) != 2 || h.Get("X-Key") != "a,b=" || h.Get("Y") != "2" {
		t.Errorf("%v", h)
	}
	if o.Timeout != 1500*time.Millisecond || !o.Compress || o.CA != "/ca" || o.Certificate != "/crt" || o.Key != "/key" || o.Sampling != Default().OTLP.Sampling {
		t.Errorf("%+v", o)
	}
}

func TestSamplers(t *testing.T) {
	for sampler, want := range map[string]Sampling{
		"": {true, 1}, "always_on": {false, 1}, "always_off": {false, 0}, "traceidratio": {false, .25},
		"parentbased_always_on": {true, 1}, "parentbased_always_off": {true, 0}, " ParentBased_TraceIDRatio ": {true, .25},
	} {
		c, err := Load(Sources{Dir: t.TempDir(), Environ: []string{"SLUICE_TRACES=http://c", "OTEL_TRACES_SAMPLER=" + sampler, "OTEL_TRACES_SAMPLER_ARG=0.25"}})
		if err != nil || c.OTLP.Sampling != want {
			t.Errorf("%s: %+v, %v", sampler, c.OTLP.Sampling, err)
		}
	}
}

func TestMistakesAboutSpans(t *testing.T) {
	for _, tc := range []struct{ env, want string }{
		{"SLUICE_TRACES=localhost:4318", `SLUICE_TRACES: traces: "localhost:4318" is not the address of a collector; write one such as http://127.0.0.1:4318`},
		{"SLUICE_TRACES=grpc://c", "is not the address of a collector"},
		{"SLUICE_TRACES=http://u:secret@c", "holds a password; send it in a header, with OTEL_EXPORTER_OTLP_HEADERS"},
		{"SLUICE_TRACES=http://c?key=1", "goes on after the path"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=c:4317", "OTEL_EXPORTER_OTLP_ENDPOINT: traces:"},
		{"OTEL_EXPORTER_OTLP_PROTOCOL=grpc", `OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" is not spoken; set http/protobuf`},
		{"OTEL_EXPORTER_OTLP_TRACES_HEADERS=secret", "OTEL_EXPORTER_OTLP_TRACES_HEADERS: a header is not written as name=value"},
		{"OTEL_EXPORTER_OTLP_HEADERS=k=%zz", "the value of the header k is not escaped"},
		{"OTEL_EXPORTER_OTLP_HEADERS=k=a%0D%0Ab: c", "the value of the header k is not escaped"},
		{"OTEL_EXPORTER_OTLP_TIMEOUT=10s", `OTEL_EXPORTER_OTLP_TIMEOUT: "10s" is not a number of milliseconds`},
		{"OTEL_EXPORTER_OTLP_COMPRESSION=br", `"br" is neither gzip nor none`},
		{"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE=/crt", "a certificate needs its key; set OTEL_EXPORTER_OTLP_CLIENT_KEY"},
		{"OTEL_TRACES_SAMPLER=xray", `OTEL_TRACES_SAMPLER: "xray" is no sampler that Sluice has`},
	} {
		_, err := Load(Sources{Dir: t.TempDir(), Environ: []string{"SLUICE_TRACES=http://c", tc.env}})
		if strings.Contains(tc.env, "_ENDPOINT=") {
			_, err = Load(Sources{Dir: t.TempDir(), Environ: []string{tc.env}})
		}
		if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want %s", tc.env, err, tc.want)
		}
	}
	for _, ratio := range []string{"2", "-1", "x", "NaN"} {
		_, err := Load(Sources{Dir: t.TempDir(), Environ: []string{"SLUICE_TRACES=http://c", "OTEL_TRACES_SAMPLER=traceidratio", "OTEL_TRACES_SAMPLER_ARG=" + ratio}})
		if err == nil || !strings.Contains(err.Error(), "OTEL_TRACES_SAMPLER_ARG: \""+ratio+"\" is not a ratio") {
			t.Errorf("%s: %v", ratio, err)
		}
	}
}
