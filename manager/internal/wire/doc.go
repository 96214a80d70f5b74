// Package wire is the form of what a Manager's server and its clients tell each other:
// CPython's, as PROTOCOL.md describes it. It knows values of package pickle, and
// nothing of connections or of objects.
package wire
