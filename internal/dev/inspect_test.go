package dev

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// attach opens a debugger session the way a debugger does: it asks for the list
// of targets and upgrades to WebSocket. It returns nil while no process listens.
func attach(t *testing.T, in *Inspector) net.Conn {
	t.Helper()
	resp, err := http.Get("http://" + in.Addr() + "/json/list")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil
	}
	var targets []struct {
		URL string `json:"webSocketDebuggerUrl"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&targets); err != nil || len(targets) != 1 {
		t.Fatalf("targets %v: %v", targets, err)
	}
	u, err := url.Parse(targets[0].URL)
	if err != nil || u.Host != in.Addr() {
		t.Fatalf("debuggers are sent to %q, want %s", targets[0].URL, in.Addr())
	}
	nc, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(nc, "GET "+u.Path+" HTTP/1.1\r\nHost: "+u.Host+"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n")
	status, err := bufio.NewReader(nc).ReadString('\n')
	if err != nil || !strings.Contains(status, "101") {
		t.Fatalf("upgrade: %q %v", status, err)
	}
	return nc
}

func TestDebuggersFollowTheNewestProcess(t *testing.T) {
	in, err := OpenInspector("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if nc := attach(t, in); nc != nil {
		t.Fatal("attached although no process runs")
	}
	for range 2 {
		flag, err := in.Flag()
		if err != nil {
			t.Fatal(err)
		}
		node := exec.Command("node", flag, "-e", "setInterval(() => {}, 1000)")
		if err := node.Start(); err != nil {
			t.Fatal(err)
		}
		var session net.Conn
		eventually(t, "a session", func() bool {
			session = attach(t, in)
			return session != nil
		})
		eventually(t, "paused clocks", in.Paused)
		session.Close()
		eventually(t, "running clocks", func() bool { return !in.Paused() })
		node.Process.Kill()
		node.Wait()
	}
}

func TestInspectorRefusesForeignHosts(t *testing.T) {
	in, err := OpenInspector("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	req, _ := http.NewRequest("GET", "http://"+in.Addr()+"/json/list", nil)
	req.Host = "rebound.example:9229"
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("status %d", resp.StatusCode)
	}
}

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !done(); {
		if time.Now().After(deadline) {
			t.Fatal("never: " + what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
