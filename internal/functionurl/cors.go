package functionurl

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	sluice "github.com/sluice-run/sluice"
)

// isPreflight tells that the platform answers a CORS preflight and the function
// never sees it (docs/contract/function-url.md §8). Without a Cors configuration
// OPTIONS is an ordinary request.
func (x *exchange) isPreflight() bool {
	return x.url.CORS != nil && x.r.Method == http.MethodOptions &&
		x.r.Header.Get("Origin") != "" && x.r.Header.Get("Access-Control-Request-Method") != ""
}

// answerPreflight answers 200 in any case; without the headers the browser
// refuses the request itself.
func (x *exchange) answerPreflight() {
	config, asked := x.url.CORS, x.r.Header
	origin, method := asked.Get("Origin"), asked.Get("Access-Control-Request-Method")
	header := x.w.Header()
	if allowsOrigin(config, origin) && (allowsAll(config.AllowMethods) || slices.Contains(config.AllowMethods, method)) {
		allowOrigin(header, config, origin)
		allow(header, "Access-Control-Allow-Methods", config.AllowMethods, method)
		allow(header, "Access-Control-Allow-Headers", config.AllowHeaders, strings.Join(asked.Values("Access-Control-Request-Headers"), ","))
		if config.MaxAge > 0 {
			header.Set("Access-Control-Max-Age", strconv.Itoa(config.MaxAge))
		}
	}
	x.answer(http.StatusOK, nil)
}

// addCORS puts the configuration's headers on an ordinary answer. What the
// function said itself about the same is dropped: on AWS both are sent, which no
// browser accepts.
func (x *exchange) addCORS(header http.Header) {
	config, origin := x.url.CORS, x.r.Header.Get("Origin")
	if config == nil || origin == "" || x.isPreflight() {
		return
	}
	for name := range header {
		if strings.HasPrefix(name, "Access-Control-") {
			delete(header, name)
		}
	}
	if !allowsOrigin(config, origin) {
		return
	}
	allowOrigin(header, config, origin)
	if len(config.ExposeHeaders) > 0 {
		header.Set("Access-Control-Expose-Headers", strings.Join(config.ExposeHeaders, ","))
	}
}

func allowsOrigin(config *sluice.CORS, origin string) bool {
	return slices.ContainsFunc(config.AllowOrigins, func(allowed string) bool {
		return allowed == "*" || strings.EqualFold(allowed, origin)
	})
}

// allowOrigin reflects the origin, as AWS does for "*" too.
func allowOrigin(header http.Header, config *sluice.CORS, origin string) {
	header.Set("Access-Control-Allow-Origin", origin)
	header.Add("Vary", "Origin")
	if config.AllowCredentials {
		header.Set("Access-Control-Allow-Credentials", "true")
	}
}

// allow lists what is allowed. "*" becomes what was asked for: with credentials,
// browsers take it literally.
func allow(header http.Header, name string, allowed []string, asked string) {
	value := strings.Join(allowed, ",")
	if allowsAll(allowed) {
		value = asked
	}
	if value != "" {
		header.Set(name, value)
	}
}

func allowsAll(list []string) bool { return slices.Contains(list, "*") }
