package traces

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/sluice-run/sluice/internal/config"
)

// client posts batches to a collector. OpenTelemetry's own does the same, but links all
// of gRPC and makes the binary a third larger.
type client struct {
	endpoint string
	header   http.Header
	compress bool
	http     *http.Client
	// stopped ends requests in progress.
	stopped context.Context
	stop    context.CancelFunc
}

var _ otlptrace.Client = (*client)(nil)

// tries is how often a batch is sent that the collector asks for again.
const tries = 3

func newClient(endpoint string, o config.OTLP) (*client, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	security, err := security(o)
	if err != nil {
		return nil, err
	}
	transport.TLSClientConfig = security
	c := &client{endpoint: endpoint, header: o.Header(), compress: o.Compress, http: &http.Client{Transport: transport, Timeout: o.Timeout}}
	// No host but the one that was named gets the spans, and the headers with their keys.
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.header.Set("Content-Type", "application/x-protobuf")
	c.header.Set("User-Agent", "sluice")
	if c.compress {
		c.header.Set("Content-Encoding", "gzip")
	}
	c.stopped, c.stop = context.WithCancel(context.Background())
	return c, nil
}

// security is what the variables say of TLS.
func security(o config.OTLP) (*tls.Config, error) {
	t := &tls.Config{}
	if o.CA != "" {
		pem, err := os.ReadFile(o.CA)
		if err != nil {
			return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_CERTIFICATE: %w", err)
		}
		if t.RootCAs = x509.NewCertPool(); !t.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_CERTIFICATE: %s holds no certificate in PEM", o.CA)
		}
	}
	if o.Certificate != "" {
		pair, err := tls.LoadX509KeyPair(o.Certificate, o.Key)
		if err != nil {
			return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: %w", err)
		}
		t.Certificates = []tls.Certificate{pair}
	}
	return t, nil
}

// Start does nothing: connections are made when there is something to send.
func (c *client) Start(context.Context) error { return nil }

// Stop cuts off what is being sent.
func (c *client) Stop(context.Context) error {
	c.stop()
	c.http.CloseIdleConnections()
	return nil
}

// UploadTraces sends a batch.
func (c *client) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	// TracesData is an ExportTraceServiceRequest on the wire.
	body, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: spans})
	if err != nil {
		return err
	}
	if c.compress {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		z.Write(body) // to memory
		z.Close()
		body = b.Bytes()
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.stopped, cancel)()
	for try := 1; ; try++ {
		wait, err := c.post(ctx, body)
		if wait == 0 || try == tries {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return err
		}
	}
}

// maxWait bounds what a collector may ask for; spans pile up meanwhile.
const maxWait = 10 * time.Second

// post sends a request. With an error that will pass comes the time to wait.
func (c *client) post(ctx context.Context, body []byte) (wait time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header = c.header.Clone()
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10)) // read, so that the connection is used again
	switch resp.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		wait = time.Second
		if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && seconds > 0 {
			wait = min(time.Duration(seconds)*time.Second, maxWait)
		}
	default:
		if resp.StatusCode/100 == 2 {
			return 0, rejected(resp.Header, answer)
		}
	}
	return wait, errors.New("the collector answered " + resp.Status + text(resp.Header, answer))
}

// rejected is the collector's complaint about spans of a batch that it took otherwise:
// partial_success of an ExportTraceServiceResponse.
func rejected(h http.Header, answer []byte) error {
	const partialSuccess, rejectedSpans, errorMessage = 1, 1, 2
	if !strings.HasPrefix(h.Get("Content-Type"), "application/x-protobuf") {
		return nil
	}
	count, message := uint64(0), ""
	for number, value := range fields(answer) {
		if number != partialSuccess {
			continue
		}
		for number, value := range fields(value.bytes) {
			switch number {
			case rejectedSpans:
				count = value.varint
			case errorMessage:
				message = strings.ToValidUTF8(string(value.bytes), "")
			}
		}
	}
	if count == 0 {
		return nil
	}
	return fmt.Errorf("the collector refused %d of the spans: %s", count, message)
}

// field is the value of a field in protobuf's notation, varint or bytes.
type field struct {
	varint uint64
	bytes  []byte
}

// fields yields the fields of a message by number, up to the first that is not well
// formed.
func fields(message []byte) iter.Seq2[protowire.Number, field] {
	return func(yield func(protowire.Number, field) bool) {
		for len(message) > 0 {
			number, kind, n := protowire.ConsumeTag(message)
			if n < 0 {
				return
			}
			message = message[n:]
			var f field
			switch kind {
			case protowire.VarintType:
				f.varint, n = protowire.ConsumeVarint(message)
			case protowire.BytesType:
				f.bytes, n = protowire.ConsumeBytes(message)
			default:
				n = protowire.ConsumeFieldValue(number, kind, message)
			}
			if n < 0 || !yield(number, f) {
				return
			}
			message = message[n:]
		}
	}
}

// text is what a person can read of an answer.
func text(h http.Header, answer []byte) string {
	if kind := h.Get("Content-Type"); !strings.HasPrefix(kind, "text/plain") && !strings.HasPrefix(kind, "application/json") || len(answer) == 0 {
		return ""
	}
	return ": " + strings.ToValidUTF8(string(answer[:min(len(answer), 300)]), "")
}
