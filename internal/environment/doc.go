// Package environment runs functions in execution environments: a sandbox with
// its Runtime API, taken through INIT, INVOKE and SHUTDOWN
// (docs/contract/execution-environment.md §1), and a pool of them for each
// version of a function.
//
// A runtime process may die while its environment lives on: after a timeout or
// an exit the environment is reset, which keeps its /tmp, and the next
// invocation starts the process anew. The code calls one such process a life.
package environment
