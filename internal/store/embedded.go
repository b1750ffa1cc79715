package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/sluice-run/sluice/internal/filelock"
)

// maxPayload bounds one record, in bytes; a function's is a few KB.
const maxPayload = 8 << 20

// startTimeout bounds how long the embedded server takes to read its files.
const startTimeout = time.Minute

// embedded is a NATS server in this process, without a listener.
type embedded struct {
	server *server.Server
	// dir is "" in memory; temp is its scratch folder then.
	dir, temp string
	lock      *os.File
}

func startEmbedded(dir, temp string) (*embedded, error) {
	e := &embedded{dir: dir}
	files := ""
	var err error
	if dir != "" {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("data folder: %w", err)
		}
		if e.lock, err = filelock.Take(filepath.Join(dir, "lock")); err != nil {
			return nil, fmt.Errorf("the data folder %s is in use by another server, or can't be locked: %w", dir, err)
		}
		files = filepath.Join(dir, "state")
	} else {
		if e.temp, err = os.MkdirTemp(temp, "store-"); err != nil {
			return nil, err
		}
		files = e.temp
	}
	e.server, err = server.NewServer(&server.Options{
		ServerName: "sluice", DontListen: true, NoSigs: true, NoLog: true, JetStream: true, StoreDir: files,
		// Every write is on disk before it is acknowledged.
		SyncAlways: true, MaxPayload: maxPayload, NoSystemAccount: true,
	})
	if err != nil {
		e.stop()
		return nil, fmt.Errorf("store: %w", err)
	}
	e.server.Start()
	if !e.server.ReadyForConnections(startTimeout) || !e.server.JetStreamEnabled() {
		e.stop()
		if dir != "" {
			return nil, &DamageError{dir, "its files can't be read"}
		}
		return nil, errors.New("store: the embedded server did not start")
	}
	return e, nil
}

func (e *embedded) connect() (*nats.Conn, error) {
	return nats.Connect("", nats.InProcessServer(e.server), nats.Name("sluice"), nats.MaxReconnects(-1))
}

func (e *embedded) stop() {
	if e.server != nil {
		e.server.Shutdown()
		e.server.WaitForShutdown()
	}
	if e.temp != "" {
		os.RemoveAll(e.temp)
	}
	if e.lock != nil {
		e.lock.Close()
	}
}

// connect opens a connection to an external server.
func connect(o Options) (*nats.Conn, error) {
	options := []nats.Option{nats.Name("sluice"), nats.MaxReconnects(-1), nats.Timeout(10 * time.Second)}
	if o.Credentials != "" {
		options = append(options, nats.UserCredentials(o.Credentials))
	}
	if o.CA != "" {
		options = append(options, nats.RootCAs(o.CA))
	}
	if o.Certificate != "" {
		options = append(options, nats.ClientCert(o.Certificate, o.Key))
	}
	nc, err := nats.Connect(o.URL, options...)
	if err != nil {
		return nil, fmt.Errorf("store at %s: %w", o.URL, err)
	}
	return nc, nil
}
