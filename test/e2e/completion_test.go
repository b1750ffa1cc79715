package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// bashCompletion is what completion scripts of bash build on, by its places on Debian
// and with Homebrew.
var bashCompletion = []string{
	"/usr/share/bash-completion/bash_completion", "/opt/homebrew/etc/profile.d/bash_completion.sh", "/usr/local/etc/profile.d/bash_completion.sh",
}

// A real bash reads the script and completes what somebody types.
func TestCompletionInBash(t *testing.T) {
	needProgram(t, "bash")
	library := ""
	for _, name := range bashCompletion {
		if _, err := os.Stat(name); err == nil && library == "" {
			library = name
		}
	}
	if library == "" && runtime.GOOS == "linux" && os.Getenv("CI") != "" {
		t.Fatal("bash-completion is not installed")
	}
	if library == "" {
		t.Skipf("there is no bash-completion at any of %s", strings.Join(bashCompletion, ", "))
	}
	d := startDev(t, "../../examples/hello")
	// The program is called by its name, as a shell does.
	bin := t.TempDir()
	path, err := filepath.Abs(binary)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path, filepath.Join(bin, "sluice")); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "event.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	const script = `
source "$LIBRARY"
source <(sluice completion bash) || exit
COMP_LINE=$1 COMP_POINT=${#1} COMP_TYPE=9
read -ra COMP_WORDS <<<"$COMP_LINE"
[[ $COMP_LINE == *' ' ]] && COMP_WORDS+=('')
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
__start_sluice sluice "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\n' "${COMPREPLY[@]}"
`
	for line, want := range map[string]string{
		"sluice invoke ":            "Hello",
		"sluice invoke He":          "Hello",
		"sluice invoke Nope":        "",
		"sluice logs -f ":           "Hello",
		"sluice dep":                "deploy",
		"sluice init ty":            "typescript",
		"sluice serve --sandbox p":  "process",
		"sluice dev --log-format j": "json",
		"sluice usage ":             "",
	} {
		cmd := exec.Command("bash", "--norc", "-c", script, "bash", line)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "SLUICE_ENDPOINT="+d.ready.Address, "LIBRARY="+library)
		out, err := cmd.Output() // bash complains of a completion without a terminal
		if got := strings.TrimSpace(string(out)); err != nil || strings.Join(strings.Fields(got), " ") != want {
			t.Errorf("%q is completed to %q, want %q: %v", line, got, want, err)
		}
	}
}
