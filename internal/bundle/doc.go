// Package bundle builds a function's code with esbuild, which it carries: for
// TypeScript handlers, and for templates that ask for it with BuildMethod
// esbuild. No Node.js takes part.
package bundle
