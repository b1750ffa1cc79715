// Package oci is the sandbox driver that isolates: each sandbox is a container of an OCI
// runtime (crun, runc, or another by configuration) with its own namespaces, a read-only
// root, limits, no capabilities and a system call filter.
//
// The first process of a container is our own binary under another name, the guest. It
// opens the listeners of the Runtime API inside the container's network and hands them
// out over a socket, so that the server serves them like any other and no byte takes a
// detour; it starts commands when it is told to, and dials ports for those outside.
// What it says is not trusted: code in the container can't reach the guest, but if it
// could, it would deceive its own sandbox only.
package oci
