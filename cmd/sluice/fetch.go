package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// emptyHash is the SHA-256 of no payload.
const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// fetch reads something of a server's own; the caller closes the body. An answer that is
// no success is an error.
func (s *session) fetch(ctx context.Context, flags clientFlags, pathAndQuery string) (io.ReadCloser, error) {
	client, err := s.client(flags)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, flags.endpoint+pathAndQuery, nil)
	if err != nil {
		return nil, err
	}
	key, err := client.Options().Credentials.Retrieve(ctx)
	if err != nil {
		return nil, err
	}
	credentials := aws.Credentials{AccessKeyID: key.AccessKeyID, SecretAccessKey: key.SecretAccessKey, SessionToken: key.SessionToken}
	if err := v4.NewSigner().SignHTTP(ctx, credentials, req, emptyHash, "lambda", flags.region, time.Now()); err != nil {
		return nil, err
	}
	resp, err := flags.http().Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
		var refusal struct{ Message string } // or message
		if json.Unmarshal(text, &refusal) == nil && refusal.Message != "" {
			return nil, errors.New(refusal.Message)
		}
		return nil, fmt.Errorf("the server answers %s: %s", resp.Status, text)
	}
	return resp.Body, nil
}
