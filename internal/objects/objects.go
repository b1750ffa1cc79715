// Package objects reads code packages from S3, or from anything that speaks its
// API, and writes what buckets are destinations of.
package objects

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
)

// Source reads objects. The credentials are those of the process's environment, as
// for any AWS tool.
type Source struct {
	Region string
	// Endpoint of an S3 that is not AWS's, "" for AWS's.
	Endpoint string
}

// Error is S3's answer to a request that failed.
type Error struct{ Code, Message string }

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// ErrTooLarge: the object has more bytes than were asked for.
var ErrTooLarge = errors.New("the object is too large")

func (s *Source) client(ctx context.Context) (*s3.Client, error) {
	settings, err := config.LoadDefaultConfig(ctx, config.WithRegion(s.Region))
	if err != nil {
		return nil, fmt.Errorf("S3: %w", err)
	}
	return s3.NewFromConfig(settings, func(o *s3.Options) {
		o.DisableLogOutputChecksumValidationSkipped = true // it would land on our standard error
		if s.Endpoint != "" {
			o.BaseEndpoint = &s.Endpoint
			o.UsePathStyle = true // a bucket has no host of its own there
		}
	}), nil
}

// Put writes a JSON document.
func (s *Source) Put(ctx context.Context, bucket, key string, data []byte) error {
	client, err := s.client(ctx)
	if err != nil {
		return err
	}
	if _, err = client.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(data), ContentType: aws.String("application/json")}); err != nil {
		return fmt.Errorf("S3: %w", err)
	}
	return nil
}

// Get reads an object of at most limit bytes; version is "" for the newest. What S3
// refuses is an *Error.
func (s *Source) Get(ctx context.Context, bucket, key, version string, limit int64) ([]byte, error) {
	client, err := s.client(ctx)
	if err != nil {
		return nil, err
	}
	in := &s3.GetObjectInput{Bucket: &bucket, Key: &key}
	if version != "" {
		in.VersionId = &version
	}
	out, err := client.GetObject(ctx, in)
	var refused smithy.APIError
	switch {
	case errors.As(err, &refused):
		return nil, &Error{refused.ErrorCode(), refused.ErrorMessage()}
	case err != nil:
		return nil, fmt.Errorf("S3: %w", err)
	}
	defer out.Body.Close()
	if aws.ToInt64(out.ContentLength) > limit {
		return nil, ErrTooLarge
	}
	data, err := io.ReadAll(io.LimitReader(out.Body, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = ErrTooLarge
	}
	return data, err
}
