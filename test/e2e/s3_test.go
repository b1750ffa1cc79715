package e2e

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

const (
	s3Example = "../../examples/s3"
	s3Bucket  = "files"

	// versitygw is the S3 server that the example's README names.
	versitygw = "github.com/versity/versitygw/cmd/versitygw@v1.8.0"

	megabyte = 1 << 20
)

// s3Server builds the S3 server, once for this machine's user, and returns its
// path.
func s3Server(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	_, version, _ := strings.Cut(versitygw, "@")
	dir := filepath.Join(cache, "sluice-test", "versitygw-"+version)
	program := filepath.Join(dir, "versitygw")
	if _, err := os.Stat(program); err == nil {
		return program
	}
	if os.Getenv("SLUICE_TEST_NETWORK") == "" {
		t.Skip("needs the Go module proxy: set SLUICE_TEST_NETWORK=1")
	}
	install := exec.Command("go", "install", versitygw)
	install.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=", "CGO_ENABLED=0")
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", install, err, out)
	}
	return program
}

// s3Store is a real S3 server behind a proxy, where what passes can be spoilt.
type s3Store struct {
	*spoiler
	t      *testing.T
	folder string // of the bucket
	client *s3.Client
}

func startS3(t *testing.T) *s3Store {
	t.Helper()
	program, root := s3Server(t), shortTemp(t)
	socket := filepath.Join(root, "socket")
	folder := filepath.Join(root, "root", s3Bucket)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	server := exec.Command(program, "--quiet", "--port", socket, "posix", filepath.Dir(folder))
	server.Env = append(os.Environ(), "ROOT_ACCESS_KEY=test", "ROOT_SECRET_KEY=test-secret")
	server.Stdout, server.Stderr = &said, &said
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		server.Process.Kill()
		server.Wait()
		if t.Failed() {
			t.Logf("the S3 server said:\n%s", said.String())
		}
	})
	p := startSpoiler(t, &url.URL{Scheme: "http", Host: "s3"}, &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	})
	store := &s3Store{spoiler: p, t: t, folder: folder, client: s3.New(s3.Options{
		BaseEndpoint: &p.URL, UsePathStyle: true, Region: "us-east-1",
		Credentials: credentials.NewStaticCredentialsProvider("test", "test-secret", ""),
		// The first requests come while the server starts.
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts, o.MaxBackoff, o.RateLimiter = 100, 200*time.Millisecond, noLimit{}
		}),
	})}
	if _, err := store.client.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: aws.String(s3Bucket)}); err != nil {
		t.Fatalf("the S3 server does not answer: %v", err)
	}
	return store
}

// noLimit lets a client retry as often as it is told to.
type noLimit struct{}

func (noLimit) GetToken(context.Context, uint) (func() error, error) { return noLimit{}.none, nil }
func (noLimit) AddTokens(uint) error                                 { return nil }
func (noLimit) none() error                                          { return nil }

func (s *s3Store) put(key string, content []byte, change func(*s3.PutObjectInput)) {
	s.t.Helper()
	in := &s3.PutObjectInput{Bucket: aws.String(s3Bucket), Key: &key, Body: bytes.NewReader(content), ChecksumAlgorithm: types.ChecksumAlgorithmCrc64nvme}
	if change != nil {
		change(in)
	}
	if _, err := s.client.PutObject(s.t.Context(), in); err != nil {
		s.t.Fatalf("%s: %v", key, err)
	}
}

// putParts makes an object in parts, whose checksum is one of checksums.
func (s *s3Store) putParts(key string, parts ...[]byte) {
	s.t.Helper()
	ctx, bucket, sha256 := s.t.Context(), aws.String(s3Bucket), types.ChecksumAlgorithmSha256
	upload, err := s.client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: bucket, Key: &key, ChecksumAlgorithm: sha256})
	if err != nil {
		s.t.Fatal(err)
	}
	var done types.CompletedMultipartUpload
	for i, part := range parts {
		number := aws.Int32(int32(i + 1))
		out, err := s.client.UploadPart(ctx, &s3.UploadPartInput{Bucket: bucket, Key: &key, UploadId: upload.UploadId, PartNumber: number, Body: bytes.NewReader(part), ChecksumAlgorithm: sha256})
		if err != nil {
			s.t.Fatal(err)
		}
		done.Parts = append(done.Parts, types.CompletedPart{ETag: out.ETag, PartNumber: number, ChecksumSHA256: out.ChecksumSHA256})
	}
	if _, err := s.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: bucket, Key: &key, UploadId: upload.UploadId, MultipartUpload: &done}); err != nil {
		s.t.Fatal(err)
	}
}

// spoiler is a proxy that changes the responses to GET of some paths.
type spoiler struct {
	*httptest.Server
	mu     sync.Mutex
	faults map[string]func(*http.Response)
}

func startSpoiler(t *testing.T, target *url.URL, transport *http.Transport) *spoiler {
	p := &spoiler{faults: map[string]func(*http.Response){}}
	p.Server = httptest.NewServer(&httputil.ReverseProxy{
		Transport: transport, FlushInterval: -1, ErrorLog: log.New(io.Discard, "", 0),
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host // which is signed
		},
		ModifyResponse: func(resp *http.Response) error {
			p.mu.Lock()
			defer p.mu.Unlock()
			for key, fault := range p.faults {
				if resp.Request.Method == "GET" && strings.HasSuffix(resp.Request.URL.Path, "/"+key) {
					fault(resp)
				}
			}
			return nil
		},
	})
	p.Config.ErrorLog = log.New(io.Discard, "", 0) // it breaks connections on purpose
	t.Cleanup(func() {
		p.CloseClientConnections()
		p.Close()
		transport.CloseIdleConnections()
	})
	return p
}

func (p *spoiler) spoil(key string, fault func(*http.Response)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults[key] = fault
}

// onByte calls what happens when a body has come so far; an error breaks it off.
func onByte(at int64, happens func(b []byte) error) func(*http.Response) {
	return func(resp *http.Response) {
		resp.Body = &watched{ReadCloser: resp.Body, at: at, happens: happens}
	}
}

type watched struct {
	io.ReadCloser
	seen, at int64
	happens  func(b []byte) error
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	if w.seen <= w.at && w.at < w.seen+int64(n) {
		if broken := w.happens(p[w.at-w.seen : n]); broken != nil {
			return int(w.at - w.seen), broken
		}
	}
	w.seen += int64(n)
	return n, err
}

var errCut = errors.New("cut by the test")

func cut([]byte) error { return errCut }

func flip(b []byte) error {
	b[0] ^= 1
	return nil
}

// holdBack lets a body come so far and no farther, until the object is asked for
// again.
func holdBack(at int64) func(*http.Response) {
	var again chan struct{}
	return func(resp *http.Response) {
		if again != nil {
			close(again)
			again = nil
			return
		}
		released := make(chan struct{})
		again = released
		onByte(at, func([]byte) error {
			select {
			case <-released:
				return nil
			case <-time.After(patience):
				return errCut
			}
		})(resp)
	}
}

// once lets a fault happen to the first response only.
func once(fault func(*http.Response)) func(*http.Response) {
	var done bool
	return func(resp *http.Response) {
		if !done {
			done = true
			fault(resp)
		}
	}
}

func answers(status int, code string) func(*http.Response) {
	return func(resp *http.Response) {
		resp.Body.Close()
		body := fmt.Sprintf("<Error><Code>%s</Code><Message>the bucket is called %s</Message></Error>", code, s3Bucket)
		resp.StatusCode, resp.Status = status, ""
		resp.Header = http.Header{"Content-Type": {"application/xml"}}
		resp.Body, resp.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	}
}

// noise is the same for the same seed.
func noise(seed byte, size int) []byte {
	b := make([]byte, size)
	rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

// startFiles runs the example in dir on a store.
func startFiles(t *testing.T, dir string, store *s3Store, args ...string) *devServer {
	t.Helper()
	return startDev(t, append([]string{dir, "--parameter-overrides", "Bucket=" + s3Bucket + " Endpoint=" + store.URL}, args...)...)
}

// object is the path of an object below the function's URL.
func object(key string) string { return "objects/" + url.PathEscape(key) }

// fetch sends a request with headers, "name: value" each, and returns the body as
// far as it came.
func (d *devServer) fetch(method, path string, headers ...string) (*http.Response, []byte, error) {
	d.t.Helper()
	req, err := http.NewRequest(method, d.url("Download", path), nil)
	if err != nil {
		d.t.Fatal(err)
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, body, err
}

// s3Files is a copy of the example, and an S3 server whose keys it gets.
func s3Files(t *testing.T) (dir string, store *s3Store) {
	t.Helper()
	store = startS3(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test-secret")
	t.Setenv("AWS_SESSION_TOKEN", "")
	return copyOf(t, s3Example), store
}

// TestS3 shares one copy and one S3 server.
func TestS3(t *testing.T) {
	dir, store := s3Files(t)

	t.Run("units", func(t *testing.T) { units(t, dir) })

	big := noise(1, 8*megabyte)
	const key = "films/a river, über 8 MB.bin"
	store.put(key, big, func(in *s3.PutObjectInput) {
		in.ContentType, in.ContentLanguage = aws.String("video/x-river"), aws.String("de")
	})
	d := startFiles(t, dir, store)

	t.Run("streams", func(t *testing.T) {
		// S3 holds the second half back until the client has some of the first.
		arrived := make(chan struct{})
		store.spoil(key, once(onByte(4*megabyte, func([]byte) error {
			select {
			case <-arrived:
				return nil
			case <-time.After(patience):
				return errCut
			}
		})))
		resp := d.get("Download", object(key))
		first := make([]byte, megabyte)
		if _, err := io.ReadFull(resp.Body, first); err != nil {
			t.Fatalf("the first bytes wait for the last: %v", err)
		}
		close(arrived)
		rest, err := io.ReadAll(resp.Body)
		if err != nil || sha256.Sum256(append(first, rest...)) != sha256.Sum256(big) {
			t.Errorf("%d bytes, %v: not those of the object", len(first)+len(rest), err)
		}
		for name, want := range map[string]string{
			"Content-Type":            "video/x-river",
			"Content-Language":        "de",
			"Content-Disposition":     `attachment; filename="a river, _ber 8 MB.bin"; filename*=UTF-8''a%20river%2C%20%C3%BCber%208%20MB.bin`,
			"Accept-Ranges":           "bytes",
			"X-Object-Size":           fmt.Sprint(len(big)),
			"X-Content-Type-Options":  "nosniff",
			"Content-Security-Policy": "default-src 'none'; sandbox",
		} {
			if got := resp.Header.Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		if digest := resp.Header.Get("Repr-Digest"); !strings.HasPrefix(digest, "crc64nvme=:") {
			t.Errorf("Repr-Digest %q", digest)
		}
		if modified, err := http.ParseTime(resp.Header.Get("Last-Modified")); err != nil || time.Since(modified) > time.Hour {
			t.Errorf("Last-Modified %q", resp.Header.Get("Last-Modified"))
		}
	})

	t.Run("ranges and conditions", func(t *testing.T) {
		resp, _, _ := d.fetch("HEAD", object(key))
		etag, modified, size := resp.Header.Get("Etag"), resp.Header.Get("Last-Modified"), len(big)
		if resp.StatusCode != 200 || len(etag) < 4 || resp.Header.Get("X-Object-Size") != fmt.Sprint(size) {
			t.Errorf("HEAD: %d %v", resp.StatusCode, resp.Header)
		}
		for _, tt := range []struct {
			headers []string
			status  int
			from    int
			to      int // one past the last
		}{
			{[]string{"Range: bytes=0-0"}, 206, 0, 1},
			{[]string{"Range: bytes=1000-4999999"}, 206, 1000, 5_000_000},
			{[]string{"Range: bytes=-10"}, 206, size - 10, size},
			{[]string{fmt.Sprintf("Range: bytes=%d-", size-5)}, 206, size - 5, size},
			{[]string{"Range: bytes=5-9", "If-Range: " + etag}, 206, 5, 10},
			{[]string{"Range: bytes=5-9", "If-Range: " + modified}, 206, 5, 10},
			{[]string{"Range: bytes=5-9", `If-Range: "other"`}, 200, 0, size},
			{[]string{"Range: bytes=0-1,4-5"}, 200, 0, size},
			{[]string{fmt.Sprintf("Range: bytes=%d-", size)}, 416, 0, 0},
			{[]string{"If-None-Match: " + etag}, 304, 0, 0},
			{[]string{`If-None-Match: "other", W/` + etag}, 304, 0, 0},
			{[]string{"If-Modified-Since: " + modified}, 304, 0, 0},
			{[]string{`If-None-Match: "other"`, "Range: bytes=5-9"}, 206, 5, 10},
			{[]string{`If-Match: "other"`}, 412, 0, 0},
		} {
			resp, body, err := d.fetch("GET", object(key), tt.headers...)
			if resp.StatusCode != tt.status || err != nil {
				t.Errorf("%q: %d, %v; want %d", tt.headers, resp.StatusCode, err, tt.status)
				continue
			}
			contentRange := ""
			switch {
			case tt.status < 300 && !bytes.Equal(body, big[tt.from:tt.to]):
				t.Errorf("%q: %d bytes that are not %d to %d", tt.headers, len(body), tt.from, tt.to)
			case tt.status == 304 && len(body) > 0:
				t.Errorf("%q: 304 with %q", tt.headers, body)
			case tt.status == 206:
				contentRange = fmt.Sprintf("bytes %d-%d/%d", tt.from, tt.to-1, size)
			case tt.status == 416:
				contentRange = fmt.Sprintf("bytes */%d", size)
			}
			if got := resp.Header.Get("Content-Range"); got != contentRange || resp.Header.Get("Etag") != etag {
				t.Errorf("%q: Content-Range %q, want %q; Etag %q", tt.headers, got, contentRange, resp.Header.Get("Etag"))
			}
		}
		if resp, _, _ := d.fetch("HEAD", object(key), "If-None-Match: "+etag); resp.StatusCode != 304 {
			t.Errorf("HEAD with If-None-Match: %d", resp.StatusCode)
		}
	})

	t.Run("keys", func(t *testing.T) {
		for _, name := range []string{"a b/ü+%41&?#=;'()*!.txt", "日本語/😀.txt", "...", "a%2Fb.txt", "objects/page.css"} {
			store.put(name, []byte("this is "+name), nil)
			for _, path := range []string{object(name), "objects/" + (&url.URL{Path: name}).EscapedPath()} {
				resp, body, err := d.fetch("GET", path)
				if resp.StatusCode != 200 || err != nil || string(body) != "this is "+name {
					t.Errorf("%s: %d %q %v", path, resp.StatusCode, body, err)
				}
			}
		}
		store.put("empty", nil, nil)
		if resp, body, err := d.fetch("GET", "objects/empty"); resp.StatusCode != 200 || err != nil || len(body) > 0 || resp.Header.Get("X-Object-Size") != "0" {
			t.Errorf("an empty object: %d %q %v %v", resp.StatusCode, body, err, resp.Header)
		}
		secret := filepath.Join(filepath.Dir(store.folder), "secret.txt")
		write(t, secret, "secret")
		for _, path := range []string{"objects/", "objects/..%2fsecret.txt", "objects/%2e%2e/secret.txt", "objects/../secret.txt", "objects/films/../../secret.txt", "objects/..%5csecret.txt", "objects/%00", "objects/%ff", "objects/%"} {
			answer := d.rawRequest("GET /lambda-url/Download/" + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
			if !strings.HasPrefix(answer, "HTTP/1.1 400 ") || strings.Contains(answer, "\r\n\r\nsecret") {
				t.Errorf("%s: %q", path, answer)
			}
		}
	})

	t.Run("checksums", func(t *testing.T) {
		content := []byte("123456789")
		sha1, sha256 := sha1.Sum(content), sha256.Sum256(content)
		for algorithm, want := range map[types.ChecksumAlgorithm]string{
			types.ChecksumAlgorithmCrc32:     "crc32=:y/Q5Jg==:",
			types.ChecksumAlgorithmCrc32c:    "crc32c=:4waSgw==:",
			types.ChecksumAlgorithmCrc64nvme: "crc64nvme=:rosUhgp5mIg=:",
			types.ChecksumAlgorithmSha1:      "sha=:" + base64.StdEncoding.EncodeToString(sha1[:]) + ":",
			types.ChecksumAlgorithmSha256:    "sha-256=:" + base64.StdEncoding.EncodeToString(sha256[:]) + ":",
		} {
			store.put("sum", content, func(in *s3.PutObjectInput) { in.ChecksumAlgorithm = algorithm })
			for _, ask := range [][]string{{"GET"}, {"GET", "Range: bytes=2-4"}, {"HEAD"}} {
				resp, _, _ := d.fetch(ask[0], "objects/sum", ask[1:]...)
				if got := resp.Header.Get("Repr-Digest"); got != want {
					t.Errorf("%s %q: %q, want %q", algorithm, ask, got, want)
				}
			}
		}
		// Of an object in parts S3 has the checksum of checksums.
		parts := append(slices.Clone(big[:5*megabyte]), content...)
		store.putParts("parts", big[:5*megabyte], content)
		resp, body, err := d.fetch("GET", "objects/parts")
		if digest, ok := resp.Header["Repr-Digest"]; ok || err != nil || !bytes.Equal(body, parts) {
			t.Errorf("an object in parts: %q, %d bytes, %v", digest, len(body), err)
		}
	})

	t.Run("errors", func(t *testing.T) {
		store.put("forbidden", []byte("x"), nil)
		store.spoil("forbidden", answers(403, "AccessDenied"))
		for _, tt := range []struct {
			method, path string
			status       int
		}{
			{"GET", "objects/nothing", 404},
			{"GET", "objects/films", 404},
			{"GET", "nothing", 404},
			{"GET", "objects/forbidden", 403},
			{"POST", "objects/forbidden", 405},
		} {
			resp, body, _ := d.fetch(tt.method, tt.path)
			var refusal struct{ Error struct{ Message string } }
			if err := json.Unmarshal(body, &refusal); resp.StatusCode != tt.status || err != nil || !strings.HasSuffix(refusal.Error.Message, ".") || strings.Contains(string(body), s3Bucket) {
				t.Errorf("%s %s: %d %q", tt.method, tt.path, resp.StatusCode, body)
			}
		}
		resp, body, _ := d.fetch("GET", "objects/nothing", "Accept: text/html,*/*;q=0.8")
		if resp.StatusCode != 404 || resp.Header.Get("Content-Type") != "text/html; charset=utf-8" || !strings.Contains(string(body), "<p>There is no such object.</p>") {
			t.Errorf("a browser sees %d %v %q", resp.StatusCode, resp.Header, body)
		}
		if resp, _, _ := d.fetch("HEAD", "objects/nothing"); resp.StatusCode != 404 {
			t.Errorf("HEAD: %d", resp.StatusCode)
		}
		d.waitLog("S3 refuses: AccessDenied")
	})

	t.Run("what breaks looks broken", func(t *testing.T) {
		store.put("breaks", big, nil)
		store.spoil("breaks", onByte(3*megabyte, cut))
		resp, body, err := d.fetch("GET", "objects/breaks")
		if resp.StatusCode != 200 || err == nil || !bytes.Equal(body, big[:len(body)]) || len(body) < megabyte {
			t.Errorf("S3 broke off: %d, %d bytes, %v", resp.StatusCode, len(body), err)
		}
		d.wait("request", func(e event) bool { return strings.HasSuffix(e.Path, "/breaks") && e.Ending == "function-error" })
		// The execution environment has survived it.
		d.waitLog("S3 broke off: ")
		store.spoil("breaks", func(*http.Response) {})
		if _, body, err := d.fetch("GET", "objects/breaks"); err != nil || !bytes.Equal(body, big) {
			t.Errorf("afterwards: %d bytes, %v", len(body), err)
		}
		// The SDK compares what came from S3 with its checksum.
		store.spoil("breaks", onByte(megabyte, flip))
		if _, _, err := d.fetch("GET", "objects/breaks"); err == nil {
			t.Error("damaged on its way from S3, and the client can't tell")
		}

		large := noise(2, 21*megabyte)
		store.put("large", large, nil)
		resp, body, err = d.fetch("GET", "objects/large")
		if resp.StatusCode != 200 || err == nil || len(body) != 20*megabyte || !bytes.Equal(body, large[:len(body)]) {
			t.Errorf("past the quota: %d, %d bytes, %v", resp.StatusCode, len(body), err)
		}
		if e := d.wait("request", func(e event) bool { return strings.HasSuffix(e.Path, "/large") }); e.Ending != "oversized" {
			t.Errorf("ending %q", e.Ending)
		}
		// The rest is another response.
		if resp, rest, err := d.fetch("GET", "objects/large", fmt.Sprintf("Range: bytes=%d-", len(body)), "If-Range: "+resp.Header.Get("Etag")); resp.StatusCode != 206 || err != nil || !bytes.Equal(append(body, rest...), large) {
			t.Errorf("the rest: %d, %d bytes, %v", resp.StatusCode, len(rest), err)
		}
	})

	t.Run("configurations", func(t *testing.T) { configurations(t, dir, store) })
	t.Run("a large object in little memory", func(t *testing.T) { largeInLittleMemory(t, dir, store) })
}

// configurations tries the template's parameters, and what is wrong with them.
func configurations(t *testing.T, dir string, store *s3Store) {
	t.Run("prefix", func(t *testing.T) {
		d := startDev(t, dir, "--parameter-overrides", "Prefix=public/ Bucket="+s3Bucket+" Endpoint="+store.URL)
		store.put("public/one/two.txt", []byte("2"), nil)
		store.put("private.txt", []byte("private"), nil)
		_, list, _ := d.fetch("GET", "objects")
		if !strings.Contains(string(list), `"key":"one/two.txt"`) || strings.Contains(string(list), "private") {
			t.Errorf("the list is %s", list)
		}
		if _, body, _ := d.fetch("GET", "objects/one/two.txt"); string(body) != "2" {
			t.Errorf("%q", body)
		}
		for _, path := range []string{"objects/private.txt", "objects/..%2Fprivate.txt", "objects/public/one/two.txt"} {
			if resp, body, _ := d.fetch("GET", path); resp.StatusCode < 400 {
				t.Errorf("%s: %d %q", path, resp.StatusCode, body)
			}
		}
	})
	for name, tt := range map[string]struct{ bucket, endpoint, secret, want, log string }{
		"bucket":      {"no-such-bucket", store.URL, "test-secret", "no such bucket", "NoSuchBucket"},
		"credentials": {s3Bucket, store.URL, "wrong", "credentials", "SignatureDoesNotMatch"},
		"endpoint":    {s3Bucket, "http://127.0.0.1:1", "test-secret", "can't be reached", "ECONNREFUSED"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("AWS_SECRET_ACCESS_KEY", tt.secret)
			d := startDev(t, dir, "--parameter-overrides", "Bucket="+tt.bucket+" Endpoint="+tt.endpoint)
			for _, path := range []string{"objects", "objects/sum"} {
				resp, body, _ := d.fetch("GET", path)
				if resp.StatusCode != 502 || !strings.Contains(string(body), tt.want) || strings.Contains(string(body), tt.log) {
					t.Errorf("%s: %d %q", path, resp.StatusCode, body)
				}
			}
			d.waitLog(tt.log)
		})
	}
}

// largeInLittleMemory streams 150 MB through a function that may not keep them.
func largeInLittleMemory(t *testing.T, dir string, store *s3Store) {
	const size = 150 * megabyte
	content := noise(3, size)
	want := sha256.Sum256(content)
	store.put("150 MB", content, nil)
	// Slower than S3, or nothing would have to be kept back.
	d := startFiles(t, dir, store, "--limits", "streamedPayload=200MB,streamRate=40MB")
	resp := d.get("Download", object("150 MB"))
	hash := sha256.New()
	n, err := io.Copy(hash, resp.Body)
	if err != nil || n != size || !bytes.Equal(hash.Sum(nil), want[:]) {
		t.Errorf("%d bytes, %v: not those of the object", n, err)
	}
	record := d.wait("invocation", func(e event) bool { return e.Bytes == size })
	t.Logf("the function used at most %d MB", record.MaxMemoryMB)
	// Some 100 MB, of which Node and the SDK alone take 60; one that kept the object
	// would need more than 210.
	if record.MaxMemoryMB == 0 || record.MaxMemoryMB > 170 {
		t.Errorf("the function used %d MB to stream %d MB", record.MaxMemoryMB, size/megabyte)
	}
}

// s3Seen is what browser/s3.mjs saw.
type s3Seen struct {
	Listed                              []int
	Size, Paused, Verdict, SHA256, Name string
	Grown                               []float64
	PausedAt, Later, BrokeAt            float64
	Figures                             []string
	Damaged, Broke, Gone                string
	Saveable, Wide                      bool
}

func TestS3InTheBrowser(t *testing.T) {
	browser := chromium(t)
	dir, store := s3Files(t)
	d := startFiles(t, dir, store)
	// Beyond the first 6 MB it comes at 2 MB/s, so that it can be seen to grow.
	film := noise(6, 12*megabyte)
	store.put("films/a mill, größer.mov", film, nil)
	for i := range 60 {
		store.put(fmt.Sprintf("many/%02d.txt", i), []byte("one of many"), nil)
	}

	for form, url := range map[string]string{"host": d.ready.Functions[0].URLs[0].Host, "path": d.url("Download", "")} {
		t.Run(form, func(t *testing.T) {
			store.spoil("films/a mill, größer.mov", holdBack(10*megabyte))
			seen := browse[s3Seen](t, browser, "s3.mjs", url, "whole")
			if len(seen.Listed) < 2 || seen.Listed[0] != 50 || seen.Listed[len(seen.Listed)-1] < 61 {
				t.Errorf("the list grew by %v", seen.Listed)
			}
			if seen.Size != "12.0 MB" || len(seen.Grown) < 5 || !slices.IsSorted(seen.Grown) {
				t.Errorf("the download of %s did not grow: %v", seen.Size, seen.Grown)
			}
			if seen.PausedAt < 0.7 || seen.PausedAt > 10./12 || seen.Later != seen.PausedAt || !strings.HasPrefix(seen.Paused, "Paused.") {
				t.Errorf("Pause: %+v", seen)
			}
			if seen.Verdict != "Verified: its CRC-64/NVME is the one that S3 has." || seen.SHA256 != fmt.Sprintf("%x", sha256.Sum256(film)) || seen.Name != "a mill, größer.mov" {
				t.Errorf("after Resume: %+v", seen)
			}
		})
	}
	t.Run("mishaps", func(t *testing.T) {
		// A browser forgets what it has not handed over when a response breaks; of one
		// that comes at 2 MB/s that is little.
		for name, size := range map[string]int{"damaged.bin": 3, "breaks.bin": 8} {
			store.put(name, noise(4, size*megabyte), func(in *s3.PutObjectInput) { in.ChecksumAlgorithm = types.ChecksumAlgorithmSha256 })
		}
		store.spoil("breaks.bin", once(onByte(7*megabyte, cut)))
		to, _ := url.Parse(d.base())
		between := startSpoiler(t, to, &http.Transport{})
		between.spoil("damaged.bin", onByte(megabyte, flip))
		seen := browse[s3Seen](t, browser, "s3.mjs", between.URL+"/lambda-url/Download/", "mishaps")
		if !strings.HasPrefix(seen.Damaged, "Damaged: its SHA-256") || seen.Saveable {
			t.Errorf("a damaged download: %+v", seen)
		}
		if seen.Broke != "The response broke off. What has arrived is kept: Resume gets the rest." || seen.BrokeAt == 0 || seen.BrokeAt == 1 || !strings.HasPrefix(seen.Verdict, "Verified: its SHA-256") || seen.Wide {
			t.Errorf("a broken download: %+v", seen)
		}
	})
	t.Run("quota", func(t *testing.T) {
		store.put("larger.bin", noise(7, 21*megabyte), nil)
		seen := browse[s3Seen](t, browser, "s3.mjs", d.url("Download", ""), "quota")
		if !strings.HasPrefix(seen.Broke, "The response broke off at 20 MB, Lambda's quota for a response.") || seen.BrokeAt < 18./21 || seen.BrokeAt > 20./21 {
			t.Errorf("past the quota: %+v", seen)
		}
		if seen.Verdict != "Verified: its CRC-64/NVME is the one that S3 has." {
			t.Errorf("after Resume: %+v", seen)
		}
	})
	t.Run("unchecked", func(t *testing.T) {
		write(t, filepath.Join(store.folder, "aside", "plain.txt"), "put there by hand")
		store.put("aside/gone.txt", []byte("x"), nil)
		store.spoil("gone.txt", answers(404, "NoSuchKey"))
		d := startDev(t, dir, "--parameter-overrides", "Prefix=aside/ Bucket="+s3Bucket+" Endpoint="+store.URL)
		seen := browse[s3Seen](t, browser, "s3.mjs", d.url("Download", ""), "unchecked")
		if !strings.HasPrefix(seen.Verdict, "Not checked") || seen.Gone != "There is no such object." {
			t.Errorf("%+v", seen)
		}
	})
	if os.Getenv("SLUICE_SCREENSHOTS") != "" {
		t.Run("picture", func(t *testing.T) {
			for name, size := range map[string]int{"at the mill.mov": 9, "over the weir.mov": 16, "through the sluice.mov": 26} {
				store.put("reel/"+name, noise(5, size*megabyte), nil)
			}
			d := startDev(t, dir, "--parameter-overrides", "Prefix=reel/ Bucket="+s3Bucket+" Endpoint="+store.URL)
			browse[s3Seen](t, browser, "s3.mjs", d.url("Download", ""), "picture")
		})
	}
}
