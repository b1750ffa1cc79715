package sluice

import "time"

// Observer is told what happens: every log line, every invocation, every
// answered Function URL request. Implementations are safe for concurrent use
// and do not block for long: they are called on the response path.
type Observer interface {
	Log(LogLine)
	Invoked(Record)
	Answered(Access)
}

// LogSource says who wrote a log line.
type LogSource string

const (
	// SourceFunction: the function or its runtime, on stdout, stderr or the
	// runtime's log channel.
	SourceFunction LogSource = "function"
	// SourcePlatform: START, END, REPORT and the like
	// (docs/contract/execution-environment.md §3).
	SourcePlatform LogSource = "platform"
	// SourceExtension: an extension that was started from a file.
	SourceExtension LogSource = "extension"
	// SourceHint: advice from Sluice that AWS would not have given.
	SourceHint LogSource = "hint"
)

// LogLine is one event of a function's log. Text has no trailing newline and
// may hold inner ones.
type LogLine struct {
	Time     time.Time
	Function string
	// Stream is the log stream's name, one for each execution environment.
	Stream string
	// RequestID is the invocation the line belongs to, "" during INIT.
	RequestID string
	Source    LogSource
	// Level is TRACE … FATAL when the runtime said so, else "".
	Level string
	Text  string
}

// Record is what is known of one invocation once it is over.
type Record struct {
	Time      time.Time
	RequestID string
	Function  string
	Version   string
	// ARN is what was invoked, with the qualifier that the caller gave.
	ARN string
	// Trace and FunctionURL are the invocation's.
	Trace       Trace
	FunctionURL bool
	Stream      string
	Mode        InvokeMode
	// Init is the INIT phase's duration, zero in a warm environment.
	Init time.Duration
	// FirstByte is the time from dispatch to the start of the response.
	FirstByte time.Duration
	// Duration runs from dispatch until the runtime asked for the next event.
	Duration time.Duration
	// Billed is Duration and Init rounded up to a millisecond.
	Billed      time.Duration
	MemoryMB    int
	MaxMemoryMB int
	Bytes       int64
	PastBurst   int64
	Throttled   time.Duration
	// ThrottledAt is when pacing first held the response back, zero if it never did.
	ThrottledAt time.Time
	Chunks      int64
	// LargestGap is the longest time between two chunks.
	LargestGap time.Duration
	// Timeline is how a streamed response came, nil for a buffered one.
	Timeline []Point
	Ending   Ending
	// Architecture and EphemeralStorageMB are the function's.
	Architecture       string
	EphemeralStorageMB int
	// ErrorType is the platform's error type unless the ending is complete.
	ErrorType string
}

// Access is one answered Function URL request.
type Access struct {
	Time      time.Time
	RequestID string
	Function  string
	Method    string
	Path      string
	Status    int
	// FirstByte runs from the request's arrival to the first byte of the answer.
	FirstByte time.Duration
	// Total runs from the request's arrival to the end of the answer.
	Total     time.Duration
	Bytes     int64
	PastBurst int64
	Throttled time.Duration
	Chunks    int64
	Ending    Ending
	// Reason explains an ending other than complete, "" otherwise.
	Reason string
}
