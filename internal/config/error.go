package config

// Error is one mistake in the configuration. Load and Validate return several
// joined; errors.As finds the first.
type Error struct {
	// Key is the setting's key, for example "limits.streamRate", or "" if the
	// mistake is not in one setting.
	Key string
	// Where is the source: "/srv/sluice.yaml:12:3", "--addr", "SLUICE_ADDR", or ""
	// when the value was set by the program.
	Where string
	// Message says what is wrong and what would be right.
	Message string
}

func (e *Error) Error() string {
	switch {
	case e.Where == "" && e.Key == "":
		return e.Message
	case e.Where == "":
		return e.Key + ": " + e.Message
	case e.Key == "":
		return e.Where + ": " + e.Message
	}
	return e.Where + ": " + e.Key + ": " + e.Message
}
