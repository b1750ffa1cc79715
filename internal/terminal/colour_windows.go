package terminal

import "golang.org/x/sys/windows"

// understandsColour switches escape sequences on, which older consoles ignore
// until asked.
func understandsColour(fd uintptr) bool {
	var mode uint32
	if err := windows.GetConsoleMode(windows.Handle(fd), &mode); err != nil {
		return false
	}
	return windows.SetConsoleMode(windows.Handle(fd), mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}
