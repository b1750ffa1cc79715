//go:build linux

package oci

import (
	"os"
	"path/filepath"
)

// The user and group that commands run as.
const (
	userID  = 993
	groupID = 990
)

// guestPath is where a container finds the guest: this binary, which knows by the path
// what it is.
const guestPath = "/.sluice/guest"

// root is the root file system that containers share: a folder with nothing but links and
// mount points, over which the machine's own programs are mounted for reading.
type root struct {
	dir string
	// machine are the paths of the machine that containers may read.
	machine []string
}

// systemFolders hold programs and libraries.
var systemFolders = []string{"bin", "sbin", "lib", "lib32", "lib64", "libx32", "usr"}

// etcOfMachine are the parts of /etc that are no secret and that programs need.
var etcOfMachine = []string{
	"alternatives", "ssl/certs", "ssl/openssl.cnf", "pki/tls", "pki/ca-trust", "ca-certificates", "ld.so.cache", "ld.so.conf", "ld.so.conf.d",
	"localtime", "mime.types", "services", "protocols",
}

func newRoot(dir string, outbound bool) (*root, error) {
	r := &root{dir: dir}
	for _, name := range []string{"dev", "proc", "etc", "tmp", "run", "opt", "var/task", "var/runtime", "var/lang", ".sluice"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			return nil, err
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, err
	}
	resolv := ""
	if outbound {
		resolv = "nameserver " + nameserver + "\n"
	}
	for name, text := range map[string]string{
		".sluice/guest":     "",
		"etc/passwd":        "root:x:0:0:root:/root:/sbin/nologin\nsbx_user:x:993:990::/tmp:/sbin/nologin\n",
		"etc/group":         "root:x:0:\nsbx_user:x:990:\n",
		"etc/hosts":         "127.0.0.1 localhost sandbox sandbox.localdomain\n::1 localhost\n",
		"etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
		"etc/resolv.conf":   resolv,
		"etc/os-release":    "",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	for _, name := range systemFolders {
		if err := r.system(name); err != nil {
			return nil, err
		}
	}
	for _, name := range etcOfMachine {
		if _, err := os.Stat("/etc/" + name); err == nil {
			r.machine = append(r.machine, "/etc/"+name)
		}
	}
	return r, nil
}

// system gives the root a folder of the machine's, or the link that it is.
func (r *root) system(name string) error {
	info, err := os.Lstat("/" + name)
	if err != nil {
		return nil // this machine has none
	}
	target := filepath.Join(r.dir, name)
	if info.Mode()&os.ModeSymlink != 0 {
		to, err := os.Readlink("/" + name)
		if err != nil {
			return err
		}
		return os.Symlink(to, target)
	}
	r.machine = append(r.machine, "/"+name)
	return os.MkdirAll(target, 0o755)
}
