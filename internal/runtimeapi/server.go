package runtimeapi

import (
	"encoding/json"
	"net"
	"slices"
	"sync"

	sluice "github.com/sluice-run/sluice"
)

// Handler is told what the runtime did. Its methods are called without any of
// the server's locks held, and but for Responded from the goroutine of the
// connection that did it.
type Handler interface {
	// Initialized: the runtime asked for its first event.
	Initialized()
	// InitFailed: the runtime reported that it can't start. The type is the
	// platform's; the document goes to the caller as it is.
	InitFailed(errorType string, document []byte)
	// Responded: the response of the call is over; Finished follows when the
	// runtime asks for more. The goroutine is the one that reads the response.
	Responded(*Call)
	// Finished: the call is over: the runtime answered and asked for the next
	// event. The server is ready for another Begin.
	Finished(*Call)
	// Registered: an extension has registered for the events.
	Registered(extension string, events []string)
	// ExtensionFailed: an extension reported that it can't go on. Failed is
	// "Extension.InitError" or "Extension.ExitError", errorType its own.
	ExtensionFailed(extension, failed, errorType string)
	// Subscribe: an extension wants telemetry. The error is for its author.
	Subscribe(extension string, subscription []byte) error
	// Truncated explains why the runtime's connection broke mid-response.
	Truncated(*Call) *sluice.StreamError
}

// state of the runtime; the names are those of docs/contract/runtime-api.md §3.
type state uint8

const (
	started state = iota
	initError
	ready
	running
	responding
	errorResponding
	responseSent
)

func (s state) String() string {
	return [...]string{"Started", "InitError", "Ready", "Running", "InvocationResponse", "InvocationErrorResponse", "RuntimeResponseSentState"}[s]
}

// Server is the Runtime API of one execution environment and one life of its
// runtime. It serves one invocation at a time.
type Server struct {
	handler Handler

	wg   sync.WaitGroup
	quit chan struct{}

	mu        sync.Mutex
	closed    bool
	listeners []net.Listener
	conns     map[*conn]struct{}
	state     state
	current   *Call
	// undelivered tells that current has not reached the runtime: no /next was
	// parked, or the one that was is gone.
	undelivered bool
	// parked are the connections that wait in /next, oldest first.
	parked []*conn

	// info is nil without an Extensions API; external are the names of the extensions
	// that are started from files, missing counts those that have not registered.
	info       *Info
	external   []string
	missing    int
	registered chan struct{}
	extensions []*extension
	// initialized tells that the INIT phase is over.
	initialized bool
}

// NewServer returns a server without listeners.
func NewServer(h Handler) *Server {
	return &Server{handler: h, quit: make(chan struct{}), conns: map[*conn]struct{}{}, registered: make(chan struct{})}
}

// Serve accepts connections on l until Close. It returns at once. A Unix socket
// is trusted; on TCP requests that a browser made are refused.
func (s *Server) Serve(l net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		l.Close()
		return
	}
	s.listeners = append(s.listeners, l)
	s.wg.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			s.serveConn(nc)
		}
	})
}

func (s *Server) serveConn(nc net.Conn) {
	c := newConn(s, nc)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		nc.Close()
		return
	}
	s.conns[c] = struct{}{}
	s.wg.Go(c.serve)
}

// Close stops listening, closes every connection and waits for their goroutines.
// A response in flight breaks; Abort its call first to say why.
func (s *Server) Close() {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.quit)
		for _, l := range s.listeners {
			l.Close()
		}
		for c := range s.conns {
			c.nc.Close()
		}
	}
	s.mu.Unlock()
	s.wg.Wait()
}

// Begin makes ev the current invocation and hands it to the runtime, or to the
// next /next if none is parked. It must not be called before the previous call
// has finished.
func (s *Server) Begin(ev Event) *Call {
	call := &Call{Event: ev, response: make(chan *sluice.Response, 1)}
	s.mu.Lock()
	s.current, s.undelivered = call, true
	s.announce(&call.Event)
	for s.undelivered && len(s.parked) > 0 {
		c := s.parked[0]
		s.parked = slices.Delete(s.parked, 0, 1)
		s.handOver(c)
	}
	s.mu.Unlock()
	return call
}

// handOver writes the current event to c, which is parked no more. s.mu is held
// on entry and on return, and released while writing.
func (s *Server) handOver(c *conn) {
	call := s.current
	s.undelivered = false
	s.state = running
	s.mu.Unlock()
	err := c.writeEvent(&call.Event)
	c.delivered <- struct{}{}
	s.mu.Lock()
	if err != nil && s.current == call && s.state == running {
		s.undelivered = true
		s.state = ready
	}
}

// next serves GET /next on c. It returns nil if the answer is an event, now or
// later, and else the refusal.
func (s *Server) next(c *conn) *reply {
	s.mu.Lock()
	switch s.state {
	case initError:
		defer s.mu.Unlock()
		return stateReply(initError, ready.String())
	case running:
		// The same event again, as RAPID does (docs/contract/runtime-api.md §2.1).
		call := s.current
		s.mu.Unlock()
		c.writeEvent(&call.Event)
		return nil
	case started, ready:
		s.state = ready
		c.parked = true
		if s.current != nil && s.undelivered {
			s.handOver(c)
		} else {
			s.parked = append(s.parked, c)
		}
		first := s.initialize()
		s.mu.Unlock()
		if first {
			s.handler.Initialized()
		}
		return nil
	default:
		// A response is under way or was just sent. While it is under way the
		// request waits for its end (docs/contract/runtime-api.md §3.1, Node v4).
		c.parked = true
		s.parked = append(s.parked, c)
		s.complete()
		return nil
	}
}

// unpark forgets a connection that is gone.
func (s *Server) unpark(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if i := slices.Index(s.parked, c); i >= 0 {
		s.parked = slices.Delete(s.parked, i, i+1)
	}
	for _, x := range s.extensions {
		if x.waiting == c {
			x.waiting, x.asked = nil, false
		}
	}
}

// complete finishes the current call if its response was sent, and the runtime and the
// extensions that were told of it have asked for more. s.mu is held on entry and released.
func (s *Server) complete() {
	if s.state != responseSent || len(s.parked) == 0 || !s.settled() {
		s.mu.Unlock()
		return
	}
	call := s.current
	s.current = nil
	s.state = ready
	s.mu.Unlock()
	s.handler.Finished(call)
}

// enter moves the current call from running to a response state. It returns the
// refusal if the id or the state is wrong.
func (s *Server) enter(id string, to state) (*Call, *reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil || id == "" || s.current.Event.RequestID != id {
		return nil, invalidRequestID
	}
	if s.state != running {
		if to == errorResponding && s.state == responding {
			return s.current, nil
		}
		return nil, stateReply(s.state, to.String())
	}
	if s.current.settled() {
		return nil, invalidRequestID
	}
	s.state = to
	return s.current, nil
}

// sent marks the response of the current call as over.
func (s *Server) sent() {
	s.mu.Lock()
	s.state = responseSent
	s.complete()
}

// initFailed serves POST /init/error.
func (s *Server) initFailed(errorType string, document []byte) *reply {
	s.mu.Lock()
	if s.state != started {
		defer s.mu.Unlock()
		return stateReply(s.state, initError.String())
	}
	s.state = initError
	s.mu.Unlock()
	s.handler.InitFailed(errorType, document)
	return accepted
}

func appendJSONString(b []byte, s string) []byte {
	quoted, _ := json.Marshal(s) // a string always marshals
	return append(b, quoted...)
}
