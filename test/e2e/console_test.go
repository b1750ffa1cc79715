package e2e

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// ticker streams as many chunks as it is told to, in the query of a URL or in an
// event of its own.
const ticker = `import { setTimeout as sleep } from 'node:timers/promises'
export const handler = awslambda.streamifyResponse(async (event, out) => {
  const { count = 5, pause = 100, size = 0, fail } = event.queryStringParameters ?? event
  out = awslambda.HttpResponseStream.from(out, { statusCode: 200, headers: { 'content-type': 'text/plain', 'x-method': event.requestContext?.http?.method ?? 'none' } })
  console.log('ticked')
  for (let i = 1; i <= count; i++) {
    out.write('tick ' + i + ' '.repeat(size) + '\n')
    await sleep(Number(pause))
  }
  if (fail) throw new Error('the clock broke')
  out.end()
})
`

// story streams words, as a model would.
const story = `import { setTimeout as sleep } from 'node:timers/promises'
const text = ` + "`" + `A sluice is a gate that lets water through, as much as the field below can take.

So it is with a response. The first words are on their way while the last are not yet thought of,
and whoever reads begins to read.

A buffered response waits behind the gate until all of it is there. A streamed one is sent
as it is written: word by word, line by line, and a slow reader slows the writer down.
` + "`" + `
export const handler = awslambda.streamifyResponse(async (event, out) => {
  out.setContentType('text/plain; charset=utf-8')
  for (const [i, word] of text.split(/(?<= |\n)/).entries()) {
    out.write(word)
    await sleep(/[.,:]/.test(word) ? 160 : 20 + (i * 37) % 50)
  }
  out.end()
})
`

// startTicker serves functions for the console to look at.
func startTicker(t *testing.T, args ...string) *devServer {
	t.Helper()
	return startDev(t, append(args, project(t, map[string]string{
		"index.mjs": ticker,
		"story.mjs": story,
		"echo.mjs":  "export const handler = async event => event",
		"template.yaml": `AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Globals:
  Function:
    Runtime: nodejs20.x
    MemorySize: 256
    Timeout: 20
Resources:
  Ticker:
    Type: AWS::Serverless::Function
    Properties:
      Handler: index.handler
      FunctionUrlConfig:
        AuthType: NONE
        InvokeMode: RESPONSE_STREAM
  Echo:
    Type: AWS::Serverless::Function
    Properties:
      Handler: echo.handler
      FunctionUrlConfig:
        AuthType: NONE
  Story:
    Type: AWS::Serverless::Function
    Properties:
      Handler: story.handler
      FunctionUrlConfig:
        AuthType: NONE
        InvokeMode: RESPONSE_STREAM
  Plain:
    Type: AWS::Serverless::Function
    Properties:
      Handler: echo.handler
`}), "--drain", "300ms")...)
}

// consoleSeen is what browser/console.mjs saw.
type consoleSeen struct {
	Wide, Rows, Calls, Busy                                                                            []string
	Title, Facts, Status, Alert, Focus, First, Skipped, Ring, Alike                                    string
	Wrong, Refused, Forbidden, Cookie, Headers, Kept, Strip, Address, Newest, Sorted, Timeline, Record string
	Pace                                                                                               string
	Stored                                                                                             []any
	Samples                                                                                            []struct{ Ticks, Dots int }
	Sides                                                                                              []struct {
		Streamed, Buffered struct {
			Ticks int
			Axis  string
		}
	}
	Axes                           []string
	Before, After, Points, Waiting int
	Unpaced                        int
	Described                      map[string][3]string
	Echo                           struct {
		RawPath, RawQueryString, Body string
		Headers                       map[string]string
		RequestContext                struct{ HTTP struct{ Method string } }
	}
}

// look runs a part of browser/console.mjs.
func look(t *testing.T, browser, address, part string, more ...string) consoleSeen {
	t.Helper()
	seen := browse[consoleSeen](t, browser, "console.mjs", append([]string{address + "/_sluice/console/", part}, more...)...)
	if len(seen.Wide) > 0 {
		t.Errorf("wider than the screen: %q", seen.Wide)
	}
	return seen
}

func TestConsoleInTheBrowser(t *testing.T) {
	browser := chromium(t)
	d := startTicker(t)
	t.Run("list", func(t *testing.T) {
		seen := look(t, browser, d.base(), "list")
		if all := strings.Join(seen.Rows, "|"); len(seen.Rows) != 5 || !strings.Contains(all, "256 MB") || !strings.Contains(all, "/lambda-url/Ticker/") && !strings.Contains(all, "ticker.lambda-url.localhost") {
			t.Errorf("rows %q", seen.Rows)
		}
		if !strings.HasPrefix(seen.Title, "Ticker") || !strings.Contains(seen.Facts, "index.handler") {
			t.Errorf("%+v", seen)
		}
	})
	t.Run("chunks while they arrive", func(t *testing.T) {
		seen := look(t, browser, d.base(), "watch")
		steps, last := 0, seen.Samples[len(seen.Samples)-1]
		for _, s := range seen.Samples {
			if s.Ticks > 0 && s.Ticks < 8 && s.Dots > 0 {
				steps++
			}
		}
		if steps < 3 || last.Ticks != 8 || last.Dots < 4 || !strings.HasPrefix(seen.Status, "Complete") {
			t.Errorf("%s, %+v", seen.Status, seen.Samples)
		}
	})
	t.Run("streamed and buffered side by side", func(t *testing.T) {
		seen := look(t, browser, d.base(), "compare")
		ahead := 0
		for _, s := range seen.Sides {
			if s.Streamed.Axis != s.Buffered.Axis {
				t.Errorf("the axes are %s and %s", s.Streamed.Axis, s.Buffered.Axis)
			}
			if s.Streamed.Ticks > 0 && s.Streamed.Ticks < 8 && s.Buffered.Ticks == 0 {
				ahead++
			}
		}
		last := seen.Sides[len(seen.Sides)-1]
		if ahead < 3 || last.Streamed.Ticks != 8 || last.Buffered.Ticks != 8 {
			t.Errorf("%+v", seen.Sides)
		}
		if !strings.Contains(seen.Status, "earlier") || !strings.Contains(seen.Alike, "no difference") || !slices.Equal(seen.Calls, []string{"GET /lambda-url/Ticker/?count=8&pause=300", "Invoke"}) {
			t.Errorf("%+v", seen)
		}
	})
	t.Run("picture", func(t *testing.T) {
		if seen := look(t, browser, d.base(), "picture"); seen.Waiting != 1 {
			t.Error("the buffered response came while the streamed one did")
		}
	})
	t.Run("a request", func(t *testing.T) {
		seen := look(t, browser, d.base(), "request")
		if !strings.Contains(seen.Alert, "Line 2") || !strings.Contains(seen.Cookie, "Cookie") || !strings.Contains(seen.Headers, "x-method: POST") || seen.Kept != "a body" {
			t.Errorf("%+v", seen)
		}
		if e := seen.Echo; e.RawPath != "/a%20b" || e.RawQueryString != "x=1" || e.Body != "a body" || e.Headers["x-one"] != "1" || e.RequestContext.HTTP.Method != "PUT" || e.Headers["authorization"] != "" {
			t.Errorf("%+v", e)
		}
	})
	t.Run("clicks while it is drawn", func(t *testing.T) { look(t, browser, d.base(), "click") })
	t.Run("trouble", func(t *testing.T) {
		seen := look(t, browser, d.base(), "trouble")
		if !strings.Contains(seen.Status, "the clock broke") || !strings.Contains(seen.Alert, "not JSON") || seen.Focus != "event" {
			t.Errorf("%+v", seen)
		}
	})
	t.Run("keyboard", func(t *testing.T) {
		seen := look(t, browser, d.base(), "keyboard")
		if seen.First != "Skip to the page" || seen.Skipped != "page" || seen.Ring != "solid" || !strings.Contains(seen.Status, "Complete") {
			t.Errorf("%+v", seen)
		}
	})
	t.Run("environments", func(t *testing.T) {
		seen := look(t, browser, d.base(), "environments", filepath.Join(filepath.Dir(d.ready.Source), "index.mjs"))
		if len(seen.Busy) < 2 || !strings.Contains(strings.Join(seen.Busy, "|"), "serving") || !strings.HasPrefix(seen.Strip, "Serving for ") || strings.HasPrefix(seen.Strip, "Serving for 0 ms") {
			t.Errorf("%+v", seen)
		}
	})
	t.Run("charts", func(t *testing.T) {
		seen := look(t, browser, d.base(), "charts")
		if seen.After <= seen.Before || seen.Address != "#/charts?function=Ticker" || len(seen.Described) != 5 {
			t.Errorf("%+v", seen)
		}
		for name, texts := range seen.Described {
			if texts[0] != name || !strings.Contains(texts[1], "Most recently") || texts[2] == "0" {
				t.Errorf("%s: %q", name, texts)
			}
		}
	})
	t.Run("past invocations", func(t *testing.T) {
		seen := look(t, browser, d.base(), "past")
		if !strings.Contains(seen.Newest, "function-error") || !strings.HasPrefix(seen.Sorted, "Bytes") || seen.Address != "#/invocations?text=error&function=Ticker&since=1h&ending=function-error&mode=streamed&sort=bytes" {
			t.Errorf("%q %q %q", seen.Newest, seen.Sorted, seen.Address)
		}
		if !strings.Contains(seen.Timeline, "first byte after") || !strings.Contains(seen.Record, "Billed") || seen.Points < 2 {
			t.Errorf("%q, %d points, %q", seen.Timeline, seen.Points, seen.Record)
		}
	})
	t.Run("phone", func(t *testing.T) { look(t, browser, d.base(), "phone") })
}

func TestConsoleDrawsThePaceInTheBrowser(t *testing.T) {
	browser := chromium(t)
	d := startTicker(t, "--limits", "streamBurst=1MB,streamRate=512KB")
	seen := look(t, browser, d.base(), "pace")
	if want := "1 MB, then 512 kB/s"; seen.Pace != want || seen.Timeline != want {
		t.Errorf("%q, %q", seen.Pace, seen.Timeline)
	}
	// A buffered response is not paced, and is still drawn to the same scale.
	if seen.Unpaced != 0 || len(seen.Axes) != 2 || seen.Axes[0] != seen.Axes[1] {
		t.Errorf("%+v", seen)
	}
	// AWS would charge for nothing of it.
	if !strings.Contains(seen.Record, "Held back") || strings.Contains(seen.Record, "Past the first") {
		t.Errorf("%q", seen.Record)
	}
}

func TestConsoleAsksForCredentialsInTheBrowser(t *testing.T) {
	browser := chromium(t)
	file := filepath.Join(t.TempDir(), "credentials.yaml")
	write(t, file, `credentials:
  - accessKeyId: ADMIN
    secretAccessKey: admin-admin-admin
  - accessKeyId: READER
    secretAccessKey: reader-reader-reader
    policy:
      Statement:
        - {Effect: Allow, Action: ["lambda:List*", "lambda:Get*", "sluice:Read*"], Resource: "*"}
`)
	s := startServe(t, t.TempDir(), "--credentials", file)
	defer s.stop()
	client := lambda.New(lambda.Options{Region: "us-east-1", BaseEndpoint: aws.String("http://" + s.addr), Credentials: credentials.NewStaticCredentialsProvider("ADMIN", "admin-admin-admin", "")})
	if _, err := client.CreateFunction(t.Context(), &lambda.CreateFunctionInput{FunctionName: aws.String("ticker"), Runtime: types.RuntimeNodejs20x, Role: aws.String("arn:aws:iam::123456789012:role/r"),
		Handler: aws.String("index.handler"), Code: &types.FunctionCode{ZipFile: zipped(t, ticker)}}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.CreateFunctionUrlConfig(t.Context(), &lambda.CreateFunctionUrlConfigInput{FunctionName: aws.String("ticker"), AuthType: types.FunctionUrlAuthTypeAwsIam, InvokeMode: types.InvokeModeResponseStream}); err != nil {
		t.Fatal(err)
	}
	seen := look(t, browser, "http://"+s.addr, "credentials", `[{"key":"READER","secret":"reader-reader-reader"},{"key":"ADMIN","secret":"admin-admin-admin"}]`)
	if !strings.HasPrefix(seen.Focus, "Access key ID") || !strings.Contains(seen.Wrong, "signature") {
		t.Errorf("%+v", seen)
	}
	if !strings.Contains(seen.Refused, "lambda:InvokeFunction") || !strings.Contains(seen.Refused, "Forget credentials") {
		t.Errorf("refused: %q", seen.Refused)
	}
	if !strings.Contains(seen.Forbidden, "Forget credentials") {
		t.Errorf("refused by the Function URL: %q", seen.Forbidden)
	}
	if len(seen.Stored) != 2 || seen.Stored[0] != 0.0 || seen.Stored[1] != "" {
		t.Errorf("kept beyond the tab: %v", seen.Stored)
	}
}
