// Package hosting runs what is deployed: it turns the functions of the registry
// into targets of invocations. Code is fetched and unpacked when a version is first
// invoked, and removed when nothing runs it any more; environments of a version that
// was changed or deleted finish what they had begun.
package hosting
