package environment

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// The test binary is its own runtime: started in an execution environment it
// speaks the Runtime API like any custom runtime, and does what the event says.
func TestMain(m *testing.M) {
	if os.Getenv("EXTENSION") != "" {
		runExtension("http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API"))
		return
	}
	if api := os.Getenv("AWS_LAMBDA_RUNTIME_API"); api != "" {
		runRuntime("http://" + api + "/2018-06-01/runtime/")
		return
	}
	goleak.VerifyTestMain(m)
}

type order struct {
	Do   string `json:"do"`
	N    int    `json:"n"`
	Text string `json:"text"`
}

func runRuntime(api string) {
	initialize(api)
	for count := 1; ; count++ {
		resp, err := http.Get(api + "invocation/next")
		if err != nil {
			os.Exit(70)
		}
		var o order
		json.NewDecoder(resp.Body).Decode(&o)
		resp.Body.Close()
		id := resp.Header.Get("Lambda-Runtime-Aws-Request-Id")
		obey(api+"invocation/"+id, o, count)
	}
}

// initialize does what the function's INIT variable says.
func initialize(api string) {
	tries := filepath.Join(os.TempDir(), "tries")
	if d := os.Getenv("TMPDIR"); d != "" {
		tries = filepath.Join(d, "tries")
	}
	f, _ := os.OpenFile(tries, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	f.WriteString("x")
	f.Close()
	data, _ := os.ReadFile(tries)
	first := len(data) == 1
	fmt.Println("init")
	switch mode := os.Getenv("INIT"); {
	case mode == "error", mode == "error-once" && first:
		send(api+"init/error", strings.NewReader(`{"errorType":"Boom","errorMessage":"no"}`), "Lambda-Runtime-Function-Error-Type", "Runtime.Boom")
		os.Exit(1)
	case mode == "exit":
		os.Exit(3)
	case mode == "hang-once" && first:
		select {}
	}
}

func send(url string, body io.Reader, header ...string) {
	req, _ := http.NewRequest("POST", url, body)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	if resp, err := http.DefaultClient.Do(req); err == nil {
		resp.Body.Close()
	}
}

func obey(call string, o order, count int) {
	switch o.Do {
	case "echo":
		fmt.Println("log line")
		send(call+"/response", strings.NewReader(o.Text+" "+strconv.Itoa(count)))
	case "error":
		send(call+"/error", strings.NewReader(`{"errorType":"E"}`))
	case "sleep":
		time.Sleep(time.Duration(o.N) * time.Millisecond)
		send(call+"/response", strings.NewReader("slept"))
	case "exit":
		os.Exit(o.N)
	case "kill":
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case "env":
		send(call+"/response", strings.NewReader(strings.Join(os.Environ(), "\n")))
	case "write":
		err := os.WriteFile("/tmp/"+o.Text, nil, 0o600)
		entries, _ := filepath.Glob("/tmp/mark-*")
		send(call+"/response", strings.NewReader(fmt.Sprint(len(entries), err)))
	case "stream-exit", "stream-hang", "stream-error-exit":
		r, w := io.Pipe()
		go func() {
			io.WriteString(w, "part")
			time.Sleep(50 * time.Millisecond)
			switch o.Do {
			case "stream-exit":
				os.Exit(o.N)
			case "stream-error-exit":
				send(call+"/error", strings.NewReader(`{"errorType":"E"}`), "Lambda-Runtime-Function-Error-Type", "Runtime.Unhandled")
				os.Exit(128)
			}
			select {}
		}()
		send(call+"/response", r)
	case "respond-then-exit":
		send(call+"/response", strings.NewReader("done"))
		os.Exit(0)
	}
}
