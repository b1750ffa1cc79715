package environment

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	sluice "github.com/sluice-run/sluice"
)

// runExtension is an external extension: it subscribes to telemetry, writes what it
// learns to the file TOLD, and does what EXTENSION says.
func runExtension(api string) {
	told, err := os.OpenFile(os.Getenv("TOLD"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		os.Exit(71)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		os.Exit(72)
	}
	go http.Serve(l, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var events []struct {
			Type   string
			Record json.RawMessage
		}
		json.NewDecoder(r.Body).Decode(&events)
		for _, e := range events {
			fmt.Fprintf(told, "telemetry %s %s\n", e.Type, e.Record)
		}
	}))
	request := func(method, path, id string, body any) (*http.Response, []byte) {
		text, _ := json.Marshal(body)
		req, _ := http.NewRequest(method, api+path, bytes.NewReader(text))
		req.Header.Set("Lambda-Extension-Name", filepath.Base(os.Getenv("NAME")))
		req.Header.Set("Lambda-Extension-Identifier", id)
		req.Header.Set("Lambda-Extension-Function-Error-Type", "Observer.Broken")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			os.Exit(73)
		}
		defer resp.Body.Close()
		data, _ := io.ReadAll(resp.Body)
		return resp, data
	}
	resp, _ := request("POST", "/2020-01-01/extension/register", "", map[string]any{"events": []string{"INVOKE", "SHUTDOWN"}})
	id := resp.Header.Get("Lambda-Extension-Identifier")
	request("PUT", "/2022-07-01/telemetry", id, map[string]any{
		"schemaVersion": "2022-07-01", "types": []string{"platform", "function", "extension"}, "buffering": map[string]int{"timeoutMs": 25},
		"destination": map[string]string{"protocol": "HTTP", "URI": fmt.Sprintf("http://sandbox.localdomain:%d/", l.Addr().(*net.TCPAddr).Port)},
	})
	if os.Getenv("EXTENSION") == "fail" {
		request("POST", "/2020-01-01/extension/init/error", id, map[string]any{})
		select {}
	}
	fmt.Println("extension at work")
	for {
		_, event := request("GET", "/2020-01-01/extension/event/next", id, nil)
		fmt.Fprintf(told, "event %s\n", event)
		switch {
		case bytes.Contains(event, []byte("SHUTDOWN")):
			time.Sleep(200 * time.Millisecond) // telemetry is on its way
			os.Exit(0)
		case os.Getenv("EXTENSION") == "crash":
			os.Exit(9)
		case os.Getenv("EXTENSION") == "slow":
			time.Sleep(300 * time.Millisecond)
		}
	}
}

// extended is a harness with an extension named observer.
func extended(t *testing.T, behaviour string, change func(*sluice.Function)) (h *harness, told string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	layer, base := t.TempDir(), t.TempDir()
	os.MkdirAll(filepath.Join(layer, "extensions"), 0o755)
	script := "#!/bin/sh\nNAME=$0 EXTENSION=" + behaviour + " exec " + self + "\n"
	if err := os.WriteFile(filepath.Join(layer, "extensions", "observer"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	file, err := os.CreateTemp("/var/tmp", filepath.Base(base))
	if err != nil {
		t.Fatal(err)
	}
	file.Close()
	t.Cleanup(func() { os.Remove(file.Name()) })
	h = newHarness(t, func(f *sluice.Function, _ *Host) {
		f.Layers = []string{t.TempDir(), layer}
		f.Environment["TOLD"] = file.Name()
		if change != nil {
			change(f)
		}
	})
	return h, file.Name()
}

func TestAnExtensionSeesTheLifeOfItsEnvironment(t *testing.T) { // docs/contract/runtime-api.md §6, §7
	h, file := extended(t, "well", nil)
	if _, body, err := h.call(`{"do":"echo","text":"hi"}`); body != "hi 1" || err != nil {
		t.Fatalf("%q %v", body, err)
	}
	h.record()
	h.pool.Retire()
	<-h.pool.Gone()
	text, _ := os.ReadFile(file)
	told := normal(string(text))
	for _, want := range []string{
		`event {"eventType":"INVOKE","deadlineMs":`, `"invokedFunctionArn":"arn:fn"`, `event {"eventType":"SHUTDOWN","shutdownReason":"spindown","deadlineMs":`,
		`telemetry platform.initStart {"functionName":"fn"`, `telemetry platform.extension {"events":["INVOKE","SHUTDOWN"],"name":"observer","state":"Ready"}`,
		`telemetry platform.telemetrySubscription {"name":"observer","state":"Subscribed","types":["platform","function","extension"]}`,
		`telemetry platform.initRuntimeDone {"initializationType":"on-demand","phase":"init","status":"success"}`, `telemetry platform.initReport {`,
		`telemetry platform.start {"requestId":"ID","version":"$LATEST"}`, `telemetry function "log line"`, `telemetry extension "extension at work"`,
		`telemetry platform.runtimeDone {"metrics":{"durationMs":`, `"producedBytes":`, `"name":"responseLatency"`, `"name":"responseDuration"`,
		`telemetry platform.report {"metrics":{"billedDurationMs":`,
	} {
		if !strings.Contains(told, want) {
			t.Errorf("the extension was not told %s\n%s", want, told)
		}
	}
	log := h.rec.log(sluice.SourcePlatform)
	for _, want := range []string{"EXTENSION\tName: observer\tState: Ready\tEvents: [INVOKE, SHUTDOWN]\n", "TELEMETRY\tName: observer\tState: Subscribed\tTypes: [platform, function, extension]\n"} {
		if !strings.Contains(log, want) {
			t.Errorf("%q is not in the log:\n%s", want, log)
		}
	}
	if log := h.rec.log(sluice.SourceExtension); !strings.Contains(log, "extension at work\n") {
		t.Errorf("what the extension printed: %q", log)
	}
}

func TestTheInvocationLastsUntilTheExtensionIsDone(t *testing.T) {
	h, _ := extended(t, "slow", nil)
	begin := time.Now()
	if _, body, _ := h.call(`{"do":"echo","text":"hi"}`); body != "hi 1" {
		t.Errorf("%q", body)
	}
	if r := h.record(); r.Duration < 250*time.Millisecond {
		t.Errorf("duration %v, %v after the call", r.Duration, time.Since(begin))
	}
}

func TestExtensionsThatFail(t *testing.T) {
	for behaviour, want := range map[string]string{"fail": "Extension.InitError", "crash": "Extension.Crash"} {
		h, _ := extended(t, behaviour, nil)
		fe, body, _ := h.call(`{"do":"sleep","n":5000}`)
		if fe != want || !strings.Contains(body, "extension observer: ") {
			t.Errorf("%s: %s %s", behaviour, fe, body)
		}
		if r := h.record(); r.ErrorType != want {
			t.Errorf("%s: %+v", behaviour, r)
		}
	}
	h, _ := extended(t, "well", func(f *sluice.Function) { os.Chmod(filepath.Join(f.Layers[1], "extensions", "observer"), 0o644) })
	if fe, body, _ := h.call(`{"do":"echo"}`); fe != "Extension.LaunchError" || !strings.Contains(body, "observer") {
		t.Errorf("%s %s", fe, body)
	}
	h.record()
}

func TestTimeoutTellsTheExtension(t *testing.T) {
	h, file := extended(t, "well", func(f *sluice.Function) { f.Timeout = time.Second })
	if fe, _, _ := h.call(`{"do":"sleep","n":20000}`); fe != "Sandbox.Timedout" {
		t.Errorf("%s", fe)
	}
	h.record()
	if told, _ := os.ReadFile(file); !strings.Contains(string(told), `"shutdownReason":"timeout"`) {
		t.Errorf("%s", told)
	}
}
