// Package deploy brings a server to what a template says, through the Lambda API
// like any other client.
//
// A deployment has two steps: a plan, which compares the template with what the
// server has, and its execution. The functions of a deployment carry a tag with the
// stack's name; only those are ever changed or deleted.
package deploy
