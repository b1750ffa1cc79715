package template

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/bundle"
)

// options are what the tests read templates with.
func options() Options {
	return Options{
		Identity: sluice.DefaultIdentity(), StackName: "local",
		NameFunction: func(id string) string { return id },
		URL: func(function, qualifier string, alone bool) string {
			if !alone {
				function += "-" + qualifier
			}
			return "http://" + strings.ToLower(function) + ".lambda-url.localhost:9000/"
		},
	}
}

// folder writes files, and an empty src folder, and returns the folder.
func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "src"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func loadText(t testing.TB, text string, o Options) (*Template, error) {
	t.Helper()
	return Load(filepath.Join(folder(t, map[string]string{"template.yaml": text}), "template.yaml"), o)
}

// mustLoad loads a template that is right.
func mustLoad(t testing.TB, text string) *Template {
	t.Helper()
	tmpl, err := loadText(t, text, options())
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return tmpl
}

const sam = "Transform: AWS::Serverless-2016-10-31\n"

// function is a template with one function Fn whose properties are completed with
// more, each line indented by six.
func function(more string) string {
	return sam + `Resources:
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src
      Handler: index.handler
      Runtime: nodejs22.x
` + more
}

// env is a template whose function has the variable V.
func env(value, sections string) string {
	return function("      Environment: {Variables: {VV: "+value+"}}\n") + sections
}

func TestTheExampleOfTheContract(t *testing.T) { // docs/contract/sam-template.md §9
	text := `AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Parameters: {Stage: {Type: String, Default: dev, AllowedValues: [dev, prod]}}
Conditions: {Prod: !Equals [!Ref Stage, prod]}
Globals:
  Function: {Runtime: nodejs22.x, Timeout: 60, MemorySize: 512, Environment: {Variables: {STAGE: !Ref Stage}}}
Resources:
  Chat:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src/
      Handler: index.handler
      AutoPublishAlias: live
      ReservedConcurrentExecutions: !If [Prod, 50, !Ref AWS::NoValue]
      FunctionUrlConfig: {AuthType: NONE, InvokeMode: RESPONSE_STREAM, Cors: {AllowOrigins: ["*"], MaxAge: 300}}
Outputs:
  Url: {Value: !GetAtt ChatUrl.FunctionUrl}
  Alias: {Value: !Ref ChatAliaslive}
  Version: {Value: !GetAtt Chat.Version.Version}
  Role: {Value: !GetAtt ChatRole.Arn}
`
	for stage, want := range map[string]*int{"dev": nil, "prod": new(int)} {
		if want != nil {
			*want = 50
		}
		o := options()
		o.Parameters = map[string]string{"Stage": stage}
		dir := folder(t, map[string]string{"template.yaml": text})
		tmpl, err := Load(filepath.Join(dir, "template.yaml"), o)
		if err != nil {
			t.Fatal(err)
		}
		got := tmpl.Functions[0]
		if !reflect.DeepEqual(got, &Function{
			Function: sluice.Function{
				Name: "Chat", Version: "$LATEST", Runtime: "nodejs22.x", Handler: "index.handler", CodeDir: filepath.Join(dir, "src"),
				Environment: map[string]string{"STAGE": stage}, Timeout: time.Minute, MemoryMB: 512, EphemeralStorageMB: 512, Architecture: "x86_64",
				ReservedConcurrency: want,
			},
			LogicalID: "Chat", Line: 8, Aliases: []string{"live"},
			URLs: []sluice.FunctionURL{{
				Function: "Chat", Qualifier: "live", AuthType: "NONE", Mode: "RESPONSE_STREAM", Public: true,
				CORS: &sluice.CORS{AllowOrigins: []string{"*"}, MaxAge: 300},
			}},
		}) {
			t.Errorf("%+v", got)
		}
		want := []Output{
			{Name: "Url", Value: "http://chat.lambda-url.localhost:9000/"}, {Name: "Alias", Value: "arn:aws:lambda:us-east-1:123456789012:function:Chat:live"},
			{Name: "Version", Value: "1"}, {Name: "Role", Value: "arn:aws:iam::123456789012:role/local-ChatRole"},
		}
		if !slices.Equal(tmpl.Outputs, want) {
			t.Errorf("%+v", tmpl.Outputs)
		}
	}
}

func TestIntrinsics(t *testing.T) { // docs/contract/sam-template.md §4
	const parameters = `Parameters:
  P: {Type: String, Default: par}
  L: {Type: CommaDelimitedList, Default: "a, b,c"}
Mappings: {M: {us-east-1: {key: mapped}}}
Conditions:
  Is: !Equals [!Ref P, par]
  Not: !Not [!Condition Is]
  Both: !And [!Condition Is, !Condition Not]
  Any: !Or [!Condition Is, !Condition Not]
`
	for value, want := range map[string]string{
		`!Ref P`:                                     "par",
		`!Ref AWS::Region`:                           "us-east-1",
		`!Ref AWS::StackName`:                        "local",
		`!Sub "${P}-${AWS::AccountId}"`:              "par-123456789012",
		`!Sub "${!P} ${P}"`:                          "${P} par",
		`!Sub ["${X}${P}", {X: !Ref P}]`:             "parpar",
		`!Sub "a$b}c${"`:                             "a$b}c${",
		`!Join ["-", [x, !Ref P, !Ref AWS::Region]]`: "x-par-us-east-1",
		`!Join ["+", !Ref L]`:                        "a+b+c",
		`!Select [1, !Split ["-", "x-y-z"]]`:         "y",
		`!Select ["2", !Ref L]`:                      "c",
		`!If [Is, a, b]`:                             "a",
		`!If [Not, a, b]`:                            "b",
		`!If [Both, a, b]`:                           "b",
		`!If [Any, a, b]`:                            "a",
		`!FindInMap [M, !Ref AWS::Region, key]`:      "mapped",
		`!Base64 hello`:                              "aGVsbG8=",
		`!Select [0, !GetAZs ""]`:                    "us-east-1a",
		`{"Fn::Sub": "${P}"}`:                        "par",
		`yes`:                                        "true",
		`"yes"`:                                      "yes",
		`0755`:                                       "493",
		`2012-10-17`:                                 "2012-10-17",
		`1.50`:                                       "1.50",
	} {
		tmpl, err := loadText(t, env(value, parameters), options())
		if err != nil {
			t.Errorf("%s: %v", value, err)
			continue
		}
		if got := tmpl.Functions[0].Environment["VV"]; got != want {
			t.Errorf("%s gives %q, want %q", value, got, want)
		}
	}
}

func TestIntrinsicMistakes(t *testing.T) {
	for value, want := range map[string]string{
		`!Ref Nope`:            "there is no parameter or resource Nope; there are Fn, FnRole",
		`!Ref Fm`:              "did you mean Fn?",
		`!Sub "${Nope.Arn}"`:   "there is no parameter or resource Nope",
		`!Ref AWS::Regio`:      "did you mean AWS::Region?",
		`!Select [3, [a]]`:     "the list has 1 values",
		`!FindInMap [M, a, b]`: "Mappings has no M",
		`!If [Nope, a, b]`:     "there is no condition Nope",
		`!If [a, b]`:           "Fn::If takes a list of three values, not a list of two",
		`!Join [a]`:            "Fn::Join takes a list of two values",
		`!Equals [a, b]`:       "belongs into Conditions",
		`{"Fn::Sup": a}`:       "Fn::Sup is not an intrinsic function; did you mean Fn::Sub?",
		`!Length [a]`:          `needs the line "Transform: AWS::LanguageExtensions"`,
		`!GetAt Fn.Arn`:        "!GetAt is not a tag of CloudFormation; did you mean !GetAtt?",
		`[a]`:                  "the variable is a list; expected text",
		`!Ref Fn`:              "circular dependency between resources: Fn",
		`!GetAtt Fn.Arn`:       "circular dependency",
	} {
		_, err := loadText(t, env(value, ""), options())
		if err == nil || !strings.Contains(err.Error(), want) || !regexp.MustCompile(`template\.yaml:9:\d+: `).MatchString(err.Error()) {
			t.Errorf("%s: %v\nwant %q in line 9", value, err, want)
		}
	}
}

func TestMistakesHavePositions(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"timeout", function("      Timeout: 2000\n"), `template.yaml:9:16: Resources.Fn.Properties.Timeout: Timeout is 2000; expected a number of seconds from 1 to 900`},
		{"timeout as text", function("      Timeout: soon\n"), `9:16: Resources.Fn.Properties.Timeout: Timeout is "soon"; expected a number`},
		{"memory", function("      MemorySize: 64\n"), `MemorySize is 64; expected a number of MB from 128 to 10240`},
		{"runtime", strings.Replace(function(""), "nodejs22.x", "node22.x", 1), `8:16: Resources.Fn.Properties.Runtime: Runtime is "node22.x"; expected nodejs18.x, nodejs20.x, nodejs22.x, nodejs24.x, python3.10, python3.11, python3.12, python3.13, python3.14, go1.x, provided, provided.al2, provided.al2023; did you mean nodejs22.x?`},
		{"no handler", strings.Replace(function(""), "      Handler: index.handler\n", "", 1), `3:3: Resources.Fn.Properties: Handler is missing; write one, such as Handler: index.handler`},
		{"code", strings.Replace(function(""), "src", "srv", 1), `6:16: Resources.Fn.Properties.CodeUri: CodeUri is "srv", and there is no `},
		{"auth", function("      FunctionUrlConfig: {InvokeMode: BUFFERED}\n"), "9:26: Resources.Fn.Properties.FunctionUrlConfig.AuthType: AuthType is required to configure function property `FunctionUrlConfig`. Please provide either AWS_IAM or NONE."},
		{"invoke mode", function("      FunctionUrlConfig: {AuthType: NONE, InvokeMode: STREAM}\n"), `InvokeMode is "STREAM"; expected BUFFERED or RESPONSE_STREAM`},
		{"cors member", function("      FunctionUrlConfig: {AuthType: NONE, Cors: {AllowOrigin: [a]}}\n"), "AllowOrigin is not a valid property for configuring Cors. did you mean AllowOrigins?"},
		{"cors list", function("      FunctionUrlConfig: {AuthType: NONE, Cors: {AllowOrigins: '*'}}\n"), `AllowOrigins is "*"; expected a list`},
		{"cors method", function("      FunctionUrlConfig: {AuthType: NONE, Cors: {AllowMethods: [GET, OPTIONS]}}\n"), `9:70: Resources.Fn.Properties.FunctionUrlConfig.Cors.AllowMethods[1]: a method of AllowMethods is "OPTIONS"; expected GET, PUT`},
		{"reserved variable", function("      Environment: {Variables: {AWS_REGION: x}}\n"), `9:33: Resources.Fn.Properties.Environment.Variables.AWS_REGION: AWS_REGION is reserved`},
		{"architectures", sam + "Globals: {Function: {Architectures: [arm64]}}\n" + strings.TrimPrefix(function("      Architectures: [x86_64]\n"), sam), "Architectures is [arm64, x86_64]; expected a list with one of"},
		{"type", strings.Replace(function(""), "Serverless::Function", "Serverless::Fnction", 1), `4:11: Resources.Fn.Type: AWS::Serverless::Fnction is not a resource type; did you mean AWS::Serverless::Function?`},
		{"transform", strings.TrimPrefix(function(""), sam), `AWS::Serverless::Function needs the line "Transform: AWS::Serverless-2016-10-31"`},
		{"globals section", sam + "Globals: {Functions: {}}\n" + strings.TrimPrefix(function(""), sam), "'Functions' is not supported. Must be one of Function, Api"},
		{"globals key", sam + "Globals: {Function: {FunctionName: a}}\n" + strings.TrimPrefix(function(""), sam), "FunctionName can't be in Globals"},
		{"no resources", sam, "'Resources' section is required"},
		{"resource is no map", sam + "Resources:\n  Fn:\n", "All 'Resources' must be Objects."},
		{"parameter without value", sam + "Parameters: {Key: {Type: String}}\n" + strings.TrimPrefix(function(""), sam), "2:14: Parameters.Key: the parameter has no Default; give it a value with --parameter-overrides Key=value"},
		{"parameter not allowed", sam + "Parameters: {Key: {Type: String, Default: b, AllowedValues: [a]}}\n" + strings.TrimPrefix(function(""), sam), "the value is b; expected one of a"},
		{"condition cycle", function("Conditions: {A1: !Not [!Condition B1], B1: !Not [!Condition A1]}\n"), "depends on itself"},
		{"twice", function("      Handler: other.handler\n"), "9:7: Resources.Fn.Properties.Handler: the key Handler is here twice; line 7 has it already"},
		{"tab", function("\t    Timeout: 3\n"), "template.yaml:9:"},
		{"same name", function("      FunctionName: x\n  G:\n    Type: AWS::Serverless::Function\n    Properties: {CodeUri: src, Handler: a.b, Runtime: nodejs20.x, FunctionName: x}\n"), "the function's name is x, which Fn in line 3 has already"},
		{"bad name", function("      FunctionName: a b\n"), `9:21: Resources.Fn.Properties.FunctionName: FunctionName is "a b"`},
		{"depends on", function("    DependsOn: Nope\n"), "there is no parameter or resource Nope"},
		{"inactive", function("      Layers: [!Ref R]\n  R: {Type: AWS::IAM::Role, Condition: Prod}\nConditions: {Prod: !Equals [a, b]}\n"), "R is not created, because its condition Prod is false"},
		{"attribute", function("Outputs: {A: {Value: !GetAtt Fn.Arm}}\n"), "9:22: Outputs.A.Value: Fn has no attribute Arm; did you mean Arn?"},
		{"output", function("Outputs: {A: {}}\n"), "9:11: Outputs.A: Value is missing"},
		{"log levels", function("      LoggingConfig: {ApplicationLogLevel: DEBUG}\n"), "log levels need LogFormat: JSON"},
		{"empty", "", "the file is empty"},
		{"not a map", "- a\n", "a template is a map with the key Resources, not a list"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := loadText(t, tt.text, options())
			var mistakes *Error
			if !errors.As(err, &mistakes) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestAllMistakesAreReportedAtOnce(t *testing.T) {
	_, err := loadText(t, function("      Timeout: 0\n      MemorySize: 1\n      Environment: {Variables: {VV: !Ref Nope}}\n"), options())
	var mistakes *Error
	if !errors.As(err, &mistakes) {
		t.Fatal(err)
	}
	var lines []int
	for _, p := range mistakes.Problems {
		lines = append(lines, p.Line)
	}
	if !slices.Equal(lines, []int{9, 10, 11}) {
		t.Errorf("%v", err)
	}
}

func TestGlobalsAreMerged(t *testing.T) { // docs/contract/sam-template.md §3
	tmpl := mustLoad(t, sam+`Globals:
  Function:
    Runtime: nodejs20.x
    Timeout: 10
    Environment: {Variables: {AA: global, BB: global}}
    FunctionUrlConfig: {AuthType: NONE, InvokeMode: RESPONSE_STREAM}
Resources:
  One:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: src, Handler: a.b, Timeout: 20, Environment: {Variables: {BB: own}}, FunctionUrlConfig: {InvokeMode: BUFFERED}}
  Two:
    Type: AWS::Serverless::Function
    IgnoreGlobals: [FunctionUrlConfig]
    Properties: {CodeUri: src, Handler: a.b}
`)
	one, two := tmpl.Functions[0], tmpl.Functions[1]
	if one.Timeout != 20*time.Second || two.Timeout != 10*time.Second || one.Runtime != "nodejs20.x" {
		t.Errorf("%+v", one)
	}
	if !reflect.DeepEqual(one.Environment, map[string]string{"AA": "global", "BB": "own"}) {
		t.Errorf("%v", one.Environment)
	}
	if len(one.URLs) != 1 || one.URLs[0].Mode != sluice.Buffered || !one.URLs[0].Public || len(two.URLs) != 0 {
		t.Errorf("%+v %+v", one.URLs, two.URLs)
	}
}

func TestCloudFormationFunctions(t *testing.T) { // docs/contract/sam-template.md §5
	tmpl := mustLoad(t, `Resources:
  Inline:
    Type: AWS::Lambda::Function
    Properties: {Handler: index.handler, Runtime: nodejs22.x, Role: r, Code: {ZipFile: "exports.handler = 1"}}
  Folder:
    Type: AWS::Lambda::Function
    Properties: {Handler: index.handler, Runtime: nodejs22.x, Role: r, Code: src, FunctionName: !Sub "${AWS::StackName}-f"}
  Asset:
    Type: AWS::Lambda::Function
    Properties: {Handler: index.handler, Runtime: nodejs22.x, Role: r, Code: {S3Bucket: b, S3Key: k}}
    Metadata: {"aws:asset:path": src, "aws:asset:property": Code}
  Remote:
    Type: AWS::Lambda::Function
    Properties: {Handler: index.handler, Runtime: nodejs22.x, Role: r, Code: {S3Bucket: b, S3Key: k}}
  Ruby:
    Type: AWS::Lambda::Function
    Properties: {Handler: index.handler, Runtime: ruby3.3, Role: r, Code: src}
  Url:
    Type: AWS::Lambda::Url
    Properties: {TargetFunctionArn: !GetAtt Folder.Arn, AuthType: NONE, InvokeMode: RESPONSE_STREAM}
  Closed:
    Type: AWS::Lambda::Url
    Properties: {TargetFunctionArn: !Ref Inline, AuthType: NONE}
  Permission:
    Type: AWS::Lambda::Permission
    Properties: {Action: lambda:InvokeFunctionUrl, Principal: "*", FunctionName: !Ref Folder, FunctionUrlAuthType: NONE}
  Live:
    Type: AWS::Lambda::Alias
    Properties: {FunctionName: !Ref Asset, FunctionVersion: !GetAtt V.Version, Name: live}
  V:
    Type: AWS::Lambda::Version
    Properties: {FunctionName: !Ref Asset}
  Aliased:
    Type: AWS::Lambda::Url
    Properties: {TargetFunctionArn: !Ref Asset, Qualifier: !Select [7, !Split [":", !Ref Live]], AuthType: AWS_IAM}
Outputs:
  A: {Value: !GetAtt Url.FunctionUrl}
  B: {Value: !Ref Url}
`)
	byID := map[string]*Function{}
	for _, fn := range tmpl.Functions {
		byID[fn.LogicalID] = fn
	}
	if len(byID) != 3 {
		t.Fatalf("functions %v", keysOf(byID))
	}
	if byID["Inline"].Code != (Code{Inline: "exports.handler = 1", InlineFile: "index.js"}) || byID["Inline"].URLs[0].Public {
		t.Errorf("%+v", byID["Inline"])
	}
	f := byID["Folder"]
	if f.Name != "local-f" || !f.URLs[0].Public || f.URLs[0].Mode != sluice.ResponseStream || f.URLs[0].Function != "local-f" {
		t.Errorf("%+v", f)
	}
	a := byID["Asset"]
	if a.CodeDir == "" || a.URLs[0].Qualifier != "live" || a.URLs[0].AuthType != sluice.AuthIAM || !slices.Equal(a.Aliases, []string{"live"}) {
		t.Errorf("%+v", a)
	}
	if got := tmpl.Outputs; got[0].Value != "http://local-f.lambda-url.localhost:9000/" || got[1].Value != "arn:aws:lambda:us-east-1:123456789012:function:local-f" {
		t.Errorf("%+v", got)
	}
	var notRun []string
	for _, n := range tmpl.NotRun {
		notRun = append(notRun, n.Name+": "+n.Reason)
	}
	want := []string{"Remote: the code is in S3; only local code is run", "Ruby: runtime ruby3.3 is not served; served are nodejs18.x, nodejs20.x, nodejs22.x, nodejs24.x, python3.10, python3.11, python3.12, python3.13, python3.14, go1.x, provided, provided.al2, provided.al2023"}
	if !slices.Equal(notRun, want) {
		t.Errorf("%q", notRun)
	}
}

func TestAuthTypeByIntrinsicIsNotPublic(t *testing.T) { // docs/contract/sam-template.md §2.3
	tmpl := mustLoad(t, function("      FunctionUrlConfig: {AuthType: !Ref Auth}\nParameters: {Auth: {Type: String, Default: NONE}}\n"))
	if u := tmpl.Functions[0].URLs[0]; u.AuthType != sluice.AuthNone || u.Public {
		t.Errorf("%+v", u)
	}
}

func TestLayersAreLocalFolders(t *testing.T) {
	tmpl := mustLoad(t, function(`      Layers: [!Ref Lib, "arn:aws:lambda:us-east-1:1:layer:other:3"]
  Lib: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: src}}
`))
	if got := tmpl.Functions[0].Layers; len(got) != 1 || filepath.Base(got[0]) != "src" {
		t.Errorf("%v", got)
	}
	if len(tmpl.Warnings) != 1 || !strings.Contains(tmpl.Warnings[0].String(), "layer:other:3 is not part of this template") {
		t.Errorf("%v", tmpl.Warnings)
	}
}

func TestWhatIsNotRunIsListedAndCanBeReferredTo(t *testing.T) { // docs/contract/sam-template.md §8
	tmpl := mustLoad(t, function(`      Environment:
        Variables: {TABLE: !Ref Things, QUEUE: !Ref Jobs, TOPIC: !Ref News, BUCKET: !Ref Files, STREAM: !GetAtt Things.Arn, CUSTOM: !GetAtt Made.Thing}
      Events:
        Nightly: {Type: Schedule, Properties: {Schedule: rate(1 day)}}
        Web: {Type: Api, Properties: {Path: /, Method: get}}
  Things: {Type: AWS::DynamoDB::Table, Properties: {TableName: things}}
  Jobs: {Type: AWS::SQS::Queue}
  News: {Type: AWS::SNS::Topic}
  Files: {Type: AWS::S3::Bucket}
  Made: {Type: Custom::Thing}
Outputs:
  Api: {Value: !Sub "https://${ServerlessRestApi}.execute-api.${AWS::Region}.amazonaws.com/Prod/"}
`))
	want := map[string]string{
		"TABLE": "things", "QUEUE": "https://sqs.us-east-1.amazonaws.com/123456789012/local-Jobs", "TOPIC": "arn:aws:sns:us-east-1:123456789012:local-News",
		"BUCKET": "local-files", "STREAM": "arn:aws:dynamodb:us-east-1:123456789012:table/things", "CUSTOM": "local-Made-Thing",
	}
	if got := tmpl.Functions[0].Environment; !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
	var names []string
	for _, n := range tmpl.NotRun {
		names = append(names, n.Name+" "+n.Type)
	}
	if got := strings.Join(names, ", "); got != "Fn.Nightly Schedule event, Fn.Web Api event, Things AWS::DynamoDB::Table, Jobs AWS::SQS::Queue, News AWS::SNS::Topic, Files AWS::S3::Bucket, Made Custom::Thing" {
		t.Errorf("%s", got)
	}
}

func TestUnknownPropertiesAreWarnings(t *testing.T) { // docs/contract/sam-template.md §8
	tmpl := mustLoad(t, function("      Timout: 3\n"))
	if len(tmpl.Warnings) != 1 || !strings.HasSuffix(tmpl.Warnings[0].String(), "9:7: Resources.Fn.Properties.Timout: a function has no property Timout; did you mean Timeout?") {
		t.Errorf("%v", tmpl.Warnings)
	}
}

func TestEsbuildMetadata(t *testing.T) {
	tmpl := mustLoad(t, function(`    Metadata:
      BuildMethod: esbuild
      BuildProperties:
        EntryPoints: [a.ts]
        Format: esm
        Minify: yes
        External: ["@aws-sdk/*"]
        OutExtension: [.js=.mjs]
        Loader: [.html=text]
        MainFields: module,main
        Define: {A: '"b"'}
`))
	want := &bundle.Spec{
		EntryPoints: []string{"a.ts"}, Format: "esm", Minify: true, External: []string{"@aws-sdk/*"}, MainFields: []string{"module", "main"},
		OutExtension: map[string]string{".js": ".mjs"}, Loader: map[string]string{".html": "text"}, Define: map[string]string{"A": `"b"`},
	}
	if got := tmpl.Functions[0].Build; !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
}

func TestLanguageExtensions(t *testing.T) { // docs/contract/sam-template.md §4
	tmpl := mustLoad(t, `Transform: [AWS::LanguageExtensions, AWS::Serverless-2016-10-31]
Parameters: {Names: {Type: CommaDelimitedList, Default: "One,Two"}}
Resources:
  "Fn::ForEach::Loop":
    - Name
    - !Ref Names
    - "Fn${Name}":
        Type: AWS::Serverless::Function
        Properties: {CodeUri: src, Handler: index.handler, Runtime: nodejs22.x, Environment: {Variables: {NAME: !Ref Name, TEXT: !Sub "-${Name}-", COUNT: !Length [a, b], JSON: !ToJsonString {a: 1, b: "1", c: [true]}}}}
`)
	if len(tmpl.Functions) != 2 || tmpl.Functions[1].Name != "FnTwo" {
		t.Fatalf("%+v", tmpl.Functions)
	}
	want := map[string]string{"NAME": "Two", "TEXT": "-Two-", "COUNT": "2", "JSON": `{"a":1,"b":"1","c":[true]}`}
	if got := tmpl.Functions[1].Environment; !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
}

func TestJSONTemplates(t *testing.T) {
	dir := folder(t, map[string]string{"template.json": `{
	"Transform": "AWS::Serverless-2016-10-31",
	"Resources": {
		"Fn": {"Type": "AWS::Serverless::Function", "Properties": {"CodeUri": "src", "Handler": "a.b", "Runtime": "nodejs20.x", "Timeout": 1000}}
	}
}`})
	_, err := Load(filepath.Join(dir, "template.json"), options())
	if err == nil || !strings.Contains(err.Error(), "template.json:4:134: Resources.Fn.Properties.Timeout: Timeout is 1000") {
		t.Errorf("%v", err)
	}
}

func TestParameterOverrides(t *testing.T) {
	o := options()
	o.Parameters = map[string]string{"Nam": "x"}
	_, err := loadText(t, function("Parameters: {Name: {Type: String, Default: d}}\n"), o)
	if err == nil || !strings.Contains(err.Error(), "the template has no parameter Nam; did you mean Name?") {
		t.Errorf("%v", err)
	}
}

func TestFind(t *testing.T) {
	if file, err := Find(folder(t, map[string]string{"template.yml": "", "template.json": ""})); err != nil || filepath.Base(file) != "template.yml" {
		t.Errorf("%s %v", file, err)
	}
	if _, err := Find(t.TempDir()); err == nil || !strings.Contains(err.Error(), "template.yaml, template.yml, template.json") {
		t.Errorf("%v", err)
	}
}

// FuzzLoad: no text makes Load panic, hang or point outside of the file.
func FuzzLoad(f *testing.F) {
	f.Add(function("      Environment: {Variables: {VV: !Sub '${AWS::Region}${Fn.Arn}'}}\n"))
	f.Add("Transform: [AWS::LanguageExtensions]\nResources:\n  Fn::ForEach::A: [N, [a, b], {'R${N}': {Type: A::B}}]\n")
	f.Add(`{"Resources":{"A":{"Type":"AWS::Lambda::Url","Properties":{"TargetFunctionArn":{"Ref":"A"},"AuthType":{"Fn::If":["c",1,2]}}}}}`)
	f.Add("a: &a [*a]\n")
	f.Add("Conditions: {A: !Condition A}\nResources: {R: {Type: A::B, Condition: A, DependsOn: R}}")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		file := filepath.Join(dir, "template.yaml")
		_, err := load(file, []byte(text), options())
		var mistakes *Error
		if !errors.As(err, &mistakes) {
			return
		}
		lines := strings.Count(text, "\n") + strings.Count(text, "\r") + 2
		for _, p := range mistakes.Problems {
			if p.Line > lines || p.Line < 0 || p.Column < 0 || p.Message == "" {
				t.Errorf("%+v in a text of %d lines", p, lines)
			}
		}
	})
}

func TestMadeUpNamesFit(t *testing.T) {
	text := "Transform: AWS::Serverless-2016-10-31\nResources:\n"
	for _, id := range []string{"Short", "ALongerFunction", "AFunctionWithSuchALongLogicalIdThatLittleIsLeft1", "AFunctionWithSuchALongLogicalIdThatLittleIsLeft2"} {
		text += "  " + id + ": {Type: AWS::Serverless::Function, Properties: {CodeUri: src, Handler: a.b, Runtime: nodejs22.x}}\n"
	}
	dir := folder(t, map[string]string{"template.yaml": text})
	const stack = "the-stack-of-somebody-who-likes-to-say-all-that-there-is"
	o := options()
	o.NameFunction = func(id string) string { return stack + "-" + id }
	for range 2 { // the second time the same
		loaded, err := Load(filepath.Join(dir, "template.yaml"), o)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, f := range loaded.Functions {
			names = append(names, f.Name)
		}
		want := []string{
			stack + "-Short",
			"the-stack-of-somebody-who-likes-to-say--ALongerFunction-de6562e2",
			"the-stack-of-somebody-who-likes-to-say-all-that-there-i-a6037769",
			"the-stack-of-somebody-who-likes-to-say-all-that-there-i-2e4064c7",
		}
		if !slices.Equal(names, want) {
			t.Errorf("%q", names)
		}
	}
}
