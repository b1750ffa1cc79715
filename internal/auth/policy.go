package auth

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Policy is a policy in IAM's language, as far as Lambda needs it.
type Policy struct {
	Version   string      `json:"Version" yaml:"Version"`
	ID        string      `json:"Id" yaml:"Id"`
	Statement []Statement `json:"Statement" yaml:"Statement"`
}

// Statement allows or denies.
type Statement struct {
	Sid         string               `json:"Sid" yaml:"Sid"`
	Effect      string               `json:"Effect" yaml:"Effect"`
	Action      List                 `json:"Action" yaml:"Action"`
	NotAction   List                 `json:"NotAction" yaml:"NotAction"`
	Resource    List                 `json:"Resource" yaml:"Resource"`
	NotResource List                 `json:"NotResource" yaml:"NotResource"`
	Principal   Principals           `json:"Principal" yaml:"-"`
	Condition   map[string]Condition `json:"Condition" yaml:"Condition"`
}

// Condition is the keys of one operator and the values that they may have.
type Condition map[string]List

// List is one text or several.
type List []string

// UnmarshalJSON reads a text or a list of texts.
func (l *List) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*l = List{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(l))
}

// UnmarshalYAML reads a text or a list of texts.
func (l *List) UnmarshalYAML(unmarshal func(any) error) error {
	var one string
	if unmarshal(&one) == nil {
		*l = List{one}
		return nil
	}
	return unmarshal((*[]string)(l))
}

// Principals are whom a statement of a resource policy is for.
type Principals struct {
	Everybody bool
	// AWS are ARNs and account ids, Service names such as s3.amazonaws.com.
	AWS, Service List
}

// UnmarshalJSON reads "*" or a map.
func (p *Principals) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil {
		p.Everybody = text == "*"
		return nil
	}
	var kinds struct{ AWS, Service List }
	if err := json.Unmarshal(data, &kinds); err != nil {
		return err
	}
	p.AWS, p.Service = kinds.AWS, kinds.Service
	for _, name := range p.AWS {
		p.Everybody = p.Everybody || name == "*"
	}
	return nil
}

func (p *Policy) check() error {
	for i, s := range p.Statement {
		switch {
		case s.Effect != "Allow" && s.Effect != "Deny":
			return fmt.Errorf("policy: statement %d: Effect is %q; expected Allow or Deny", i+1, s.Effect)
		case len(s.Action)+len(s.NotAction) == 0:
			return fmt.Errorf("policy: statement %d has no Action", i+1)
		case len(s.Resource)+len(s.NotResource) == 0:
			return fmt.Errorf("policy: statement %d has no Resource", i+1)
		}
		for operator := range s.Condition {
			if !knownOperator(operator) {
				return fmt.Errorf("policy: statement %d: the condition operator %s is not known", i+1, operator)
			}
		}
	}
	return nil
}

// Request is what a policy is asked about.
type Request struct {
	// Action is AWS's name of it, such as "lambda:InvokeFunction".
	Action string
	// Resource is an ARN, "*" for operations that have none.
	Resource string
	// Context are the condition keys and their values; keys are compared without
	// regard to case.
	Context map[string]string
}

// Decision is what a policy says.
type Decision int

// The three decisions: what nobody allows is denied, and a denial beats what others
// allow.
const (
	NotAllowed Decision = iota
	Allowed
	Denied
)

// Decide evaluates a policy of an identity.
func (p *Policy) Decide(r Request) Decision { return p.decide(r, nil) }

// DecideFor evaluates a policy of a resource for a caller's ARN; "" is a caller
// that nobody knows.
func (p *Policy) DecideFor(caller string, r Request) Decision {
	return p.decide(r, func(s *Statement) bool {
		if s.Principal.Everybody {
			return true
		}
		account := accountOf(caller)
		for _, name := range s.Principal.AWS {
			if name == caller || account != "" && (name == account || strings.HasSuffix(name, "::"+account+":root")) {
				return true
			}
		}
		return false
	})
}

func accountOf(arn string) string {
	parts := strings.Split(arn, ":")
	if len(parts) < 6 {
		return ""
	}
	return parts[4]
}

func (p *Policy) decide(r Request, concerns func(*Statement) bool) Decision {
	decision := NotAllowed
	for i := range p.Statement {
		s := &p.Statement[i]
		if concerns != nil && !concerns(s) || !s.matches(r) {
			continue
		}
		if s.Effect == "Deny" {
			return Denied
		}
		decision = Allowed
	}
	return decision
}

func (s *Statement) matches(r Request) bool {
	action := strings.ToLower(r.Action)
	if len(s.Action) > 0 && !anyLike(s.Action, action, true) || len(s.NotAction) > 0 && anyLike(s.NotAction, action, true) {
		return false
	}
	if len(s.Resource) > 0 && !anyLike(s.Resource, r.Resource, false) || len(s.NotResource) > 0 && anyLike(s.NotResource, r.Resource, false) {
		return false
	}
	for operator, keys := range s.Condition {
		for key, allowed := range keys {
			if !holds(operator, r.value(key), allowed) {
				return false
			}
		}
	}
	return true
}

// value is that of a condition key, nil if the request has none.
func (r *Request) value(key string) *string {
	for name, value := range r.Context {
		if strings.EqualFold(name, key) {
			return &value
		}
	}
	return nil
}

func knownOperator(operator string) bool {
	switch strings.TrimSuffix(operator, "IfExists") {
	case "StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIgnoreCase", "ArnEquals", "ArnLike", "Bool", "Null":
		return true
	}
	return false
}

// holds evaluates one key of a condition. What is not known does not hold.
func holds(operator string, value *string, allowed List) bool {
	if operator == "Null" {
		return len(allowed) == 1 && (value == nil) == (allowed[0] == "true")
	}
	operator, optional := strings.CutSuffix(operator, "IfExists")
	if value == nil {
		return optional || operator == "StringNotEquals" || operator == "StringNotLike"
	}
	for _, a := range allowed {
		switch operator {
		case "StringEquals":
			if *value == a {
				return true
			}
		case "StringEqualsIgnoreCase", "Bool":
			if strings.EqualFold(*value, a) {
				return true
			}
		case "StringNotEquals":
			if *value == a {
				return false
			}
		case "StringNotLike":
			if like(a, *value) {
				return false
			}
		case "StringLike", "ArnLike", "ArnEquals":
			if like(a, *value) {
				return true
			}
		}
	}
	return operator == "StringNotEquals" || operator == "StringNotLike"
}

func anyLike(patterns List, text string, fold bool) bool {
	for _, p := range patterns {
		if fold {
			p = strings.ToLower(p)
		}
		if like(p, text) {
			return true
		}
	}
	return false
}

// like matches a pattern with * and ?. It takes time in proportion to the product
// of the lengths at most.
func like(pattern, text string) bool {
	p, t, star, mark := 0, 0, -1, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t] && pattern[p] != '*'):
			p++
			t++
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, t
			p++
		case star >= 0:
			mark++
			p, t = star+1, mark
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}
