package serve

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/sluice-run/sluice/internal/sdkhttp"
)

// cloudWatch is AWS's own client for the running server.
func (r *running) cloudWatch() *cloudwatchlogs.Client { return r.cloudWatchAs("x", "y") }

func (r *running) cloudWatchAs(id, secret string) *cloudwatchlogs.Client {
	transport := &http.Transport{}
	r.t.Cleanup(transport.CloseIdleConnections)
	return cloudwatchlogs.New(cloudwatchlogs.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(r.base), Credentials: credentials.NewStaticCredentialsProvider(id, secret, ""),
		HTTPClient: sdkhttp.Client{Client: &http.Client{Transport: transport}}, RetryMaxAttempts: 1,
	})
}

func TestLogsAreForThoseWhoMayReadThem(t *testing.T) {
	r, _ := startWithKeys(t)
	r.create("fn", echo, nil)
	r.invoke("fn", `{}`, nil)
	in := &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("/aws/lambda/fn")}
	caller := r.cloudWatchAs("AKIACALLER", "the-secret-of-the-caller")
	if out, err := caller.FilterLogEvents(t.Context(), in); err != nil || len(out.Events) == 0 {
		t.Errorf("%v", err)
	}
	_, err := caller.DescribeLogStreams(t.Context(), &cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: in.LogGroupName})
	refusedWith(t, err, "AccessDeniedException", "logs:DescribeLogStreams")
	_, err = r.cloudWatchAs("AKIACALLER", "wrong").FilterLogEvents(t.Context(), in)
	refusedWith(t, err, "InvalidSignatureException", "")
}

func TestLogsAreReadAsFromCloudWatch(t *testing.T) {
	r := start(t, "", nil)
	before := time.Now().Add(-time.Second)
	r.create("fn", `export const handler = async event => console.log(event.say)`, nil)
	r.create("other", `export const handler = async () => console.log('elsewhere')`, func(in *lambda.CreateFunctionInput) {
		in.LoggingConfig = &lambdatypes.LoggingConfig{LogGroup: aws.String("/shared/group")}
	})
	for _, say := range []string{"alpha one", "beta two", "alpha three"} {
		r.invoke("fn", `{"say":"`+say+`"}`, nil)
	}
	r.invoke("other", `{}`, nil)
	logs := r.cloudWatch()

	// said are the messages of events, those of the platform left out.
	said := func(events []types.FilteredLogEvent) (all []string) {
		for _, e := range events {
			if m := aws.ToString(e.Message); strings.Contains(m, "INFO") {
				all = append(all, strings.TrimSpace(m[strings.LastIndex(m, "\t")+1:]))
			}
		}
		return all
	}
	filter := func(in *cloudwatchlogs.FilterLogEventsInput) *cloudwatchlogs.FilterLogEventsOutput {
		t.Helper()
		out, err := logs.FilterLogEvents(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	group := aws.String("/aws/lambda/fn")
	all := filter(&cloudwatchlogs.FilterLogEventsInput{LogGroupName: group, StartTime: aws.Int64(before.UnixMilli())})
	if got := strings.Join(said(all.Events), ","); got != "alpha one,beta two,alpha three" {
		t.Errorf("%s", got)
	}
	if first := aws.ToString(all.Events[0].Message); !strings.HasPrefix(first, "INIT_START") && !strings.HasPrefix(first, "START") {
		t.Errorf("first is %q", first)
	}
	for i, e := range all.Events {
		if i > 0 && (*e.EventId <= *all.Events[i-1].EventId || *e.Timestamp < *all.Events[i-1].Timestamp) || !strings.HasSuffix(*e.Message, "\n") {
			t.Errorf("%d: %+v", i, e)
		}
	}
	for pattern, want := range map[string]string{
		`alpha`: "alpha one,alpha three", `"beta two"`: "beta two", `alpha -three`: "alpha one", `?one ?two`: "alpha one,beta two", `alpha two`: "",
	} {
		if got := strings.Join(said(filter(&cloudwatchlogs.FilterLogEventsInput{LogGroupName: group, FilterPattern: aws.String(pattern)}).Events), ","); got != want {
			t.Errorf("%s: %s", pattern, got)
		}
	}
	if later := filter(&cloudwatchlogs.FilterLogEventsInput{LogGroupName: group, StartTime: aws.Int64(time.Now().Add(time.Hour).UnixMilli())}); len(later.Events) > 0 {
		t.Errorf("%+v", later.Events)
	}
	if past := filter(&cloudwatchlogs.FilterLogEventsInput{LogGroupName: group, EndTime: aws.Int64(before.UnixMilli())}); len(past.Events) > 0 {
		t.Errorf("%+v", past.Events)
	}

	// Pages of two, by the client's own paginator, are the same events.
	var paged []types.FilteredLogEvent
	pages := cloudwatchlogs.NewFilterLogEventsPaginator(logs, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: group, Limit: aws.Int32(2)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Events) > 2 {
			t.Errorf("%d events on a page", len(page.Events))
		}
		paged = append(paged, page.Events...)
	}
	if len(paged) != len(all.Events) || *paged[len(paged)-1].EventId != *all.Events[len(all.Events)-1].EventId {
		t.Errorf("%d of %d events in pages", len(paged), len(all.Events))
	}

	// A group that two streams could be in is named by ARN too.
	shared := filter(&cloudwatchlogs.FilterLogEventsInput{LogGroupIdentifier: aws.String("arn:aws:logs:us-east-1:123456789012:log-group:/shared/group:*")})
	if got := said(shared.Events); len(got) != 1 || got[0] != "elsewhere" {
		t.Errorf("%q", got)
	}
	groups, err := logs.DescribeLogGroups(t.Context(), &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: aws.String("/aws/")})
	if err != nil || len(groups.LogGroups) != 1 || *groups.LogGroups[0].LogGroupName != *group {
		t.Errorf("%v %+v", err, groups)
	}

	streams, err := logs.DescribeLogStreams(t.Context(), &cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: group, OrderBy: types.OrderByLastEventTime, Descending: aws.Bool(true)})
	if err != nil || len(streams.LogStreams) != 1 {
		t.Fatalf("%v %+v", err, streams)
	}
	stream := streams.LogStreams[0]
	if name := *stream.LogStreamName; !strings.Contains(name, "[$LATEST]") || *stream.FirstEventTimestamp > *stream.LastEventTimestamp {
		t.Errorf("%+v", stream)
	}
	// Reading a stream from its start, a page at a time, ends where the token stays.
	var read int
	var token *string
	for {
		out, err := logs.GetLogEvents(t.Context(), &cloudwatchlogs.GetLogEventsInput{LogGroupName: group, LogStreamName: stream.LogStreamName, StartFromHead: aws.Bool(true), NextToken: token, Limit: aws.Int32(3)})
		if err != nil {
			t.Fatal(err)
		}
		read += len(out.Events)
		if token != nil && *token == *out.NextForwardToken {
			break
		}
		token = out.NextForwardToken
	}
	if read != len(all.Events) {
		t.Errorf("%d of %d events of the stream", read, len(all.Events))
	}
	// And backwards from its end.
	read, token = 0, nil
	for {
		out, err := logs.GetLogEvents(t.Context(), &cloudwatchlogs.GetLogEventsInput{LogGroupName: group, LogStreamName: stream.LogStreamName, NextToken: token, Limit: aws.Int32(4)})
		if err != nil {
			t.Fatal(err)
		}
		read += len(out.Events)
		if token != nil && *token == *out.NextBackwardToken {
			break
		}
		token = out.NextBackwardToken
	}
	if read != len(all.Events) {
		t.Errorf("%d of %d events of the stream backwards", read, len(all.Events))
	}

	_, err = logs.FilterLogEvents(t.Context(), &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("/aws/lambda/none")})
	var missing *types.ResourceNotFoundException
	if !errors.As(err, &missing) {
		t.Errorf("%v", err)
	}
	var invalid *types.InvalidParameterException
	for name, in := range map[string]*cloudwatchlogs.FilterLogEventsInput{
		"a token": {LogGroupName: group, NextToken: aws.String("nonsense")}, "a JSON pattern": {LogGroupName: group, FilterPattern: aws.String(`{ $.a = 1 }`)},
		"an open quote": {LogGroupName: group, FilterPattern: aws.String(`"a`)},
	} {
		if _, err = logs.FilterLogEvents(t.Context(), in); !errors.As(err, &invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err = logs.PutRetentionPolicy(t.Context(), &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: group, RetentionInDays: aws.Int32(1)}); err == nil || !strings.Contains(err.Error(), "UnknownOperation") {
		t.Errorf("%v", err)
	}
	if _, err = logs.GetLogEvents(t.Context(), &cloudwatchlogs.GetLogEventsInput{LogGroupName: group, LogStreamName: aws.String("none")}); !errors.As(err, &missing) {
		t.Errorf("%v", err)
	}
}
