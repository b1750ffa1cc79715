package config

import (
	"fmt"
	"strings"
)

// applyLimits sets what text such as "streamedPayload=200MB,streamRate=0" names
// and returns the keys. Spaces around names and values are ignored, and the last
// of a repeated name counts. After an error c is not to be used.
func applyLimits(c *Config, text string) (keys []string, err error) {
	byName := map[string]setting{}
	names := LimitNames()
	for _, s := range settings() {
		if s.isLimit() {
			byName[strings.TrimPrefix(s.key, limitsPrefix)] = s
		}
	}
	for _, pair := range strings.Split(text, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		name, value, found := strings.Cut(pair, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		s, known := byName[name]
		if !known {
			return nil, fmt.Errorf("no limit is called %q%s; the limits are %s",
				name, didYouMean(name, names), strings.Join(names, ", "))
		}
		if !found || value == "" {
			return nil, fmt.Errorf("limit %s has no value; write %s=%s, or %s=0 to lift it",
				name, name, s.text(Default()), name)
		}
		if err := s.set(c, value); err != nil {
			return nil, fmt.Errorf("limit %s: %w", name, err)
		}
		keys = append(keys, s.key)
	}
	return keys, nil
}
