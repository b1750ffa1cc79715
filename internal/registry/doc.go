// Package registry holds what is deployed on a server: functions with their
// versions, aliases, Function URLs, policies and settings. It gives the records of
// the store their types, and revisions their meaning.
//
// A function is one record, and each published version another that is never
// changed; so an update of a function is one atomic write.
package registry
