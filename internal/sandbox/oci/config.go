//go:build linux

package oci

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"

	sluice "github.com/sluice-run/sluice"
	"github.com/sluice-run/sluice/internal/sandbox"
)

const (
	// memoryPerCPU is the memory in MB that comes with one CPU on Lambda.
	memoryPerCPU = 1769
	// guestMemory is what the guest itself takes at most, in bytes.
	guestMemory = 24 * sluice.MB
	// maxProcesses and maxFiles are Lambda's (docs/contract/execution-environment.md §6).
	maxProcesses = 1024
	maxFiles     = 1024
	// cpuPeriod is the scheduler's, in microseconds.
	cpuPeriod = 100_000
)

// configVersion is one that every runtime in use knows.
const configVersion = "1.0.2"

// config is the container's configuration.
func (d *Driver) config(id string, spec sandbox.Spec, tmp *tmpImage) (*specs.Spec, error) {
	config := &specs.Spec{
		Version:  configVersion,
		Hostname: "sandbox",
		Root:     &specs.Root{Path: d.root.dir, Readonly: true},
		Process: &specs.Process{
			Args: []string{guestPath}, Cwd: "/", Env: []string{"PATH=/usr/bin:/bin", "GOMAXPROCS=1", "GOMEMLIMIT=8MiB"}, NoNewPrivileges: true,
			User: specs.User{UID: userID, GID: groupID}, Capabilities: &specs.LinuxCapabilities{},
			Rlimits: []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Hard: maxFiles, Soft: maxFiles}, {Type: "RLIMIT_CORE"}},
		},
		Linux: &specs.Linux{
			CgroupsPath: groupPath + "/" + id,
			Namespaces: []specs.LinuxNamespace{
				{Type: specs.PIDNamespace}, {Type: specs.MountNamespace}, {Type: specs.IPCNamespace}, {Type: specs.UTSNamespace},
				{Type: specs.NetworkNamespace}, {Type: specs.CgroupNamespace},
			},
			Resources:   resources(spec.MemoryMB),
			MaskedPaths: []string{"/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/proc/interrupts", "/sys/firmware"},
			ReadonlyPaths: []string{
				"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
			},
		},
	}
	mounts, err := d.mounts(spec, tmp)
	if err != nil {
		return nil, err
	}
	config.Mounts = mounts
	if spec.Image != nil {
		config.Root.Path = spec.Image.Root
	}
	if config.Linux.Seccomp, err = seccomp.GetDefaultProfile(config); err != nil {
		return nil, fmt.Errorf("system call filter: %w", err)
	}
	return config, nil
}

func pointer[T any](v T) *T { return &v }

// resources are the limits of a memory size. As much of the CPU as Lambda gives is what a
// container may count on; while others are idle it may use more, up to whole CPUs.
func resources(memoryMB int) *specs.LinuxResources {
	memory := int64(memoryMB)*sluice.MB + guestMemory
	cpus := min(max((memoryMB+memoryPerCPU-1)/memoryPerCPU, 1), runtime.NumCPU())
	return &specs.LinuxResources{
		Memory:  &specs.LinuxMemory{Limit: &memory, Swap: &memory},
		CPU:     &specs.LinuxCPU{Shares: pointer(uint64(max(1024*memoryMB/memoryPerCPU, 2))), Quota: pointer(int64(cpus * cpuPeriod)), Period: pointer(uint64(cpuPeriod))},
		Pids:    &specs.LinuxPids{Limit: pointer(int64(maxProcesses))},
		Devices: []specs.LinuxDeviceCgroup{{Allow: false, Access: "rwm"}},
	}
}

func bind(from, to string) specs.Mount {
	return specs.Mount{Destination: to, Source: from, Type: "bind", Options: []string{"rbind", "ro", "nosuid", "nodev"}}
}

func (d *Driver) mounts(spec sandbox.Spec, tmp *tmpImage) ([]specs.Mount, error) {
	var all []specs.Mount
	if spec.Image == nil {
		for _, path := range d.root.machine {
			all = append(all, bind(path, path))
		}
	} else {
		// The names of hosts are this sandbox's, whatever the image says.
		for _, name := range []string{"/etc/hosts", "/etc/resolv.conf"} {
			all = append(all, bind(filepath.Join(d.root.dir, name), name))
		}
	}
	all = append(all, bind(d.guest, guestPath),
		specs.Mount{Destination: "/proc", Source: "proc", Type: "proc", Options: []string{"nosuid", "noexec", "nodev"}},
		specs.Mount{Destination: "/dev", Source: "tmpfs", Type: "tmpfs", Options: []string{"nosuid", "noexec", "strictatime", "mode=755", "size=65536"}},
		specs.Mount{Destination: "/dev/shm", Source: "shm", Type: "tmpfs", Options: []string{"nosuid", "noexec", "nodev", "mode=1777", "size=64m"}},
		specs.Mount{Destination: "/run", Source: "tmpfs", Type: "tmpfs", Options: []string{"nosuid", "noexec", "nodev", "mode=755", "size=1m", fmt.Sprintf("uid=%d", userID), fmt.Sprintf("gid=%d", groupID)}},
	)
	if spec.Code != "" {
		all = append(all, bind(spec.Code, "/var/task"))
	}
	if spec.Runtime != "" {
		all = append(all, bind(spec.Runtime, "/var/runtime"))
	}
	if spec.Opt != "" {
		all = append(all, bind(spec.Opt, "/opt"))
	}
	mount, err := tmpMount(spec, tmp)
	if err != nil {
		return nil, err
	}
	all = append(all, mount)
	for _, folder := range programFolders(spec.Programs) { // may lie below /tmp
		all = append(all, bind(folder, folder))
	}
	return all, nil
}

// programFolders are the installations that programs outside of the system's folders
// belong to: what is beside their bin folder.
func programFolders(programs []string) []string {
	var folders []string
	for _, path := range programs {
		top, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
		if slices.Contains(systemFolders, top) {
			continue
		}
		folder := filepath.Dir(path)
		if filepath.Base(folder) == "bin" {
			folder = filepath.Dir(folder)
		}
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			folder = path
		}
		if folder != "/" && !slices.Contains(folders, folder) {
			folders = append(folders, folder)
		}
	}
	return folders
}

// tmpMount is the container's /tmp: a file system of its own where loop devices can be
// had, else memory, which then counts as the function's.
func tmpMount(spec sandbox.Spec, tmp *tmpImage) (specs.Mount, error) {
	size := max(spec.TmpMB, 1)
	if spec.Tmp != "" {
		device, err := tmp.attach(spec.Tmp, size)
		if err == nil {
			return specs.Mount{Destination: "/tmp", Source: device, Type: "ext4", Options: []string{"nosuid", "nodev"}}, nil
		}
		if !errors.Is(err, os.ErrNotExist) && !errors.Is(err, os.ErrPermission) {
			return specs.Mount{}, fmt.Errorf("/tmp: %w", err)
		}
	}
	return specs.Mount{Destination: "/tmp", Source: "tmpfs", Type: "tmpfs", Options: []string{"nosuid", "nodev", "mode=1777", fmt.Sprintf("size=%dm", size)}}, nil
}
