package e2e

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/sluice-run/sluice/internal/sdkhttp"
)

// server is a running `sluice serve`.
type server struct {
	t      *testing.T
	cmd    *exec.Cmd
	addr   string
	client *lambda.Client
	output bytes.Buffer
	read   chan struct{}
}

// startServe runs `sluice serve` on a data folder and a free port, and waits for its
// banner. The caller ends it.
func startServe(t *testing.T, data string, args ...string) *server {
	t.Helper()
	s := &server{t: t, read: make(chan struct{})}
	s.cmd = exec.Command(binary, append([]string{"serve", "--json", "--addr", "127.0.0.1:0", "--sandbox", "process", "--data", data}, args...)...)
	s.cmd.Stderr = os.Stderr
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	for s.addr == "" {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			t.Fatalf("sluice serve ended: %v", err)
		}
		var e event
		json.Unmarshal(line, &e)
		_, s.addr, _ = strings.Cut(e.Address, "://")
	}
	go func() {
		io.Copy(&s.output, lines)
		close(s.read)
	}()
	s.client = lambda.New(lambda.Options{
		Region: "us-east-1", BaseEndpoint: aws.String("http://" + s.addr), Credentials: credentials.NewStaticCredentialsProvider("x", "y", ""),
		HTTPClient: sdkhttp.Client{Client: &http.Client{Transport: &http.Transport{}}}, RetryMaxAttempts: 1,
	})
	return s
}

func (s *server) kill() {
	s.cmd.Process.Kill()
	<-s.read
	s.cmd.Wait()
}

func (s *server) stop() {
	s.cmd.Process.Signal(os.Interrupt)
	<-s.read
	if err := s.cmd.Wait(); err != nil {
		s.t.Errorf("sluice serve ended with %v", err)
	}
}

func zipped(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	entry, err := w.Create("index.mjs")
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(entry, text)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// ledger is what a server has acknowledged.
type ledger struct {
	mu sync.Mutex
	// tags of the function of each worker, and what it was about to be: a write
	// that was cut off may have happened or not.
	acknowledged, attempted []int
	// events that were accepted.
	events map[int]bool
	next   int
}

// TestNothingAcknowledgedIsLost kills a server again and again while clients write
// to it, and compares what is there with what was acknowledged.
func TestNothingAcknowledgedIsLost(t *testing.T) {
	const workers, rounds = 4, 4
	data := t.TempDir()
	marks, err := os.MkdirTemp("/var/tmp", "sluice-e2e-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(marks)
	s := startServe(t, data, "--retry-wait", "100ms")
	create := func(name, code string) {
		t.Helper()
		if _, err := s.client.CreateFunction(t.Context(), &lambda.CreateFunctionInput{
			FunctionName: aws.String(name), Runtime: types.RuntimeNodejs20x, Role: aws.String("arn:aws:iam::123456789012:role/r"), Handler: aws.String("index.handler"),
			Code: &types.FunctionCode{ZipFile: zipped(t, code)}, Environment: &types.Environment{Variables: map[string]string{"MARKS": marks}},
		}); err != nil {
			t.Fatal(err)
		}
	}
	create("marker", `import { writeFileSync } from 'node:fs'
export const handler = async event => { writeFileSync(process.env.MARKS + '/' + event.n, '') }`)
	for w := range workers {
		create(fmt.Sprint("fn-", w), "export const handler = async () => 1")
	}
	l := &ledger{acknowledged: make([]int, workers), attempted: make([]int, workers), events: map[int]bool{}}
	for round := range rounds {
		ctx, cancel := context.WithCancel(t.Context())
		var load sync.WaitGroup
		for w := range workers {
			load.Go(func() { l.write(ctx, s.client, w) })
		}
		load.Go(func() { l.send(ctx, s.client) })
		time.Sleep(200*time.Millisecond + rand.N(600*time.Millisecond))
		s.kill()
		cancel()
		load.Wait()
		s = startServe(t, data, "--retry-wait", "100ms")
		l.compare(t, s.client, round)
	}
	defer s.stop()
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		missing := 0
		for n := range l.events {
			if _, err := os.Stat(filepath.Join(marks, fmt.Sprint(n))); err != nil {
				missing++
			}
		}
		if missing == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d accepted events never ran", missing, len(l.events))
		}
	}
	total := 0
	for _, n := range l.acknowledged {
		total += n
	}
	t.Logf("%d kills, %d writes and %d events acknowledged", rounds, total, len(l.events))
	if total < workers || len(l.events) < rounds {
		t.Error("there was hardly any load")
	}
}

// write sets the timeout of a function to the number of the write, modulo what a
// timeout may be, until the server is gone.
func (l *ledger) write(ctx context.Context, client *lambda.Client, worker int) {
	for n := l.acknowledged[worker] + 1; ctx.Err() == nil; n++ {
		l.mu.Lock()
		l.attempted[worker] = n
		l.mu.Unlock()
		_, err := client.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{
			FunctionName: aws.String(fmt.Sprint("fn-", worker)), Description: aws.String(fmt.Sprint(n)),
		})
		if err != nil {
			return
		}
		l.mu.Lock()
		l.acknowledged[worker] = n
		l.mu.Unlock()
	}
}

// send queues events until the server is gone.
func (l *ledger) send(ctx context.Context, client *lambda.Client) {
	for ctx.Err() == nil {
		l.next++
		_, err := client.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String("marker"), InvocationType: types.InvocationTypeEvent, Payload: fmt.Appendf(nil, `{"n":%d}`, l.next)})
		if err != nil {
			return
		}
		l.events[l.next] = true
		time.Sleep(20 * time.Millisecond)
	}
}

func (l *ledger) compare(t *testing.T, client *lambda.Client, round int) {
	t.Helper()
	for w := range l.acknowledged {
		got, err := client.GetFunctionConfiguration(t.Context(), &lambda.GetFunctionConfigurationInput{FunctionName: aws.String(fmt.Sprint("fn-", w))})
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		n := 0
		fmt.Sscan(aws.ToString(got.Description), &n)
		if n != l.acknowledged[w] && n != l.attempted[w] {
			t.Errorf("round %d: fn-%d is at write %d, %d was acknowledged and %d attempted", round, w, n, l.acknowledged[w], l.attempted[w])
		}
		l.acknowledged[w] = n
	}
}

// TestDamagedStateIsNotServed truncates the state: the server says so and ends.
func TestDamagedStateIsNotServed(t *testing.T) {
	data := t.TempDir()
	s := startServe(t, data)
	for i := range 5 {
		if _, err := s.client.CreateFunction(t.Context(), &lambda.CreateFunctionInput{
			FunctionName: aws.String(fmt.Sprint("fn-", i)), Runtime: types.RuntimeNodejs20x, Role: aws.String("arn:aws:iam::123456789012:role/r"), Handler: aws.String("index.handler"),
			Code: &types.FunctionCode{ZipFile: zipped(t, "export const handler = async () => 1")},
		}); err != nil {
			t.Fatal(err)
		}
	}
	s.stop()
	filepath.WalkDir(data, func(path string, _ os.DirEntry, _ error) error {
		if strings.Contains(path, "KV_registry") && strings.HasSuffix(path, ".blk") {
			os.Truncate(path, 100)
		}
		return nil
	})
	out, err := exec.Command(binary, "serve", "--addr", "127.0.0.1:0", "--data", data).CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(string(out), "is damaged") || !strings.Contains(string(out), "restore it from a backup") {
		t.Errorf("%v\n%s", err, out)
	}
}
