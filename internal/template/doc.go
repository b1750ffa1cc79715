// Package template reads a SAM or CloudFormation template and says what should
// exist: the functions, their Function URLs and aliases, and the outputs.
//
// The walk of a template is the order of docs/contract/sam-template.md §8: text
// becomes a tree of positioned nodes (parse), Fn::ForEach is unrolled, Globals
// are merged, parameters and conditions get their values, references are checked,
// and what a function needs is resolved and validated property by property.
//
// Resources that Sluice does not run are listed in Template.NotRun. Whatever
// refers to them gets a made-up, stable physical id, so that the environment of a
// function still has a value for the name of its table.
//
// A mistake is a Problem with file, line and column; Load collects all of them
// before it gives up. The work is bounded: a template can neither hang Load nor
// make it take unbounded memory.
//
// Words: a node is a value of the template with its position; an intrinsic is a
// map with the one key Ref, Condition or Fn::…; to resolve a node is to replace
// every intrinsic in it by its value.
package template
