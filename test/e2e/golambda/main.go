// Golambda is a function on AWS's own library for Go, for the end-to-end tests: what it
// answers depends on the event.
package main

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

func main() { lambda.Start(answer) }

// pieces is a body that comes piece by piece, and may break.
type pieces struct {
	left []string
	err  error
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.left) == 0 {
		if p.err != nil {
			return 0, p.err
		}
		return 0, io.EOF
	}
	time.Sleep(100 * time.Millisecond)
	n := copy(b, p.left[0])
	p.left = p.left[1:]
	return n, nil
}

func answer(ctx context.Context, event events.LambdaFunctionURLRequest) (any, error) {
	about, _ := lambdacontext.FromContext(ctx)
	switch event.RawPath {
	case "/stream":
		return &events.LambdaFunctionURLStreamingResponse{StatusCode: 202, Headers: map[string]string{"x-id": about.AwsRequestID}, Body: &pieces{left: []string{"one ", "two ", "three"}}}, nil
	case "/broken":
		return &events.LambdaFunctionURLStreamingResponse{Body: &pieces{left: []string{"part"}, err: errors.New("the source ran dry")}}, nil
	case "/error":
		return nil, errors.New("refused")
	}
	return events.LambdaFunctionURLResponse{StatusCode: 200, Body: "plain"}, nil
}
