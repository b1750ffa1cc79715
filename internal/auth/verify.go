package auth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	sluice "github.com/sluice-run/sluice"
)

// Caller is who signed a request.
type Caller struct {
	AccessKeyID string
	AccountID   string
	// ARN and UserID are the user's.
	ARN, UserID string
	policy      *Policy
}

// Service verifies callers. It is safe for concurrent use.
type Service struct {
	identity sluice.Identity
	// keys by access key id; nil takes any signature.
	keys map[string]*Credential
	now  func() time.Time
}

// New returns a service that knows the credentials; without any it takes every
// signature.
func New(identity sluice.Identity, credentials []Credential) *Service {
	s := &Service{identity: identity, now: time.Now}
	if len(credentials) > 0 {
		s.keys = map[string]*Credential{}
		for i := range credentials {
			s.keys[credentials[i].AccessKeyID] = &credentials[i]
		}
	}
	return s
}

// Open tells that every signature is taken.
func (s *Service) Open() bool { return s.keys == nil }

// maxSkew is how far a signature's time may be from ours.
const maxSkew = 15 * time.Minute

// maxExpiry bounds a presigned request, as on AWS.
const maxExpiry = 7 * 24 * time.Hour

// signature is what a request says about its own signature.
type signature struct {
	accessKey, scopeDate, region, service string
	headers                               []string
	value                                 string
	time                                  time.Time
	presigned                             bool
	expires                               time.Duration
}

// Verify returns who signed the request. body is the whole payload; nil with
// Open, which does not look at it.
func (s *Service) Verify(r *http.Request, body []byte) (*Caller, *sluice.Error) {
	sig, refused := read(r)
	if refused != nil {
		return nil, refused
	}
	if s.Open() {
		return s.caller(&Credential{AccessKeyID: sig.accessKey, Name: "anybody", Policy: &Policy{Statement: []Statement{{Effect: "Allow", Action: List{"*"}, Resource: List{"*"}}}}}), nil
	}
	credential := s.keys[sig.accessKey]
	if credential == nil {
		return nil, forbidden("UnrecognizedClientException", "The security token included in the request is invalid.")
	}
	if refused := s.checkTime(sig); refused != nil {
		return nil, refused
	}
	if sig.service != serviceOf(r) || sig.region != s.identity.Region {
		return nil, forbidden("InvalidSignatureException", "Credential should be scoped to a valid region and to the service "+serviceOf(r)+": "+s.identity.Region+"/"+serviceOf(r)+".")
	}
	hash := hashOf(body)
	switch given := r.Header.Get("X-Amz-Content-Sha256"); {
	case given == "UNSIGNED-PAYLOAD" && sig.presigned, given == "", given == hash:
	default:
		return nil, forbidden("InvalidSignatureException", "The value of X-Amz-Content-Sha256 is not the hash of the payload.")
	}
	if sig.presigned {
		hash = "UNSIGNED-PAYLOAD"
		if given := r.Header.Get("X-Amz-Content-Sha256"); given != "" {
			hash = given
		}
	}
	expected, err := sign(r, sig, credential, hash)
	if err != nil || subtle.ConstantTimeCompare([]byte(expected), []byte(sig.value)) != 1 {
		if sig.presigned && len(body) == 0 {
			// Signers differ in what they sign for an empty payload.
			if expected, err = sign(r, sig, credential, hashOf(nil)); err == nil && subtle.ConstantTimeCompare([]byte(expected), []byte(sig.value)) == 1 {
				return s.caller(credential), nil
			}
		}
		return nil, forbidden("InvalidSignatureException", "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
	}
	return s.caller(credential), nil
}

func hashOf(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

func (s *Service) caller(c *Credential) *Caller {
	return &Caller{
		AccessKeyID: c.AccessKeyID, AccountID: s.identity.AccountID, UserID: c.AccessKeyID, policy: c.Policy,
		ARN: "arn:" + s.identity.Partition + ":iam::" + s.identity.AccountID + ":user/" + c.Name,
	}
}

// serviceOf is the service that a signature has to be for: Lambda, or CloudWatch Logs,
// whose requests name their operation in a header.
func serviceOf(r *http.Request) string {
	if strings.HasPrefix(r.Header.Get("X-Amz-Target"), "Logs_") {
		return "logs"
	}
	return "lambda"
}

// Allowed evaluates the caller's own policy.
func (c *Caller) Allowed(r Request) Decision { return c.policy.Decide(r) }

func forbidden(code, message string) *sluice.Error {
	return &sluice.Error{Code: code, Status: http.StatusForbidden, Message: message}
}

const stampLayout = "20060102T150405Z"

// read takes the signature's parts out of a request, without believing them.
func read(r *http.Request) (*signature, *sluice.Error) {
	sig := &signature{}
	var scope, headers, date string
	if q := r.URL.Query(); q.Has("X-Amz-Signature") {
		sig.presigned = true
		scope, headers, date, sig.value = q.Get("X-Amz-Credential"), q.Get("X-Amz-SignedHeaders"), q.Get("X-Amz-Date"), q.Get("X-Amz-Signature")
		seconds, err := strconv.Atoi(q.Get("X-Amz-Expires"))
		if err != nil || seconds < 0 {
			return nil, incomplete("X-Amz-Expires")
		}
		sig.expires = time.Duration(seconds) * time.Second
	} else {
		text, found := strings.CutPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ")
		if !found {
			return nil, forbidden("MissingAuthenticationTokenException", "Missing Authentication Token")
		}
		for part := range strings.SplitSeq(text, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
			switch name {
			case "Credential":
				scope = value
			case "SignedHeaders":
				headers = value
			case "Signature":
				sig.value = value
			}
		}
		date = r.Header.Get("X-Amz-Date")
	}
	parts := strings.Split(scope, "/")
	if len(parts) < 5 {
		sig.accessKey = parts[0]
		if sig.accessKey == "" {
			return nil, incomplete("Credential")
		}
		return sig, nil // good enough for a server that takes any; others refuse it
	}
	n := len(parts)
	sig.accessKey, sig.scopeDate, sig.region, sig.service = strings.Join(parts[:n-4], "/"), parts[n-4], parts[n-3], parts[n-2]
	sig.headers = strings.Split(strings.ToLower(headers), ";")
	sig.time, _ = time.Parse(stampLayout, date) // zero is too old
	return sig, nil
}

func incomplete(what string) *sluice.Error {
	return &sluice.Error{Code: "IncompleteSignatureException", Status: http.StatusForbidden, Message: "The request's signature lacks a valid " + what + "."}
}

func (s *Service) checkTime(sig *signature) *sluice.Error {
	now := s.now()
	valid := maxSkew
	if sig.presigned {
		valid = min(sig.expires, maxExpiry)
	}
	switch {
	case sig.time.Add(valid).Before(now):
		return forbidden("InvalidSignatureException", "Signature expired: "+sig.time.Format(stampLayout)+" is now earlier than "+now.Add(-valid).UTC().Format(stampLayout)+".")
	case sig.time.After(now.Add(maxSkew)):
		return forbidden("InvalidSignatureException", "Signature not yet current: "+sig.time.Format(stampLayout)+" is still later than "+now.Add(maxSkew).UTC().Format(stampLayout)+".")
	case sig.scopeDate != sig.time.Format("20060102"):
		return forbidden("InvalidSignatureException", "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '"+sig.scopeDate+"' != '"+sig.time.Format("20060102")+"'.")
	}
	return nil
}

// sign signs the request again, with AWS's own signer, and returns the signature.
func sign(r *http.Request, sig *signature, c *Credential, hash string) (string, error) {
	address := *r.URL
	address.Scheme, address.Host = "http", r.Host
	query := address.Query()
	query.Del("X-Amz-Signature")
	if sig.presigned {
		// The signer adds these again.
		for _, name := range []string{"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-SignedHeaders"} {
			query.Del(name)
		}
	}
	address.RawQuery = query.Encode()
	again := &http.Request{Method: r.Method, URL: &address, Host: r.Host, Header: http.Header{}}
	for _, name := range sig.headers {
		switch name {
		case "host", "x-amz-date":
		case "content-length":
			again.ContentLength = r.ContentLength
		default:
			again.Header[http.CanonicalHeaderKey(name)] = r.Header.Values(name)
		}
	}
	signer := v4.NewSigner()
	key := aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey}
	if sig.presigned {
		signed, _, err := signer.PresignHTTP(context.Background(), key, again, hash, sig.service, sig.region, sig.time)
		if err != nil {
			return "", err
		}
		u, err := url.Parse(signed)
		if err != nil {
			return "", err
		}
		return u.Query().Get("X-Amz-Signature"), nil
	}
	if err := signer.SignHTTP(context.Background(), key, again, hash, sig.service, sig.region, sig.time); err != nil {
		return "", err
	}
	_, value, _ := strings.Cut(again.Header.Get("Authorization"), "Signature=")
	return value, nil
}
