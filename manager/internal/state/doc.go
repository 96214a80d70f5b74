// Package state holds the objects of a Manager server as a deterministic state machine.
//
// The only way to change a State is Apply: one Command after another, from one goroutine at a time. The package has no
// clock, no randomness, no goroutines and no input or output: time and disconnects are in the commands. Two States that
// are given the same commands have the same bytes in their snapshots and give the same replies.
//
// # Python
//
// What a method does, what it returns and which exception it raises with which text is as in CPython 3.13, also for
// wrong arguments. A reply is the pickle of the pair (kind, result) that CPython's own server sends.
//
// # Beyond Python
//
// For steps that depend on what is there some methods begin with a #, as no method of Python does. They are not exposed;
// Value's #cas has no first argument. Values are compared as Python's == does, but proxies by what they name.
//
//	#cas(where, old, new)  of dict, list, Array, Namespace, Value: sets a value that is equal to old, and reports whether it did
//	#add(key, value)       of dict: sets an item whose key is not there, and reports whether it did
//	#remove(key, old)      of dict: removes an item whose value is equal to old, and reports whether it did
//
// # References
//
// An object lives while a process has counted references to it, while it is nested in an object that lives, while a
// connection is open that has used it, and for Options.Grace after the last of these. Objects that are only nested in
// each other are freed. An ident is never used again.
//
// Counts are kept for each Holder, and go when it is Gone. CPython's children that were started by spawn count nothing,
// so a connection that used an object holds it until it ends, or until its Holder gives back the last of its counts.
// Of clients that cannot be told apart (Holder 0) the object is then held for Grace after each use.
//
// # Limits
//
// What an object has in it is measured in bytes, about, when it is put there. A call that would go over one of the
// limits of Options changes nothing and raises MemoryError.
package state
