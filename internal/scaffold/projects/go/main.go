// A Lambda function that streams: an ordinary net/http handler. What it writes reaches
// the client at once.
package main

import (
	"cmp"
	"fmt"
	"log"
	"net/http"
	"time"
)

func main() {
	log.Fatal(serve(http.HandlerFunc(greet)))
}

func greet(w http.ResponseWriter, r *http.Request) {
	name := cmp.Or(r.URL.Query().Get("name"), "world")
	log.Println("greeting", name) // shown by sluice dev, and in the function's log
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")

	fmt.Fprintf(w, "Hello, %s.\n", name)
	for left := 3; left > 0; left-- {
		time.Sleep(400 * time.Millisecond) // your slow work: a query, a model, another service
		fmt.Fprintln(w, left)
	}
	fmt.Fprintln(w, "Done.")
}
