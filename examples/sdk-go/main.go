// Command sdk-go deploys a function to a Lambda endpoint with the AWS SDK for Go and
// prints its response as it arrives. Usage: sdk-go [ENDPOINT]
package main

import (
	"archive/zip"
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

//go:embed function.mjs
var source []byte

func main() {
	endpoint := "http://127.0.0.1:9000"
	if len(os.Args) > 1 {
		endpoint = os.Args[1]
	}
	if err := run(context.Background(), endpoint, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, endpoint string, out io.Writer) error {
	client := lambda.New(lambda.Options{
		Region: "us-east-1", BaseEndpoint: &endpoint, Credentials: credentials.NewStaticCredentialsProvider("sluice", "sluice", ""),
	})
	name := aws.String("sdk-go-example")
	var missing *types.ResourceNotFoundException
	if _, err := client.DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: name}); err != nil && !errors.As(err, &missing) {
		return err
	}
	code, err := zipped("function.mjs", source)
	if err != nil {
		return err
	}
	if _, err := client.CreateFunction(ctx, &lambda.CreateFunctionInput{
		FunctionName: name, Runtime: types.RuntimeNodejs22x, Handler: aws.String("function.handler"), Role: aws.String("arn:aws:iam::123456789012:role/example"),
		Timeout: aws.Int32(10), Code: &types.FunctionCode{ZipFile: code},
	}); err != nil {
		return err
	}
	response, err := client.InvokeWithResponseStream(ctx, &lambda.InvokeWithResponseStreamInput{FunctionName: name, Payload: []byte(`{"words":["each","word","on","its","own"]}`)})
	if err != nil {
		return err
	}
	stream := response.GetStream()
	defer stream.Close()
	for event := range stream.Events() {
		switch e := event.(type) {
		case *types.InvokeWithResponseStreamResponseEventMemberPayloadChunk:
			out.Write(e.Value.Payload)
		case *types.InvokeWithResponseStreamResponseEventMemberInvokeComplete:
			if e.Value.ErrorCode != nil {
				return fmt.Errorf("%s: %s", *e.Value.ErrorCode, aws.ToString(e.Value.ErrorDetails))
			}
		}
	}
	if err := stream.Err(); err != nil {
		return err
	}
	_, err = client.DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: name})
	return err
}

func zipped(name string, data []byte) ([]byte, error) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	entry, err := w.Create(name)
	if err == nil {
		_, err = entry.Write(data)
	}
	err = errors.Join(err, w.Close())
	return b.Bytes(), err
}
