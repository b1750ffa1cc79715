package stream

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	sluice "github.com/sluice-run/sluice"
)

const nul8 = "\x00\x00\x00\x00\x00\x00\x00\x00"

func TestPreludeMembers(t *testing.T) { // docs/contract/streaming-clients.md §7
	for _, c := range []struct {
		name, json string
		want       Prelude
	}{
		{"empty object", `{}`, Prelude{StatusCode: 200}},
		{"missing statusCode is 200", `{"status":500,"headers":{"a":"b"}}`,
			Prelude{StatusCode: 200, Headers: []Header{{"a", []string{"b"}}}}},
		{"null is absent", `{"statusCode":null,"headers":null,"cookies":null,"multiValueHeaders":null}`, Prelude{StatusCode: 200}},
		{"status number", `{"statusCode":201}`, Prelude{StatusCode: 201}},
		{"status numeric string", `{"statusCode":"418"}`, Prelude{StatusCode: 418}},
		{"status as 2e2", `{"statusCode":2e2}`, Prelude{StatusCode: 200}},
		{"status range is not the codec's", `{"statusCode":9999}`, Prelude{StatusCode: 9999}},
		{"unknown members are ignored", `{"body":"x","isBase64Encoded":true,"z":[{}]}`, Prelude{StatusCode: 200}},
		{"member names are case-sensitive", `{"StatusCode":404}`, Prelude{StatusCode: 200}},
		{"header values and their order", `{"headers":{"z":"s","a":1,"m":true,"k":["1",2,false],"n":null}}`,
			Prelude{StatusCode: 200, Headers: []Header{{"z", []string{"s"}}, {"a", []string{"1"}}, {"m", []string{"true"}}, {"k", []string{"1", "2", "false"}}}}},
		{"number text is kept", `{"headers":{"n":1.50}}`, Prelude{StatusCode: 200, Headers: []Header{{"n", []string{"1.50"}}}}},
		{"multiValueHeaders", `{"multiValueHeaders":{"a":["1","2"]}}`,
			Prelude{StatusCode: 200, MultiValueHeaders: []Header{{"a", []string{"1", "2"}}}}},
		{"cookies", `{"cookies":["a=1; Path=/","b=2"]}`, Prelude{StatusCode: 200, Cookies: []string{"a=1; Path=/", "b=2"}}},
		{"white space around", " \n{\"statusCode\" : 204 , \"headers\" : { \"a\" : [ \"1\" , \"2\" ] } }\t",
			Prelude{StatusCode: 204, Headers: []Header{{"a", []string{"1", "2"}}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, rest, err := ReadPrelude(newScript(c.json+nul8, "payload"))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(*p, c.want) {
				t.Errorf("got %+v, want %+v", *p, c.want)
			}
			if got, err := io.ReadAll(rest); string(got) != "payload" || err != nil {
				t.Errorf("payload %q, %v", got, err)
			}
		})
	}
}

func TestMalformedPreludeSaysWhatIsWrong(t *testing.T) {
	big := strings.Repeat("x", MaxPrelude)
	for _, c := range []struct {
		name, bytes string
		fault       PreludeFault
		detail      string
	}{
		{"no bytes at all", "", PreludeMissing, ""},
		{"end before the separator", `{"statusCode":200}`, PreludeMissing, ""},
		{"end inside the separator", `{"statusCode":200}` + nul8[:7], PreludeMissing, ""},
		{"over the cap", `{"a":"` + big + `"}` + nul8, PreludeTooLong, ""},
		{"not JSON", "hello" + nul8, PreludeInvalid, "invalid character"},
		{"nothing before the separator", nul8 + "x", PreludeInvalid, "write {}"},
		{"null", "null" + nul8, PreludeInvalid, "it is null"},
		{"an array", "[1]" + nul8, PreludeInvalid, "it is [1]"},
		{"two values", "{}{}" + nul8, PreludeInvalid, "after top-level value"},
		{"NUL inside", "{}\x00 " + nul8, PreludeInvalid, "invalid character"},
		{"status text", `{"statusCode":"OK"}` + nul8, PreludeInvalid, `statusCode is "OK"`},
		{"status fraction", `{"statusCode":200.5}` + nul8, PreludeInvalid, "statusCode is 200.5"},
		{"status boolean", `{"statusCode":true}` + nul8, PreludeInvalid, "statusCode is true"},
		{"headers as a list", `{"headers":[["a","b"]]}` + nul8, PreludeInvalid, "headers is [["},
		{"header value as an object", `{"headers":{"x-a":{"b":1}}}` + nul8, PreludeInvalid, `headers: "x-a": the value is {"b":1}`},
		{"cookies as a string", `{"cookies":"a=1"}` + nul8, PreludeInvalid, `cookies is "a=1"`},
		{"cookie as an object", `{"cookies":["a=1",{}]}` + nul8, PreludeInvalid, "cookies: the value is {}"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := ReadPrelude(newScript(c.bytes))
			var malformed *PreludeError
			if !errors.As(err, &malformed) {
				t.Fatalf("got %v, want a *PreludeError", err)
			}
			if malformed.Fault != c.fault || !strings.Contains(malformed.Detail, c.detail) {
				t.Errorf("got %v, want %q with %q", err, c.fault, c.detail)
			}
		})
	}
}

func TestPreludeAtTheCapIsAccepted(t *testing.T) {
	text := `{"a":"` + strings.Repeat("x", MaxPrelude-8) + `"}`
	if len(text) != MaxPrelude {
		t.Fatal(len(text))
	}
	if _, _, err := ReadPrelude(newScript(text, nul8)); err != nil {
		t.Error(err)
	}
}

func TestStreamErrorBeforeThePreludeIsPassedOn(t *testing.T) {
	broken := &sluice.StreamError{Ending: sluice.EndingFunctionError, Type: "TypeError"}
	body := newScript(`{"statusCode":`)
	body.end = broken
	if _, _, err := ReadPrelude(body); err != error(broken) {
		t.Errorf("got %v, want the body's own error", err)
	}
}

// splits runs ReadPrelude with every cut of text into two and into single bytes.
func splits(text string, check func(parts []string)) {
	check([]string{text})
	for i := 1; i < len(text); i++ {
		check([]string{text[:i], "", text[i:]})
	}
	check(strings.Split(text, ""))
}

func TestPreludeAtAnySplit(t *testing.T) {
	text := `{"statusCode":201,"headers":{"a":"b"}}` + nul8 + "\x00\x00pay\x00load"
	splits(text, func(parts []string) {
		body := newScript(parts...)
		p, rest, err := ReadPrelude(body)
		if err != nil || p.StatusCode != 201 || len(p.Headers) != 1 {
			t.Fatalf("%q: %+v, %v", parts, p, err)
		}
		if got, err := io.ReadAll(rest); string(got) != "\x00\x00pay\x00load" || err != nil {
			t.Fatalf("%q: payload %q, %v", parts, got, err)
		}
	})
}

func TestEmptyPayloadAfterThePrelude(t *testing.T) {
	for _, withLast := range []bool{false, true} {
		body := newScript("{}" + nul8)
		body.withLast = withLast
		_, rest, err := ReadPrelude(body)
		if err != nil {
			t.Fatal(err)
		}
		if !rest.Pending() {
			t.Error("the end has arrived, so it is pending")
		}
		if n, err := rest.Read(make([]byte, 8)); n != 0 || err != io.EOF {
			t.Errorf("got %d, %v", n, err)
		}
	}
}

// still is a body whose rest has not arrived yet.
type still struct{ *script }

func (s still) Pending() bool { return len(s.parts) > 0 }

func TestPendingAfterThePrelude(t *testing.T) {
	_, rest, err := ReadPrelude(still{newScript("{}" + nul8 + "ab")})
	if err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 1)
	for _, want := range []bool{true, true, false} {
		if got := rest.Pending(); got != want {
			t.Errorf("Pending is %v, want %v", got, want)
		}
		if want {
			rest.Read(p)
		}
	}
}

func TestIsIntegration(t *testing.T) {
	for contentType, want := range map[string]bool{
		IntegrationType:                                       true,
		IntegrationType + "; charset=utf-8":                   true,
		IntegrationType + " ;x":                               true,
		"Application/Vnd.AWSLambda.HTTP-Integration-Response": true,
		"application/octet-stream":                            false,
		"":                                                    false,
		IntegrationType + "x":                                 false,
	} {
		if got := IsIntegration(contentType); got != want {
			t.Errorf("IsIntegration(%q) = %v", contentType, got)
		}
	}
}

func FuzzPrelude(f *testing.F) {
	f.Add([]byte(`{"statusCode":200,"headers":{"a":"b","c":[1,true]},"cookies":["a=1"]}`+nul8+"x"), uint16(3), uint16(9))
	f.Add([]byte("{}"+nul8), uint16(1), uint16(2))
	f.Add([]byte(nul8+nul8), uint16(1), uint16(8))
	f.Add([]byte(`{"statusCode":"x"}`+nul8), uint16(0), uint16(0))
	f.Fuzz(func(t *testing.T, data []byte, a, b uint16) {
		whole, wholeRest, wholeErr := readAll(newScript(string(data)))
		i, j := int(a)%(len(data)+1), int(b)%(len(data)+1)
		if i > j {
			i, j = j, i
		}
		for _, parts := range [][]string{
			{string(data[:i]), string(data[i:j]), string(data[j:])},
			strings.Split(string(data), ""),
		} {
			split, splitRest, splitErr := readAll(newScript(parts...))
			if !reflect.DeepEqual(whole, split) || !bytes.Equal(wholeRest, splitRest) || !reflect.DeepEqual(wholeErr, splitErr) {
				t.Fatalf("split at %d and %d: %+v %q %v, whole: %+v %q %v", i, j, split, splitRest, splitErr, whole, wholeRest, wholeErr)
			}
		}
		if at := bytes.Index(data, []byte(nul8)); wholeErr == nil && !bytes.Equal(wholeRest, data[at+8:]) {
			t.Fatalf("payload %q", wholeRest)
		}
	})
}

func readAll(body sluice.Body) (*Prelude, []byte, error) {
	p, rest, err := ReadPrelude(body)
	if err != nil {
		return nil, nil, err
	}
	data, err := io.ReadAll(rest)
	return p, data, err
}

func BenchmarkReadPrelude(b *testing.B) {
	text := []byte(`{"statusCode":200,"headers":{"content-type":"text/html","cache-control":"no-cache"},"cookies":["a=1"]}` + nul8 + "<p>")
	body := newScript()
	parts := [][]byte{nil}
	b.ReportAllocs()
	for b.Loop() {
		parts[0] = text
		body.parts = parts
		if _, _, err := ReadPrelude(body); err != nil {
			b.Fatal(err)
		}
	}
}
