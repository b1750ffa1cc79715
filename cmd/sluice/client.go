package main

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/spf13/cobra"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/config"
	"github.com/sluice-run/sluice/internal/sdkhttp"
)

const defaultEndpoint = "http://127.0.0.1:9000"

// clientFlags are those of every command that talks to a server.
type clientFlags struct {
	endpoint, region string
	json             bool
}

func (s *session) bindClient(cmd *cobra.Command, flags *clientFlags) {
	endpoint := s.lookup("SLUICE_ENDPOINT")
	if endpoint == "" {
		endpoint = defaultEndpoint
	}
	region := s.lookup("SLUICE_REGION")
	if region == "" {
		region = sluice.DefaultIdentity().Region
	}
	cmd.Flags().StringVar(&flags.endpoint, "endpoint", endpoint, "`address` of the server (SLUICE_ENDPOINT)")
	cmd.Flags().StringVar(&flags.region, "region", region, "AWS `region` that the server plays (SLUICE_REGION)")
	for flag, variable := range map[string]string{"endpoint": "SLUICE_ENDPOINT", "region": "SLUICE_REGION"} {
		cmd.Flags().SetAnnotation(flag, config.VariableAnnotation, []string{variable}) // the flag is there
	}
	cmd.Flags().BoolVar(&flags.json, "json", false, "print JSON")
}

// http is the client's transport.
func (f clientFlags) http() *http.Client {
	return &http.Client{Transport: &reaching{http.DefaultTransport, f.endpoint}}
}

// client talks to a server with the access key of the environment, or a made-up one.
func (s *session) client(flags clientFlags) (*lambda.Client, error) {
	address, err := url.Parse(flags.endpoint)
	if err != nil || address.Host == "" || address.Scheme != "http" && address.Scheme != "https" {
		return nil, usageError{fmt.Errorf("--endpoint %s is not an address; write one such as %s", flags.endpoint, defaultEndpoint)}
	}
	id, secret := s.lookup("AWS_ACCESS_KEY_ID"), s.lookup("AWS_SECRET_ACCESS_KEY")
	if id == "" || secret == "" {
		id, secret = "sluice", "sluice"
	}
	return lambda.New(lambda.Options{
		Region: flags.region, BaseEndpoint: aws.String(flags.endpoint), RetryMaxAttempts: 1, HTTPClient: sdkhttp.Client{Client: flags.http()},
		Credentials: credentials.NewStaticCredentialsProvider(id, secret, s.lookup("AWS_SESSION_TOKEN")),
	}), nil
}
