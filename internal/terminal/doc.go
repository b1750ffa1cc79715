// Package terminal shows what a server does: to people as coloured lines, to
// machines as JSON, one object a line. A Terminal is the sluice.Observer of
// `sluice dev` and also prints what no observer hears of: the banner, reloads,
// failed builds, the shutdown.
//
// # Text
//
// A line starts with the local time and the function's name. One line stands for
// one answered Function URL request:
//
//	10:04:05.123 hello   GET /?n=3  200  first 12ms  total 3.02s  1.2KB  4 chunks
//
// Pacing adds "throttled 1.5s" and "3MB past burst". An ending other than
// complete follows in capitals with its reason. What comes from a function's log
// stands behind a bar, further lines of the same event below it:
//
//	10:04:05.101 hello | INFO starting
//	                   | with three chunks
//
// The time and the request id that a Node runtime puts before each line are left
// out, for the line begins with a time of its own; Options.Verbose keeps them. Of
// the platform's lines (docs/contract/execution-environment.md §3) REPORT and
// whatever tells of a failure are shown, and with Verbose all of them, together
// with a line for each invocation. Advice from Sluice starts with "hint:".
//
// Colours of the function's own survive when the terminal shows colours; every
// other control sequence (cursor movement, titles, links, a bell) is taken out,
// and other control characters are written as \x1b or the like. A carriage return
// begins a new line. One event is cut after 256 KB or 1000 lines, and says so.
//
// # JSON
//
// Every object has "type" and "time" (RFC 3339 in UTC with milliseconds). Keys
// that end in Ms are durations in milliseconds, sizes are bytes. Other keys:
//
//	log          function, stream, requestId, source (function, platform, hint), level, text
//	invocation   requestId, function, version, stream, mode, initMs, firstByteMs,
//	             durationMs, billedMs, memoryMB, maxMemoryMB, bytes, pastBurst,
//	             throttledMs, chunks, largestGapMs, ending, account, errorType
//	request      requestId, function, method, path, status, firstByteMs, totalMs,
//	             bytes, pastBurst, throttledMs, chunks, ending, reason
//	ready        command, version, source, address, tookMs, functions, notRun,
//	             warnings, outputs; a function has name, runtime, servedBy,
//	             runtimeWarning, timeoutMs, memoryMB and urls, each with mode, auth,
//	             qualifier, host, path, note; notRun has name, type; outputs name, value
//	reloaded     function, file, tookMs
//	buildFailed  function, diagnostic
//	buildHealed  function, file, tookMs
//	warning      function, text
//	stopping     streams, drainMs
//	dropped      events
//	sluice       level, msg and others: Sluice's own log
//
// A key is present even when its value is empty. Keys may be added.
//
// # Slow readers
//
// Events go through a queue of 1 MB to a goroutine that writes them, several
// whole lines at a time. When the reader falls so far behind that the queue is
// full, an event waits up to 100 ms; after one wait in vain the following events
// are dropped at once until the reader moves on, so that a stopped terminal costs
// a response no more than that. Dropped events are counted, and the count is
// printed in their place. The banner, builds, warnings and the shutdown are never
// dropped.
package terminal
