package lambdaapi

import (
	"net/http"
	"strings"

	sluice "github.com/sluice-run/sluice"
)

// reference is a function as a client named it.
type reference struct {
	name string
	// qualifier is "" when none was given.
	qualifier string
}

// reference reads the label {F}, in any of the forms of
// docs/contract/control-api.md §2, and the query's Qualifier.
func (a *API) reference(label, qualifier string) (reference, error) {
	var c constraints
	c.length(label, "functionName", 170)
	if qualifier != "" {
		c.length(qualifier, "qualifier", 128)
		c.pattern(qualifier, "qualifier", qualifierName)
	}
	if err := c.err(); err != nil {
		return reference{}, err
	}
	ref, err := a.parseFunction(label)
	if err != nil {
		return reference{}, err
	}
	if qualifier != "" {
		if ref.qualifier != "" && ref.qualifier != qualifier {
			return reference{}, invalid("The derived qualifier from the function name does not match the specified qualifier.")
		}
		ref.qualifier = qualifier
	}
	return ref, nil
}

// parseFunction reads a name, a partial ARN or an ARN.
func (a *API) parseFunction(text string) (reference, error) {
	parts := strings.Split(text, ":")
	if parts[0] == "arn" && len(parts) >= 6 {
		if region := parts[3]; region != a.Identity.Region {
			return reference{}, notFound("Functions from '%s' are not reachable in this region ('%s')", region, a.Identity.Region)
		}
		if parts[4] != a.Identity.AccountID {
			return reference{}, failure("AccessDeniedException", http.StatusForbidden, "")
		}
		if parts = parts[5:]; len(parts) == 1 {
			return reference{name: parts[0]}, nil // an incomplete ARN names a function "function"
		}
		parts = parts[1:]
	} else {
		if len(parts) > 1 && len(parts[0]) == 12 && digits.MatchString(parts[0]) {
			if parts[0] != a.Identity.AccountID {
				return reference{}, failure("AccessDeniedException", http.StatusForbidden, "")
			}
			parts = parts[1:]
		}
		if len(parts) > 1 && parts[0] == "function" {
			parts = parts[1:]
		}
	}
	ref := reference{name: parts[0]}
	if len(parts) > 1 {
		ref.qualifier = strings.Join(parts[1:], ":")
	}
	return ref, nil
}

// arn is the ARN of what was named, as it was named.
func (a *API) arn(ref reference) string { return a.Identity.FunctionARN(ref.name, ref.qualifier) }

func (a *API) functionMissing(ref reference) *sluice.Error {
	return notFound("Function not found: %s", a.arn(ref))
}
