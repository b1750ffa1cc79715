// Primes is a Lambda function that streams from Go: an ordinary net/http handler whose
// response is flushed line by line.
package main

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/lambdaurl"
)

func main() {
	lambdaurl.Start(http.HandlerFunc(primes))
}

func primes(w http.ResponseWriter, r *http.Request) {
	count := number(r, "count", 10, 10_000)
	pause := time.Duration(number(r, "pause", 200, 5_000)) * time.Millisecond
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	flush := http.NewResponseController(w)
	for n, found := 2, 0; found < count; n++ {
		if !prime(n) {
			continue
		}
		found++
		fmt.Fprintln(w, n)
		flush.Flush()
		time.Sleep(pause)
	}
}

func prime(n int) bool {
	for d := 2; d*d <= n; d++ {
		if n%d == 0 {
			return false
		}
	}
	return true
}

// number is a query parameter from 0 to most.
func number(r *http.Request, name string, otherwise, most int) int {
	n, err := strconv.Atoi(r.URL.Query().Get(name))
	if err != nil || n < 0 {
		return otherwise
	}
	return min(n, most)
}
