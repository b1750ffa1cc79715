package stream

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
)

// FuzzMembers compares with the decoder of the standard library.
func FuzzMembers(f *testing.F) {
	for _, seed := range []string{
		`{}`, ` { "a" : 1 , "b\"\\" : [ 1 , { "c" : "]}" } ] , "" : null } `, `[1, "a,]", [], {} , -1.5e3]`, `{"a":"\\","a":"\\\""}`,
		"{\"\xff\":\"\\ud800\"}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		data = bytes.TrimSpace(data)
		if !json.Valid(data) {
			return
		}
		switch data[0] {
		case '{':
			want := map[string]json.RawMessage{}
			if err := json.Unmarshal(data, &want); err != nil {
				t.Fatal(err)
			}
			got := map[string]json.RawMessage{}
			for name, value := range Members(data) {
				got[name] = value
			}
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("%q: got %q, want %q", data, got, want)
			}
		case '[':
			var want, got []json.RawMessage
			if err := json.Unmarshal(data, &want); err != nil {
				t.Fatal(err)
			}
			for value := range elements(data) {
				got = append(got, value)
			}
			if len(want) == 0 {
				want = nil
			}
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("%q: got %q, want %q", data, got, want)
			}
		}
	})
}
