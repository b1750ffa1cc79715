package oci

// Options configure the driver.
type Options struct {
	// Runtime is the OCI runtime, a name on the PATH or a path; "" for the first of
	// crun and runc that works.
	Runtime string
	// Dir is a folder for the driver's own files, which ends with the server.
	Dir string
	// Outbound lets sandboxes connect to the outside through slirp4netns; the machine
	// itself stays out of reach.
	Outbound bool
}
