// Package config decides how a server is set up. A setting has one key, and its
// value comes from the first of these that gives one: a flag, an environment
// variable, the configuration file, the default.
//
// The key "log.format" is the flag --log-format, the variable SLUICE_LOG_FORMAT
// and, in the file, the member format of log. Limits are given together, as
// --limits streamedPayload=200MB,streamRate=0, as SLUICE_LIMITS in the same
// notation, or one by one under limits in the file; each limit is looked up on
// its own, so a flag can change one and leave the file's others alone.
//
// The package reads nothing but what Sources names: no environment, no working
// folder, no clock.
package config
