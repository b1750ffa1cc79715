package main

import "encoding/json"

// printJSON prints a value for programs.
func (s *session) printJSON(v any) error {
	e := json.NewEncoder(s.stdout)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// array is an array in JSON even if there is nothing in it.
func array[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
