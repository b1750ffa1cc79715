package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const chatExample = "../../examples/chat"

// chatAnswer is what a client makes of an answer's events.
type chatAnswer struct {
	Text   string
	Deltas int
	Finish string
	Error  string
	Done   bool
}

func readChat(t *testing.T, body string) chatAnswer {
	t.Helper()
	var a chatAnswer
	rest, ok := strings.CutSuffix(body, "\n\n")
	if !ok {
		t.Errorf("the body does not end with an event: %q", body)
	}
	for block := range strings.SplitSeq(rest, "\n\n") {
		name, data, named := strings.Cut(block, "\ndata: ")
		if !named {
			name, data = "", strings.TrimPrefix(block, "data: ")
		}
		if a.Done {
			t.Errorf("an event after [DONE]: %q", block)
		}
		if data == "[DONE]" {
			a.Done = true
			continue
		}
		var chunk struct {
			ID, Object, Model string
			Choices           []struct {
				Index int
				Delta struct{ Role, Content string }
				// Null until the last one.
				FinishReason *string `json:"finish_reason"`
			}
			Error struct{ Message string }
		}
		if err := json.Unmarshal([]byte(data), &chunk); err != nil {
			t.Fatalf("%v: %q", err, block)
		}
		if named {
			if name != "event: error" || chunk.Error.Message == "" {
				t.Errorf("event %q", block)
			}
			a.Error = chunk.Error.Message
			continue
		}
		if chunk.Object != "chat.completion.chunk" || chunk.ID == "" || chunk.Model == "" || len(chunk.Choices) != 1 {
			t.Fatalf("chunk %q", data)
		}
		if delta := chunk.Choices[0].Delta; delta.Content != "" {
			a.Deltas++
			a.Text += delta.Content
		}
		if finish := chunk.Choices[0].FinishReason; finish != nil {
			a.Finish = *finish
		}
	}
	return a
}

// chat sends a request as it is; the caller reads the body.
func (d *devServer) chat(path, contentType, body string) *http.Response {
	d.t.Helper()
	resp, err := http.Post(d.url("Chat", path), contentType, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func chatQuestion(text string) string {
	body, _ := json.Marshal(map[string]any{"messages": []map[string]string{{"role": "user", "content": text}}})
	return string(body)
}

// ask gets a whole answer.
func (d *devServer) ask(text string) chatAnswer {
	d.t.Helper()
	resp := d.chat("chat", "application/json", chatQuestion(text))
	body, err := io.ReadAll(resp.Body)
	if resp.StatusCode != 200 || err != nil {
		d.t.Fatalf("%d %v %q", resp.StatusCode, err, body)
	}
	return readChat(d.t, string(body))
}

func TestChatAnswersTokenByToken(t *testing.T) {
	d := startDev(t, chatExample)
	resp := d.chat("chat", "application/json; charset=utf-8", chatQuestion("Count to 12, please"))
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream; charset=utf-8" {
		t.Errorf("status %d, %v", resp.StatusCode, resp.Header)
	}
	chunks, at, err := arrivals(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := readChat(t, strings.Join(chunks, ""))
	if a.Text != "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12. Done!" || a.Finish != "stop" || !a.Done || a.Error != "" || a.Deltas < 20 {
		t.Errorf("%+v", a)
	}
	if len(chunks) < a.Deltas/2 || at[len(at)-1]-at[0] < time.Second {
		t.Errorf("%d deltas in %d pieces at %v: the answer was held back", a.Deltas, len(chunks), at)
	}
	d.wait("log", func(e event) bool {
		return strings.Contains(e.Text, fmt.Sprintf("answer complete: %d deltas", a.Deltas))
	})

	// The same for an SDK that has the URL as its base.
	resp = d.chat("chat/completions", "application/json", `{"model":"any","stream":true,"temperature":0,"messages":[
		{"role":"system","content":"Be brief."},{"role":"user","content":"hello"},{"role":"assistant","content":"Hi!"},{"role":"user","content":"count to 2"}]}`)
	if body, err := io.ReadAll(resp.Body); err != nil || readChat(t, string(body)).Text != "1, 2. Done!" {
		t.Errorf("%d %v %s", resp.StatusCode, err, body)
	}

	// A model that fails does so in an event.
	if a := d.ask("Please fail"); a.Error == "" || a.Done || !strings.HasPrefix(a.Text, "Very well.") || strings.Contains(a.Error, "script") {
		t.Errorf("%+v", a)
	}
	d.waitLog("the scripted model was asked to fail")
	d.waitLog("answer failed: ")
}

func TestChatRefusesBadRequests(t *testing.T) {
	d := startDev(t, chatExample)
	messages := func(list string) string { return `{"messages":[` + list + `]}` }
	const user = `{"role":"user","content":"hi"}`
	for _, tt := range []struct {
		name, method, path, contentType, body string
		status                                int
		message                               string
	}{
		{"no content type", "POST", "chat", "", chatQuestion("hi"), 415, "application/json"},
		{"a form", "POST", "chat", "text/plain", chatQuestion("hi"), 415, "application/json"},
		{"no body", "POST", "chat", "application/json", "", 400, "not JSON"},
		{"no JSON", "POST", "chat", "application/json", "{", 400, "not JSON"},
		{"no UTF-8", "POST", "chat", "application/json", messages(`{"role":"user","content":"` + "\xff" + `"}`), 400, "not JSON"},
		{"null", "POST", "chat", "application/json", "null", 400, "object"},
		{"a list", "POST", "chat", "application/json", "[]", 400, "object"},
		{"no messages", "POST", "chat", "application/json", "{}", 400, "messages has to be"},
		{"an empty list", "POST", "chat", "application/json", messages(""), 400, "one message"},
		{"too many", "POST", "chat", "application/json", messages(strings.Repeat(user+",", 100) + user), 400, "100"},
		{"null as a message", "POST", "chat", "application/json", messages("null"), 400, "messages[0].role"},
		{"an unknown role", "POST", "chat", "application/json", messages(user + `,{"role":"root","content":"x"}`), 400, "messages[1].role"},
		{"content that is no text", "POST", "chat", "application/json", messages(`{"role":"user","content":[1]}`), 400, "messages[0].content"},
		{"empty content", "POST", "chat", "application/json", messages(`{"role":"user","content":" \n"}`), 400, "messages[0].content"},
		{"long content", "POST", "chat", "application/json", chatQuestion(strings.Repeat("x", 32_001)), 400, "32000"},
		{"the model's turn", "POST", "chat", "application/json", messages(user + `,{"role":"assistant","content":"x"}`), 400, "last message"},
		{"not streamed", "POST", "chat", "application/json", `{"stream":false,"messages":[` + user + `]}`, 400, "stream"},
		{"too large", "POST", "chat", "application/json", chatQuestion(strings.Repeat("x", 300_000)), 413, "262144"},
		{"GET of an answer", "GET", "chat", "", "", 405, "GET"},
		{"POST of the page", "POST", "", "application/json", chatQuestion("hi"), 405, "POST"},
		{"another path", "GET", "nothing", "", "", 404, "nothing"},
		{"a file of the code", "GET", "provider.mjs", "", "", 404, "nothing"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			req, _ := http.NewRequest(tt.method, d.url("Chat", tt.path), strings.NewReader(tt.body))
			if tt.contentType != "" {
				req.Header.Set("Content-Type", tt.contentType)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			var refusal struct {
				Error struct{ Message, Type string }
			}
			if err := json.NewDecoder(resp.Body).Decode(&refusal); err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != tt.status || !strings.Contains(refusal.Error.Message, tt.message) || refusal.Error.Type != "invalid_request_error" ||
				!strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") || (tt.status == 405) != (resp.Header.Get("Allow") != "") {
				t.Errorf("%d %v %+v", resp.StatusCode, resp.Header, refusal)
			}
		})
	}
}

func TestChatServesItsPage(t *testing.T) {
	d := startDev(t, chatExample)
	resp := d.get("Chat", "")
	page, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("%d %v %v", resp.StatusCode, resp.Header, err)
	}
	policy := resp.Header.Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "default-src 'none'; ") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") {
		t.Errorf("policy %q", policy)
	}
	types := map[string]string{"page.css": "text/css", "page.mjs": "text/javascript", "sse.mjs": "text/javascript", "icon.svg": "image/svg+xml"}
	links := []string{"sse.mjs"}
	for _, found := range regexp.MustCompile(`(?:href|src)="([^"]*)"`).FindAllStringSubmatch(string(page), -1) {
		links = append(links, found[1])
	}
	for _, link := range links {
		resp := d.get("Chat", link)
		if want := types[link]; want == "" || resp.StatusCode != 200 || !strings.HasPrefix(resp.Header.Get("Content-Type"), want) {
			t.Errorf("%s: %d %s", link, resp.StatusCode, resp.Header.Get("Content-Type"))
		}
	}
	if len(links) != len(types) {
		t.Errorf("links %q", links)
	}
	if resp, err := http.Head(d.url("Chat", "")); err != nil || resp.StatusCode != 200 || resp.Header.Get("Content-Security-Policy") != policy {
		t.Errorf("HEAD: %v %v", resp, err)
	}
}

// Lambda doesn't tell a function that its client left (docs/contract/function-url.md §5),
// so the answer goes on to its bounded end. What the function does when its
// stream breaks is tested beside it.
func TestChatOutlivesAClientThatLeaves(t *testing.T) {
	d := startDev(t, chatExample)
	resp := d.chat("chat", "application/json", chatQuestion("count to 10"))
	if _, err := io.ReadFull(resp.Body, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if e := d.wait("request", func(event) bool { return true }); e.Ending != "client-gone" {
		t.Errorf("ending %q", e.Ending)
	}
	d.waitLog("answer complete: ")
	if a := d.ask("count to 1"); a.Text != "1. Done!" {
		t.Errorf("the next answer is %+v", a)
	}
}

func TestChatUnits(t *testing.T) { units(t, chatExample) }

// chatProvider is a small OpenAI-compatible server. What it does next is a list
// of turns; the last one stays.
type chatProvider struct {
	*httptest.Server

	mu    sync.Mutex
	turns []func(http.ResponseWriter)
	asked []chatRequest
}

type chatRequest struct {
	Path, Key string
	Model     string
	Stream    bool
	Messages  []struct{ Role, Content string }
}

func startChatProvider(t *testing.T, turns ...func(http.ResponseWriter)) *chatProvider {
	p := &chatProvider{turns: turns}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

func (p *chatProvider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	asked := chatRequest{Path: r.URL.Path, Key: r.Header.Get("Authorization")}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	p.mu.Lock()
	turn := p.turns[0]
	if len(p.turns) > 1 {
		p.turns = p.turns[1:]
	}
	p.asked = append(p.asked, asked)
	p.mu.Unlock()
	turn(w)
}

func (p *chatProvider) last() chatRequest {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked[len(p.asked)-1]
}

// says streams deltas and then what ends the stream.
func says(pause time.Duration, end string, deltas ...string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, ": welcome\r\n\r\n")
		for _, delta := range deltas {
			text, _ := json.Marshal(delta)
			fmt.Fprintf(w, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":%s},\"finish_reason\":null}]}\r\n\r\n", text)
			http.NewResponseController(w).Flush()
			time.Sleep(pause)
		}
		io.WriteString(w, end)
	}
}

func refuses(status int) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		http.Error(w, `{"error":{"message":"detail for the log"}}`, status)
	}
}

const (
	finished = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
	cutShort = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"length\"}]}\n\n"
	done     = "data: [DONE]\n\n"
)

func TestChatPassesOnWhatAProviderStreams(t *testing.T) {
	p := startChatProvider(t, says(300*time.Millisecond, finished+done, "Grüße", " from", " far away 😀", "."))
	d := startDev(t, chatExample, "--parameter-overrides", "ApiUrl="+p.URL+"/v1/ ApiKey=secret Model=great-1")
	resp := d.chat("chat", "application/json", `{"model":"other","messages":[{"role":"system","content":"s"},{"role":"user","content":"who?"}]}`)
	chunks, at, err := arrivals(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	body := strings.Join(chunks, "")
	if a := readChat(t, body); a.Text != "Grüße from far away 😀." || a.Deltas != 4 || a.Finish != "stop" || !a.Done || !strings.Contains(body, `"model":"great-1"`) {
		t.Errorf("%+v", a)
	}
	if len(chunks) < 4 || at[len(at)-1]-at[0] < 800*time.Millisecond {
		t.Errorf("%d pieces at %v: the answer was held back", len(chunks), at)
	}
	asked := p.last()
	if asked.Path != "/v1/chat/completions" || asked.Key != "Bearer secret" || asked.Model != "great-1" || !asked.Stream ||
		len(asked.Messages) != 2 || asked.Messages[1].Content != "who?" {
		t.Errorf("the provider was asked %+v", asked)
	}
}

func TestChatExplainsWhatFailsAtTheProvider(t *testing.T) {
	p := startChatProvider(t)
	d := startDev(t, chatExample, "--parameter-overrides", "ApiUrl="+p.URL+"/chat/completions ApiKey=secret")
	html := func(w http.ResponseWriter) { io.WriteString(w, "<html>") }
	for _, tt := range []struct {
		name  string
		turn  func(http.ResponseWriter)
		text  string
		error string // "" for an answer that is complete
	}{
		{"key", refuses(401), "", "CHAT_API_KEY"},
		{"model", refuses(404), "", "CHAT_MODEL"},
		{"quota", refuses(429), "", "quota"},
		{"question", refuses(422), "", "status 422"},
		{"server", refuses(503), "", "status 503"},
		{"page", html, "", "not a stream"},
		{"error in the stream", says(0, "data: {\"error\":{\"message\":\"detail for the log\"}}\n\n", "a"), "a", "in the middle"},
		{"no end", says(0, "", "a"), "a", "before it was complete"},
		{"garbage", says(0, "data: {\n\n", "a"), "a", "broke off"},
		{"no [DONE]", says(0, finished, "a"), "a", ""},
		{"a limit", says(0, cutShort+done, "a"), "a", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p.mu.Lock()
			p.turns = []func(http.ResponseWriter){tt.turn}
			p.mu.Unlock()
			a := d.ask("hi")
			if a.Text != tt.text || !strings.Contains(a.Error, tt.error) || a.Done != (tt.error == "") || a.Done != (a.Error == "") || strings.Contains(a.Error, "detail") {
				t.Errorf("%+v", a)
			}
			if asked := p.last(); asked.Path != "/chat/completions" || asked.Model != "" {
				t.Errorf("the provider was asked %+v", asked)
			}
		})
	}
	d.waitLog("detail for the log")
	if strings.Contains(d.printed(), "secret") {
		t.Error("the key is in the log")
	}
	p.Close()
	if a := d.ask("hi"); !strings.Contains(a.Error, "can't be reached") || a.Done {
		t.Errorf("%+v", a)
	}
}

// printed is all that sluice dev has printed so far.
func (d *devServer) printed() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.raw.String()
}

// chatSeen is what browser/chat.mjs saw.
type chatSeen struct {
	Draft, DraftKept, Question, Answer, Note, Focus string
	SentTooEarly, AfterRetry, Cleared, ClearedAgain int
	StoppedAt, Later, Alerts, Items                 int
	Lengths                                         []int
	Notes                                           []string
	Followed, Stayed, FollowsAgain                  struct{ Top, Below int }
	Wide                                            bool
}

func TestChatInTheBrowser(t *testing.T) {
	browser := chromium(t)
	// Answers that were stopped run on; nobody waits for them.
	d := startDev(t, chatExample, "--drain", "300ms")
	for form, url := range map[string]string{"host": d.ready.Functions[0].URLs[0].Host, "path": d.url("Chat", "")} {
		t.Run(form, func(t *testing.T) {
			seen := browse[chatSeen](t, browser, "chat.mjs", url, "talk")
			if seen.Draft != "hello\n<b>you</b>" || seen.SentTooEarly != 0 || seen.Question != seen.Draft || seen.Focus != "draft" {
				t.Errorf("the keys: %+v", seen)
			}
			if len(seen.Lengths) < 5 || !slices.IsSorted(seen.Lengths) || !strings.HasPrefix(seen.Answer, "Hello!") || !strings.HasSuffix(seen.Answer, "count to 20.") {
				t.Errorf("the answer did not grow token by token: %v %q", seen.Lengths, seen.Answer)
			}
			if seen.StoppedAt < 12 || seen.Later != seen.StoppedAt || seen.Note != "Stopped." || seen.DraftKept != "a draft" {
				t.Errorf("Stop: %+v", seen)
			}
			if seen.AfterRetry != 4 || seen.Cleared != 0 || seen.ClearedAgain != 0 {
				t.Errorf("Retry and New chat: %+v", seen)
			}
		})
	}
	t.Run("scroll", func(t *testing.T) {
		seen := browse[chatSeen](t, browser, "chat.mjs", d.url("Chat", ""), "scroll")
		if seen.Followed.Top == 0 || seen.Followed.Below > 2 || seen.Stayed.Top != 10 || seen.Stayed.Below < 40 || seen.FollowsAgain.Below > 2 || seen.Wide {
			t.Errorf("%+v", seen)
		}
	})
}

func TestChatRetryInTheBrowser(t *testing.T) {
	browser := chromium(t)
	p := startChatProvider(t, refuses(503), says(0, "", "half an "), says(50*time.Millisecond, finished+done, "whole ", "answer"))
	d := startDev(t, chatExample, "--parameter-overrides", "ApiUrl="+p.URL)
	seen := browse[chatSeen](t, browser, "chat.mjs", d.url("Chat", ""), "retry")
	if len(seen.Notes) != 2 || !strings.Contains(seen.Notes[0], "status 503") || !strings.Contains(seen.Notes[1], "before it was complete") {
		t.Errorf("notes %q", seen.Notes)
	}
	if seen.Answer != "whole answer" || seen.Alerts != 0 || seen.Items != 2 {
		t.Errorf("%+v", seen)
	}
	var history []string
	for _, m := range p.last().Messages {
		history = append(history, m.Role+": "+m.Content)
	}
	if want := []string{"user: anything", "assistant: whole answer", "user: and more"}; !slices.Equal(history, want) {
		t.Errorf("the history is %q", history)
	}
}
