//go:build linux

package oci

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// groupPath is the folder of our control groups below each hierarchy's root.
const groupPath = "/sluice"

// groups are the control groups of a container: one with version 2, one for each
// controller with version 1.
type groups struct {
	mu   sync.Mutex
	file string
	last int64
}

// memoryFiles hold the peak of a memory group, version 2 and version 1.
var memoryFiles = []string{"memory.peak", "memory.max_usage_in_bytes"}

// find finds the memory group of a process.
func (g *groups) find(pid int) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cgroup")
	if err != nil {
		return
	}
	for line := range strings.Lines(string(text)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 || parts[1] != "" && parts[1] != "memory" {
			continue
		}
		for _, root := range []string{"/sys/fs/cgroup/memory", "/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
			for _, name := range memoryFiles {
				if file := filepath.Join(root, parts[2], name); parts[2] != "/" {
					if _, err := os.Stat(file); err == nil {
						g.file = file
						return
					}
				}
			}
		}
	}
}

// sample remembers the peak, for after the group is gone.
func (g *groups) sample() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.file == "" {
		return
	}
	if text, err := os.ReadFile(g.file); err == nil {
		n, _ := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		g.last = max(g.last, n)
	}
}

func (g *groups) peak() int64 {
	g.sample()
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.last
}

// groupPrefix begins a container's name; the process id of its server follows.
const groupPrefix = "sluice-"

// removeDeadGroups removes the groups of containers whose server is not there any more.
func removeDeadGroups() {
	for _, pattern := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/*"} {
		all, _ := filepath.Glob(pattern + groupPath + "/" + groupPrefix + "*")
		for _, dir := range all {
			text, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), groupPrefix), "-")
			pid, err := strconv.Atoi(text)
			if err == nil && pid > 0 && unix.Kill(pid, 0) == unix.ESRCH {
				unix.Rmdir(dir) // fails while there are processes in it
			}
		}
	}
}
