package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const iotExample = "../../examples/iot"

// mqttBroker is a NATS server with the example's broker.conf, on ports and in a
// folder of its own.
type mqttBroker struct {
	t       *testing.T
	options *natsserver.Options
	server  *natsserver.Server
}

func startBroker(t *testing.T, change ...func(*natsserver.Options)) *mqttBroker {
	t.Helper()
	options, err := natsserver.ProcessConfigFile(iotExample + "/broker.conf")
	if err != nil {
		t.Fatal(err)
	}
	options.Port, options.MQTT.Port = natsserver.RANDOM_PORT, natsserver.RANDOM_PORT
	options.StoreDir, options.NoSigs = t.TempDir(), true
	for _, c := range change {
		c(options)
	}
	b := &mqttBroker{t: t, options: options}
	b.start()
	t.Cleanup(b.stop)
	return b
}

// start starts it, the second time on the ports it had and with what it had stored.
func (b *mqttBroker) start() {
	b.t.Helper()
	server, err := natsserver.NewServer(b.options)
	if err != nil {
		b.t.Fatal(err)
	}
	server.Start()
	b.server = server
	if !server.ReadyForConnections(patience) {
		b.t.Fatal("the broker does not start")
	}
	b.options.Port = server.Addr().(*net.TCPAddr).Port
}

func (b *mqttBroker) stop() {
	b.server.Shutdown()
	b.server.WaitForShutdown()
}

func (b *mqttBroker) mqtt() string { return fmt.Sprintf("mqtt://127.0.0.1:%d", b.options.MQTT.Port) }
func (b *mqttBroker) nats() string { return fmt.Sprintf("nats://127.0.0.1:%d", b.options.Port) }

// live starts the example on this broker; seconds is the function's timeout.
func (b *mqttBroker) live(seconds int) *devServer {
	b.t.Helper()
	return startDev(b.t, copyOf(b.t, iotExample), "--drain", "300ms", "--parameter-overrides", fmt.Sprintf("BrokerUrl=%s Seconds=%d", b.nats(), seconds))
}

// readings is the stream behind the devices, for a test that breaks it.
func (b *mqttBroker) readings() jetstream.Stream {
	b.t.Helper()
	js := b.jetstream()
	stream, err := js.Stream(b.t.Context(), "READINGS")
	if err != nil {
		b.t.Fatal(err)
	}
	return stream
}

func (b *mqttBroker) jetstream() jetstream.JetStream {
	b.t.Helper()
	conn, err := nats.Connect(b.nats())
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	if err != nil {
		b.t.Fatal(err)
	}
	return js
}

// mqttDevice publishes over MQTT, one acknowledged message after the other.
type mqttDevice struct {
	t      *testing.T
	cmd    *exec.Cmd
	lines  io.WriteCloser
	answer *bufio.Scanner
}

func (b *mqttBroker) device() *mqttDevice {
	b.t.Helper()
	d := &mqttDevice{t: b.t, cmd: exec.Command("node", "clients/publish.mjs", b.mqtt())}
	d.cmd.Stderr = os.Stderr
	var err error
	if d.lines, err = d.cmd.StdinPipe(); err != nil {
		b.t.Fatal(err)
	}
	out, err := d.cmd.StdoutPipe()
	if err != nil {
		b.t.Fatal(err)
	}
	d.answer = bufio.NewScanner(out)
	if err := d.cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() {
		d.lines.Close()
		d.cmd.Wait()
	})
	return d
}

func (d *mqttDevice) publish(id, payload string) error {
	if _, err := fmt.Fprintf(d.lines, "devices/%s/readings %s\n", id, payload); err != nil {
		return err
	}
	if !d.answer.Scan() {
		return errors.New("the broker does not acknowledge")
	}
	return nil
}

func (d *mqttDevice) says(id, payload string) {
	d.t.Helper()
	if err := d.publish(id, payload); err != nil {
		d.t.Fatal(err)
	}
}

func (d *mqttDevice) reads(id string, temperature float64) {
	d.t.Helper()
	d.says(id, fmt.Sprintf(`{"temperature":%g}`, temperature))
}

// liveEvent is one event of the stream. A comment is one whose name is ":".
type liveEvent struct {
	Name string
	ID   int
	Data struct {
		Device, Why, Message string
		Temperature          float64
		Time, Age, Pending   int64
		From, To             int
	}
}

// viewer reads the stream of one response.
type viewer struct {
	t     *testing.T
	resp  *http.Response
	lines *bufio.Reader
	leave context.CancelFunc
}

// view opens a stream; after is the Last-Event-ID, if there is one.
func (d *devServer) view(query string, after int) *viewer {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), 2*patience)
	d.t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, "GET", d.url("Live", "readings"+query), nil)
	if err != nil {
		d.t.Fatal(err)
	}
	req.Header.Set("Accept", "text/event-stream")
	if after > 0 {
		req.Header.Set("Last-Event-ID", strconv.Itoa(after))
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { resp.Body.Close() })
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream; charset=utf-8" {
		d.t.Fatalf("status %d, %v", resp.StatusCode, resp.Header)
	}
	return &viewer{t: d.t, resp: resp, lines: bufio.NewReader(resp.Body), leave: cancel}
}

// read returns the next event or comment, or how the body ended.
func (v *viewer) read() (liveEvent, error) {
	var e liveEvent
	begun, told := false, false
	for {
		line, err := v.lines.ReadString('\n')
		if err != nil {
			if begun && err == io.EOF {
				err = io.ErrUnexpectedEOF // an event that was cut
			}
			return e, err
		}
		line = strings.TrimSuffix(line, "\n")
		field, value, _ := strings.Cut(line, ": ")
		switch {
		case line == "" && told:
			return e, nil
		case line == "":
			begun = false
			continue
		case field == "":
			e.Name, told = ":", true
		case field == "event":
			e.Name = value
		case field == "id":
			e.ID, err = strconv.Atoi(value)
		case field == "data":
			err = json.Unmarshal([]byte(value), &e.Data)
			told = true
		case field != "retry":
			err = fmt.Errorf("no field of an event: %q", line)
		}
		begun = true
		if err != nil {
			return e, err
		}
	}
}

// news is the next event that is neither a comment nor the one that every stream
// begins with.
func (v *viewer) news() (liveEvent, error) {
	for {
		if e, err := v.read(); err != nil || e.Name != ":" && e.Name != "ready" {
			return e, err
		}
	}
}

func (v *viewer) next() liveEvent {
	v.t.Helper()
	e, err := v.news()
	if err != nil {
		v.t.Fatal(err)
	}
	return e
}

// rest returns the events until the body ends, and how it does.
func (v *viewer) rest() (events []liveEvent, err error) {
	for {
		e, err := v.news()
		if err != nil {
			return events, err
		}
		events = append(events, e)
	}
}

func TestLiveReadingsArriveOneByOne(t *testing.T) {
	b := startBroker(t)
	d, device := b.live(60), b.device()
	all, one := d.view("", 0), d.view("?device=cellar", 0)
	for i := range 6 {
		id := []string{"boiler", "cellar"}[i%2]
		device.reads(id, float64(i)+0.125)
		// Each is there before the next one is published.
		e := all.next()
		if e.Name != "" || e.ID != i+1 || e.Data.Device != id || e.Data.Temperature != float64(i)+0.13 || time.Since(time.UnixMilli(e.Data.Time)).Abs() > patience {
			t.Errorf("event %+v", e)
		}
		if i%2 == 1 {
			if e := one.next(); e.ID != i+1 || e.Data.Device != "cellar" {
				t.Errorf("event %+v", e)
			}
		}
	}

	// What isn't a reading has a number and breaks nothing; what is too large is
	// none of the stream's.
	device.says("boiler", `{"temperature":`)
	device.says("boiler", `{"temperature":1e999}`)
	device.says("boiler", `{"temperature":1,"more":"`+strings.Repeat("x", 2000)+`"}`)
	device.reads("boiler", 9)
	for i, why := range []string{"it is not JSON", "a temperature is between -273.15 and 5000 °C"} {
		if e := all.next(); e.Name != "rejected" || e.ID != 7+i || e.Data.Device != "boiler" || e.Data.Why != why {
			t.Errorf("event %+v", e)
		}
	}
	if e := all.next(); e.Name != "" || e.ID != 9 || e.Data.Temperature != 9 {
		t.Errorf("event %+v", e)
	}

	// Who comes now begins with the last minute.
	if first := d.view("", 0).next(); first.ID != 1 || first.Data.Pending != 8 || first.Data.Age > patience.Milliseconds() {
		t.Errorf("the first event is %+v", first)
	}
	if first := d.view("?device=cellar&after=2", 0).next(); first.ID != 4 || first.Data.Pending != 1 {
		t.Errorf("the first event is %+v", first)
	}

	for _, tt := range []struct {
		method, path, want string
		status             int
	}{
		{"GET", "readings?device=*", "the name of one device", 400},
		{"GET", "readings?after=x", "a whole number", 400},
		{"POST", "readings", "POST is not offered", 405},
		{"GET", "elsewhere", "nothing at this path", 404},
	} {
		req, _ := http.NewRequest(tt.method, d.url("Live", tt.path), nil)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != tt.status || !strings.Contains(string(body), tt.want) {
			t.Errorf("%s %s: %d %s", tt.method, tt.path, resp.StatusCode, body)
		}
	}
}

func TestLiveResumesWhereItBroke(t *testing.T) {
	b := startBroker(t)
	d, device := b.live(60), b.device()
	last := 0
	for _, tt := range []struct {
		name string
		cut  func(*testing.T, *viewer)
	}{
		{"the reader leaves", func(_ *testing.T, v *viewer) { v.leave() }},
		{"the function is killed", func(t *testing.T, v *viewer) {
			for _, pid := range processesBelow(t, d.cmd.Process.Pid) {
				if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && err != syscall.ESRCH {
					t.Fatal(err)
				}
			}
			// What had left already isn't looked at and comes again.
			if _, err := v.rest(); err == nil || err == io.EOF {
				t.Errorf("the stream of a function that was killed ended with %v", err)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			const readings, each = 300, 60
			first := last
			v := d.view("", last)
			published := make(chan error, 1)
			go func() {
				for i := range readings {
					if err := device.publish("boiler", fmt.Sprintf(`{"temperature":%d}`, i)); err != nil {
						published <- err
						return
					}
				}
				published <- nil
			}()
			// Again and again, while more comes in.
			for last < first+readings {
				e := v.next()
				if e.Name != "" || e.ID != last+1 || int(e.Data.Temperature) != last-first {
					t.Fatalf("event %+v after %d", e, last)
				}
				last = e.ID
				if last%each == 0 {
					tt.cut(t, v)
					query := ""
					if last%(2*each) == 0 {
						query = "?after=1" // of the URL's first time; the header knows better
					}
					v = d.view(query, last)
				}
			}
			if err := <-published; err != nil {
				t.Fatal(err)
			}
			// No more than that.
			device.reads("boiler", 999)
			if e := v.next(); e.ID != last+1 || e.Data.Temperature != 999 {
				t.Errorf("event %+v after %d", e, last)
			}
			last++
		})
	}
}

func TestLiveEndsBeforeTheFunctionHasTo(t *testing.T) {
	b := startBroker(t)
	d, device := b.live(5), b.device()
	device.reads("boiler", 0) // makes no reading yet: there is no stream to keep it
	var seen []int
	done := make(chan struct{})
	published := make(chan int, 1)
	v := d.view("", 0)
	go func() {
		for i := 1; ; i++ {
			select {
			case <-done:
				published <- i - 1
				return
			default:
				if err := device.publish("boiler", fmt.Sprintf(`{"temperature":%d}`, i%1000)); err != nil {
					published <- -1
					return
				}
			}
		}
	}()
	for range 2 {
		events, err := v.rest()
		if err != io.EOF {
			t.Fatalf("the stream ended with %v after %d events", err, len(events))
		}
		for _, e := range events {
			seen = append(seen, e.ID)
		}
		v = d.view("", seen[len(seen)-1])
	}
	close(done)
	last := <-published
	if last < 0 {
		t.Fatal("the device failed")
	}
	for seen[len(seen)-1] < last {
		seen = append(seen, v.next().ID)
	}
	for i, id := range seen {
		if id != i+1 {
			t.Fatalf("number %d came as event %d of %d", id, i+1, len(seen))
		}
	}
	d.waitLog("stream ended, its time is up")
	if e := d.wait("request", func(e event) bool { return strings.HasPrefix(e.Path, "/readings") }); e.Ending != "complete" {
		t.Errorf("request line %+v", e)
	}
}

func TestLiveSaysThatItIsAlive(t *testing.T) {
	b := startBroker(t)
	v := b.live(60).view("", 0)
	for _, name := range []string{"ready", ":"} {
		if e, err := v.read(); err != nil || e.Name != name {
			t.Errorf("%+v %v", e, err)
		}
	}
}

func TestLiveTellsWhatTheBrokerForgot(t *testing.T) {
	b := startBroker(t)
	d, device := b.live(60), b.device()
	v := d.view("", 0)
	for i := range 5 {
		device.reads("boiler", float64(i))
		v.next()
	}
	v.leave()
	for i := range 5 {
		device.reads("boiler", float64(i))
	}
	if err := b.readings().Purge(t.Context(), jetstream.WithPurgeSequence(9)); err != nil {
		t.Fatal(err)
	}
	v = d.view("", 5)
	if e := v.next(); e.Name != "gap" || e.ID != 8 || e.Data.From != 6 || e.Data.To != 8 {
		t.Errorf("event %+v", e)
	}
	if e := v.next(); e.Name != "" || e.ID != 9 {
		t.Errorf("event %+v", e)
	}
	v.leave()

	// All of it is lost, and numbers begin anew.
	if err := b.jetstream().DeleteStream(t.Context(), "READINGS"); err != nil {
		t.Fatal(err)
	}
	v = d.view("", 10)
	if e := v.next(); e.Name != "restart" || e.ID != 0 {
		t.Errorf("event %+v", e)
	}
	device.reads("boiler", 1)
	if e := v.next(); e.Name != "" || e.ID != 1 {
		t.Errorf("event %+v", e)
	}
}

// A reader that doesn't read leaves the rest in the broker, and gets all of it later.
func TestLiveSlowViewerHoldsTheBrokerBack(t *testing.T) {
	const readings = 90_000 // more than the buffers on the way hold
	b := startBroker(t)
	d, js := b.live(180), b.jetstream()
	v := d.view("", 0)
	for i := range readings {
		if _, err := js.PublishAsync("devices.boiler.readings", fmt.Appendf(nil, `{"temperature":%d}`, i%1000), jetstream.WithStallWait(patience)); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case <-js.PublishAsyncComplete():
	case <-time.After(patience):
		t.Fatal("the broker is too slow")
	}
	// Wait until nothing has moved for some looks: either all has left the broker, or
	// the function waits.
	left, still := uint64(readings), 0
	for deadline := time.Now().Add(patience); still < 20; time.Sleep(100 * time.Millisecond) {
		consumers := b.readings().ListConsumers(t.Context())
		var pending uint64
		for info := range consumers.Info() {
			pending = info.NumPending
		}
		if pending == left && pending < readings {
			still++
		} else {
			left, still = pending, 0
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d readings are in the broker, and their number changes", left)
		}
	}
	if left == 0 {
		t.Error("the function took everything, though nobody read it")
	}
	t.Logf("%d of %d readings waited in the broker", left, readings)
	for i := range readings {
		if e := v.next(); e.ID != i+1 || e.Name != "" {
			t.Fatalf("event %+v instead of %d", e, i+1)
		}
	}
}

func TestLiveWithoutABroker(t *testing.T) {
	deaf, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer deaf.Close()
	withPassword := func(o *natsserver.Options) { o.Username, o.Password = "live", "p@ss" }
	secured := startBroker(t, withPassword)
	closed := startBroker(t)
	closed.stop()
	plain := startBroker(t, func(o *natsserver.Options) { o.JetStream, o.MQTT = false, natsserver.MQTTOpts{} })
	for _, tt := range []struct{ name, url, want string }{
		{"refuses", closed.nats(), "nats-server -c broker.conf"},
		{"says nothing", "nats://" + deaf.Addr().String(), "nats-server -c broker.conf"},
		{"wants a password", secured.nats(), "refuses the name and password"},
		{"without JetStream", plain.nats(), "JetStream"},
		{"no URL", "broker", "BROKER_URL is not a URL"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := startDev(t, copyOf(t, iotExample), "--parameter-overrides", "BrokerUrl="+tt.url)
			resp := d.get("Live", "readings")
			body, _ := io.ReadAll(resp.Body)
			if resp.StatusCode != 503 || resp.Header.Get("Retry-After") != "5" || !strings.Contains(string(body), tt.want) {
				t.Errorf("%d %v %s", resp.StatusCode, resp.Header, body)
			}
			// An EventSource would never come back after a 503.
			events, err := d.view("", 0).rest()
			if err != io.EOF || len(events) != 1 || events[0].Name != "error" || !strings.Contains(events[0].Data.Message, tt.want) {
				t.Errorf("%+v %v", events, err)
			}
			if _, where, ok := strings.Cut(tt.url, "://"); ok && strings.Contains(string(body), where) {
				t.Errorf("the reader is told where the broker is: %s", body)
			}
			// A socket that is still open doesn't keep the function, which has minutes.
			d.wait("invocation", func(event) bool { return true })
		})
	}
	t.Run("with its password", func(t *testing.T) {
		d := startDev(t, copyOf(t, iotExample), "--drain", "300ms", "--parameter-overrides", "BrokerUrl="+strings.Replace(secured.nats(), "//", "//live:p%40ss@", 1))
		if v := d.view("", 0); v.resp.StatusCode != 200 {
			t.Error(v.resp.Status)
		}
	})
}

func TestLiveOutlivesItsBroker(t *testing.T) {
	b := startBroker(t)
	d := b.live(60)
	v, device := d.view("", 0), b.device()
	device.reads("boiler", 1)
	if e := v.next(); e.ID != 1 {
		t.Errorf("event %+v", e)
	}
	device.reads("boiler", 2)
	v.next()
	b.stop()
	events, err := v.rest()
	if err != io.EOF || len(events) != 1 || events[0].Name != "error" || !strings.Contains(events[0].Data.Message, "connection to the broker was lost") {
		t.Errorf("%+v %v", events, err)
	}
	b.start()
	device = b.device()
	device.reads("boiler", 3)
	if e := d.view("", 2).next(); e.ID != 3 || e.Data.Temperature != 3 {
		t.Errorf("event %+v", e)
	}
}

// devices runs the example's own devices until the end of the test.
func (b *mqttBroker) devices(args ...string) {
	b.t.Helper()
	cmd := exec.Command("node", append([]string{"devices.mjs", "--broker", b.mqtt()}, args...)...)
	cmd.Dir = copyOf(b.t, iotExample)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			b.t.Errorf("devices.mjs: %v", err)
		}
	})
}

type seenLive struct {
	Covered           []float64
	Readings, Numbers []int
	Devices           []string
	States            []string
	Silent            string
	Missed            string
	MissedOfOne       string
	Rejected          int
	Connections       int
	Paused            struct{ Before, After int }
	Trouble           string
	Wide              bool
}

// watchLive runs a part of browser/iot.mjs. The script asks for something by a line
// and waits for an answer: that is what react is for.
func watchLive(t *testing.T, browser, url, part string, react map[string]func()) seenLive {
	t.Helper()
	cmd := browserScript(t, browser, "iot.mjs", url, part)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	last := ""
	for lines.Scan() {
		last = lines.Text()
		if do := react[last]; do != nil {
			do()
			fmt.Fprintln(in)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	seen := whatWasSeen[seenLive](t, []byte(last))
	for i, n := range seen.Numbers {
		if n != seen.Numbers[0]+i {
			t.Errorf("number %d came as event %d: %v", n, i+1, seen.Numbers)
			break
		}
	}
	return seen
}

func TestLiveInTheBrowser(t *testing.T) {
	browser := chromium(t)
	for _, form := range []string{"host", "path"} {
		t.Run(form, func(t *testing.T) {
			b := startBroker(t)
			d := b.live(6)
			b.devices("--every", "200")
			bad := b.device()
			url := d.url("Live", "")
			if form == "host" {
				url = d.ready.Functions[0].URLs[0].Host
			}
			seen := watchLive(t, browser, url, "watch", map[string]func(){
				"a bad reading": func() { bad.says("boiler", "hot") },
			})
			if !slices.IsSorted(seen.Readings) || len(seen.Readings) < 3 || seen.Readings[0] == seen.Readings[2] {
				t.Errorf("the readings did not come one by one: %v", seen.Readings)
			}
			if len(seen.Covered) < 3 || seen.Covered[0] >= seen.Covered[2] {
				t.Errorf("the chart did not grow: %v", seen.Covered)
			}
			if want := []string{"boiler", "cellar", "fridge", "greenhouse", "roof"}; !slices.Equal(seen.Devices, want) {
				t.Errorf("devices %q", seen.Devices)
			}
			// The function's time was up twice, and nothing was missed.
			if seen.Connections < 3 || seen.Missed != "none" || !slices.Contains(seen.States, "Reconnecting") || !slices.Contains(seen.States, "Live") {
				t.Errorf("%+v", seen)
			}
			if seen.Rejected < 1 || seen.MissedOfOne != "not counted for one device" || !strings.HasPrefix(seen.Silent, "silent for ") {
				t.Errorf("%+v", seen)
			}
			if seen.Paused.Before != seen.Paused.After {
				t.Errorf("Pause: %+v", seen.Paused)
			}
		})
	}
}

// wire is a TCP proxy in front of a server, which can be cut.
type wire struct {
	net.Listener
	mu    sync.Mutex
	cut   bool
	conns map[net.Conn]bool
	done  sync.WaitGroup
}

func startWire(t *testing.T, target string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{Listener: l, conns: map[net.Conn]bool{}}
	w.done.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			w.done.Go(func() { w.join(conn, target) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		w.set(true)
		w.done.Wait()
	})
	return w
}

func (w *wire) join(client net.Conn, target string) {
	defer client.Close()
	server, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer server.Close()
	w.mu.Lock()
	cut := w.cut
	w.conns[client], w.conns[server] = true, true
	w.mu.Unlock()
	if cut {
		return
	}
	w.done.Go(func() {
		defer server.Close()
		io.Copy(server, client)
	})
	io.Copy(client, server)
}

// set cuts the wire or mends it.
func (w *wire) set(cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = cut
	for conn := range w.conns {
		conn.Close()
	}
	clear(w.conns)
}

func TestLiveResumesInTheBrowser(t *testing.T) {
	browser := chromium(t)
	b := startBroker(t)
	d, device := b.live(60), b.device()
	w := startWire(t, strings.TrimPrefix(d.base(), "http://"))
	seen := watchLive(t, browser, strings.Replace(d.url("Live", ""), d.base(), "http://"+w.Addr().String(), 1), "cut", map[string]func(){
		"cut":  func() { w.set(true) },
		"mend": func() { w.set(false) },
		"readings": func() {
			for i := range 20 {
				device.reads([]string{"boiler", "cellar"}[i%2], float64(i))
			}
		},
	})
	if len(seen.Numbers) != 60 || seen.Numbers[0] != 1 || seen.Missed != "none" || seen.Connections < 3 {
		t.Errorf("%+v", seen)
	}
}

func TestLiveBrokerThatGoesInTheBrowser(t *testing.T) {
	browser := chromium(t)
	b := startBroker(t)
	d := b.live(60)
	device := b.device()
	seen := watchLive(t, browser, d.url("Live", ""), "trouble", map[string]func(){
		"a reading":             func() { device.reads("boiler", 20) },
		"no broker":             b.stop,
		"a broker":              b.start,
		"a reading, once again": func() { b.device().reads("boiler", 21) },
	})
	if !strings.Contains(seen.Trouble, "nats-server -c broker.conf") || seen.Missed != "none" || !slices.Equal(seen.Readings, []int{1, 2}) || seen.Wide {
		t.Errorf("%+v", seen)
	}
}

func TestLiveUnits(t *testing.T) {
	units(t, copyOf(t, iotExample), "BROKER_URL="+startBroker(t).nats())
}
