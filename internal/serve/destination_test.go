package serve

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/sluice-run/sluice/internal/config"
)

// sent is what arrived at one of AWS's services.
type sent struct{ service, target, body string }

// cloud plays the services that are out of reach of a test, on the wire: SQS and
// EventBridge in JSON, SNS in forms and XML, S3 in paths. It refuses the first
// requests to send to a queue.
func cloud(t *testing.T, refuse int) (address string, arrived chan sent) {
	t.Setenv("AWS_ACCESS_KEY_ID", "x")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "y")
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	arrived = make(chan sent, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		body := string(data)
		switch target := r.Header.Get("X-Amz-Target"); {
		case target == "AmazonSQS.GetQueueUrl":
			fmt.Fprintf(w, `{"QueueUrl":"http://%s/123456789012/letters"}`, r.Host)
		case target == "AmazonSQS.SendMessage" && refuse > 0:
			refuse--
			w.WriteHeader(http.StatusServiceUnavailable)
		case target == "AmazonSQS.SendMessage":
			io.WriteString(w, `{"MessageId":"1"}`)
			arrived <- sent{"sqs", target, body}
		case target == "AWSEvents.PutEvents":
			io.WriteString(w, `{"FailedEntryCount":0,"Entries":[{"EventId":"1"}]}`)
			arrived <- sent{"events", target, body}
		case r.Method == http.MethodPut:
			arrived <- sent{"s3", r.URL.Path, body}
		case strings.Contains(body, "Action=Publish"):
			io.WriteString(w, `<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>`)
			arrived <- sent{"sns", "", body}
		default:
			t.Errorf("%s %s %s", r.Method, r.URL, body)
		}
	}))
	t.Cleanup(func() {
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
		server.Close()
	})
	return server.URL, arrived
}

func TestOutcomesReachQueuesTopicsBusesAndBuckets(t *testing.T) { // docs/contract/invoke-api.md §5.2, §5.3
	address, arrived := cloud(t, 1)
	r := start(t, "", func(c *config.Config) {
		soon(c)
		c.AWSEndpoint, c.S3Endpoint = address, address
	})
	runs := r.recorder("worker", func(in *lambda.CreateFunctionInput) {
		in.DeadLetterConfig = &types.DeadLetterConfig{TargetArn: aws.String("arn:aws:sqs:us-east-1:123456789012:letters")}
	})
	total := 0
	for _, tt := range []struct {
		service, success, failure string
	}{
		{"sns", "arn:aws:sns:us-east-1:123456789012:topic", "arn:aws:sns:us-east-1:123456789012:topic"},
		{"events", "arn:aws:events:us-east-1:123456789012:event-bus/default", "arn:aws:events:us-east-1:123456789012:event-bus/default"},
		{"s3", "arn:aws:sns:us-east-1:123456789012:topic", "arn:aws:s3:::bucket"},
	} {
		if _, err := r.client.PutFunctionEventInvokeConfig(t.Context(), &lambda.PutFunctionEventInvokeConfigInput{FunctionName: aws.String("worker"), MaximumRetryAttempts: aws.Int32(0),
			DestinationConfig: &types.DestinationConfig{OnSuccess: &types.OnSuccess{Destination: &tt.success}, OnFailure: &types.OnFailure{Destination: &tt.failure}}}); err != nil {
			t.Fatal(err)
		}
		r.send("worker", `{"n":1,"fail":true}`)
		got := map[string]sent{}
		for range 2 {
			s := <-arrived
			got[s.service] = s
		}
		letter := struct {
			MessageBody       string
			MessageAttributes map[string]struct{ DataType, StringValue string }
		}{}
		if err := json.Unmarshal([]byte(got["sqs"].body), &letter); err != nil || letter.MessageBody != `{"n":1,"fail":true}` ||
			letter.MessageAttributes["ErrorMessage"].StringValue != "ordered" || letter.MessageAttributes["ErrorCode"].DataType != "Number" || len(letter.MessageAttributes["RequestID"].StringValue) != 36 {
			t.Errorf("dead letter: %v %+v", err, got["sqs"])
		}
		told := got[tt.service]
		text := told.body
		switch tt.service {
		case "sns":
			form, _ := url.ParseQuery(told.body)
			text = form.Get("Message")
		case "events":
			var in struct {
				Entries []struct {
					DetailType, Source, Detail, EventBusName string
					Resources                                []string
				}
			}
			json.Unmarshal([]byte(told.body), &in)
			if len(in.Entries) != 1 || in.Entries[0].Source != "lambda" || !strings.HasSuffix(in.Entries[0].Resources[1], ":worker:$LATEST") {
				t.Fatalf("%s", told.body)
			}
			text = in.Entries[0].Detail
		case "s3":
			if !strings.HasPrefix(told.target, "/bucket/aws/lambda/async/worker/") {
				t.Errorf("key %s", told.target)
			}
		}
		var record struct {
			RequestContext  struct{ Condition string }
			ResponsePayload struct{ ErrorMessage string }
		}
		if err := json.Unmarshal([]byte(text), &record); err != nil || record.RequestContext.Condition != "RetriesExhausted" || record.ResponsePayload.ErrorMessage != "ordered" {
			t.Errorf("%s: %v %s", tt.service, err, text)
		}
		total++
	}
	if all := r.await(runs, total); len(all) != total {
		t.Errorf("a queue that refused once must not run the function again: %d runs of %d", len(all), total)
	}
}

func TestDestinationsThatCantWorkAreRefused(t *testing.T) {
	address, _ := cloud(t, 0)
	r := start(t, "", func(c *config.Config) { c.AWSEndpoint = address })
	r.create("fn", echo, nil)
	for arn, why := range map[string]string{
		"arn:aws:sqs:us-east-1:123456789012:q.fifo":      "FIFO queues and topics can't be used",
		"arn:aws:s3:::bucket":                            "a bucket can only be the destination of failures",
		"arn:aws:dynamodb:us-east-1:123456789012:table/": "is neither a function, a queue, a topic, an event bus nor a bucket",
	} {
		_, err := r.client.PutFunctionEventInvokeConfig(t.Context(), &lambda.PutFunctionEventInvokeConfigInput{FunctionName: aws.String("fn"),
			DestinationConfig: &types.DestinationConfig{OnSuccess: &types.OnSuccess{Destination: &arn}}})
		if err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", arn, err)
		}
	}
	_, err := r.client.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("fn"),
		DeadLetterConfig: &types.DeadLetterConfig{TargetArn: aws.String("arn:aws:events:us-east-1:123456789012:event-bus/default")}})
	if err == nil || !strings.Contains(err.Error(), "neither a function, a queue nor a topic") {
		t.Errorf("%v", err)
	}
}
