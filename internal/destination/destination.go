// Package destination sends the outcome of asynchronous invocations to what AWS has
// for them outside of Lambda: queues, topics, event buses and buckets, on AWS or on
// anything that speaks its APIs (docs/contract/invoke-api.md §5.2, §5.3).
package destination

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	snstypes "github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/sluice-run/sluice/internal/objects"
)

// AWS is the endpoint that means AWS's own.
const AWS = "aws"

// Use is what an ARN is given for.
type Use int

// The three uses.
const (
	OnSuccess Use = iota
	OnFailure
	DeadLetter
)

// Sender sends outcomes. The credentials are those of the process's environment, as
// for any AWS tool.
type Sender struct {
	Region string
	// Endpoint is AWS, an address that speaks the APIs of SQS, SNS and EventBridge,
	// or "" to send nothing.
	Endpoint string
	// Objects takes what is sent to buckets.
	Objects *objects.Source

	load   sync.Mutex
	loaded *aws.Config
}

// Message is one outcome.
type Message struct {
	// Body is the record, or the event itself for a dead letter.
	Body []byte
	// Success tells that the function succeeded.
	Success bool
	// FunctionARN is qualified.
	FunctionARN string
	RequestID   string
	Time        time.Time
	// Failure is the error message of the function, for a dead letter.
	Failure string
}

// maxFailure is how much of an error message a dead letter carries.
const maxFailure = 1024

// service returns the service of an ARN, "" if it is none.
func service(arn string) (name string, parts []string) {
	parts = strings.SplitN(arn, ":", 6)
	if len(parts) < 6 || parts[0] != "arn" || parts[5] == "" {
		return "", nil
	}
	return parts[2], parts
}

// Check tells why nothing could be sent to an ARN, or returns "". Functions are not
// its business.
func (s *Sender) Check(arn string, use Use) string {
	name, parts := service(arn)
	switch name {
	case "sqs", "sns":
		if strings.HasSuffix(arn, ".fifo") {
			return "FIFO queues and topics can't be used: " + arn
		}
	case "events":
		if !strings.HasPrefix(parts[5], "event-bus/") || use == DeadLetter {
			return "the ARN " + arn + " is neither a function, a queue nor a topic"
		}
	case "s3":
		if use != OnFailure {
			return "a bucket can only be the destination of failures: " + arn
		}
	default:
		return "the ARN " + arn + " is neither a function, a queue, a topic, an event bus nor a bucket"
	}
	return ""
}

// Reaches tells whether there is an endpoint for ARNs outside of Lambda.
func (s *Sender) Reaches() bool { return s != nil && s.Endpoint != "" }

// Send sends m to an ARN that Check approved of.
func (s *Sender) Send(ctx context.Context, arn string, m Message) error {
	settings, err := s.settings(ctx)
	if err != nil {
		return err
	}
	name, parts := service(arn)
	switch name {
	case "sqs":
		return s.sqs(ctx, settings, parts, m)
	case "sns":
		return s.sns(ctx, settings, arn, m)
	case "events":
		return s.events(ctx, settings, arn, m)
	case "s3":
		function := m.FunctionARN[strings.LastIndex(m.FunctionARN, ":function:")+len(":function:"):]
		function, _, _ = strings.Cut(function, ":")
		// The folders are not documented further than the day.
		key := "aws/lambda/async/" + function + "/" + m.Time.UTC().Format("2006/01/02/2006-01-02T15.04.05.000Z") + "-" + m.RequestID
		return s.Objects.Put(ctx, parts[5], key, m.Body)
	}
	return fmt.Errorf("nothing can be sent to %s", arn)
}

// settings are loaded once: credentials are cached in them.
func (s *Sender) settings(ctx context.Context) (aws.Config, error) {
	s.load.Lock()
	defer s.load.Unlock()
	if s.loaded == nil {
		options := []func(*config.LoadOptions) error{config.WithRegion(s.Region)}
		if s.Endpoint != AWS {
			options = append(options, config.WithBaseEndpoint(s.Endpoint))
		}
		loaded, err := config.LoadDefaultConfig(ctx, options...)
		if err != nil {
			return aws.Config{}, err
		}
		s.loaded = &loaded
	}
	return *s.loaded, nil
}

// attribute is one of a dead letter's, in the types of SQS and SNS alike.
type attribute struct{ name, kind, value string }

func (m Message) attributes() []attribute {
	if m.Failure == "" {
		return nil
	}
	return []attribute{
		{"RequestID", "String", m.RequestID},
		{"ErrorCode", "Number", "200"},
		{"ErrorMessage", "String", m.Failure[:min(len(m.Failure), maxFailure)]},
	}
}

func (s *Sender) sqs(ctx context.Context, settings aws.Config, parts []string, m Message) error {
	settings.Region = parts[3]
	client := sqs.NewFromConfig(settings)
	queue, err := client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &parts[5], QueueOwnerAWSAccountId: &parts[4]})
	if err != nil {
		return err
	}
	in := &sqs.SendMessageInput{QueueUrl: queue.QueueUrl, MessageBody: aws.String(string(m.Body)), MessageAttributes: map[string]sqstypes.MessageAttributeValue{}}
	for _, a := range m.attributes() {
		in.MessageAttributes[a.name] = sqstypes.MessageAttributeValue{DataType: &a.kind, StringValue: &a.value}
	}
	_, err = client.SendMessage(ctx, in)
	return err
}

func (s *Sender) sns(ctx context.Context, settings aws.Config, arn string, m Message) error {
	settings.Region = strings.Split(arn, ":")[3]
	in := &sns.PublishInput{TopicArn: &arn, Message: aws.String(string(m.Body)), MessageAttributes: map[string]snstypes.MessageAttributeValue{}}
	for _, a := range m.attributes() {
		in.MessageAttributes[a.name] = snstypes.MessageAttributeValue{DataType: &a.kind, StringValue: &a.value}
	}
	_, err := sns.NewFromConfig(settings).Publish(ctx, in)
	return err
}

func (s *Sender) events(ctx context.Context, settings aws.Config, arn string, m Message) error {
	settings.Region = strings.Split(arn, ":")[3]
	kind := "Lambda Function Invocation Result - Failure"
	if m.Success {
		kind = "Lambda Function Invocation Result - Success"
	}
	out, err := eventbridge.NewFromConfig(settings).PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []ebtypes.PutEventsRequestEntry{{
		EventBusName: &arn, Source: aws.String("lambda"), DetailType: &kind, Resources: []string{arn, m.FunctionARN},
		Detail: aws.String(string(m.Body)), Time: &m.Time,
	}}})
	if err != nil {
		return err
	}
	if out.FailedEntryCount > 0 && len(out.Entries) > 0 {
		return fmt.Errorf("%s: %s", aws.ToString(out.Entries[0].ErrorCode), aws.ToString(out.Entries[0].ErrorMessage))
	}
	return nil
}
