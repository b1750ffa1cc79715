package lambdaapi

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	sluice "github.com/sluice-run/sluice"
)

// constraints collects violations of a request's constraints, in AWS's words
// (docs/contract/control-api.md §1).
type constraints []string

func (c *constraints) violated(value any, path, rule string) {
	if value == nil {
		*c = append(*c, fmt.Sprintf("Value null at '%s' failed to satisfy constraint: Member must %s", path, rule))
		return
	}
	*c = append(*c, fmt.Sprintf("Value '%v' at '%s' failed to satisfy constraint: Member must %s", value, path, rule))
}

func (c *constraints) required(value, path string) {
	if value == "" {
		c.violated(nil, path, "not be null")
	}
}

func (c *constraints) length(value, path string, most int) {
	if utf8.RuneCountInString(value) > most {
		c.violated(value, path, fmt.Sprintf("have length less than or equal to %d", most))
	}
}

func (c *constraints) pattern(value, path string, re *regexp.Regexp) {
	if value != "" && !re.MatchString(value) {
		c.violated(value, path, "satisfy regular expression pattern: "+written(re))
	}
}

func (c *constraints) oneOf(value, path string, allowed ...string) {
	if value != "" && !slices.Contains(allowed, value) {
		c.violated(value, path, "satisfy enum value set: ["+strings.Join(allowed, ", ")+"]")
	}
}

func (c *constraints) between(value int, path string, least, most int) {
	switch {
	case value < least:
		c.violated(value, path, fmt.Sprintf("have value greater than or equal to %d", least))
	case value > most:
		c.violated(value, path, fmt.Sprintf("have value less than or equal to %d", most))
	}
}

// err returns the violations as one ValidationException, or nil.
func (c constraints) err() error {
	if len(c) == 0 {
		return nil
	}
	noun := "errors"
	if len(c) == 1 {
		noun = "error"
	}
	return &sluice.Error{
		Code: "ValidationException", Status: http.StatusBadRequest,
		Message: fmt.Sprintf("%d validation %s detected: %s", len(c), noun, strings.Join(c, "; ")),
	}
}

// whole makes a pattern that has to match all of a value. AWS's text of it may
// differ from what Go understands.
func whole(pattern string) *regexp.Regexp { return regexp.MustCompile("^(?:" + pattern + ")$") }

// asWritten holds AWS's text of the patterns that Go writes in another way.
var asWritten = map[*regexp.Regexp]string{aliasName: `(?!^[0-9]+$)([a-zA-Z0-9-_]+)`, urlQualifier: `((?!^\d+$)^[0-9a-zA-Z-_]+$)`}

func written(re *regexp.Regexp) string {
	if text := asWritten[re]; text != "" {
		return text
	}
	return strings.TrimSuffix(strings.TrimPrefix(re.String(), "^(?:"), ")$")
}

var (
	roleARN       = whole(`arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+`)
	handlerName   = whole(`[^\s]+`)
	statementID   = whole(`([a-zA-Z0-9-_]+)`)
	qualifierName = whole(`\$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9-_$]+`)
	functionName  = whole(`(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?`)
	layerName     = whole(`(arn:[a-zA-Z0-9-]+:lambda:[a-zA-Z0-9-]+:\d{12}:layer:[a-zA-Z0-9-_]+)|[a-zA-Z0-9-_]+`)
	aliasName     = whole(`[0-9]*[a-zA-Z-_][a-zA-Z0-9-_]*`)
	urlQualifier  = whole(`[0-9]*[a-zA-Z-_][a-zA-Z0-9-_]*`)
	digits        = whole(`[0-9]+`)
	variableName  = whole(`[a-zA-Z]([a-zA-Z0-9_])+`)
)
