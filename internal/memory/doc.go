// Package memory is the memory object of a family: where it comes from, how an
// offset becomes an address, and how it gets pages.
//
// Between processes it is one anonymous memory object, mapped once at a large
// sparse size, so that an offset is valid for ever and in every process. It has no
// name, so nothing can be left behind; its size is sealed, so nobody can cut it
// off under a reader.
//
// Within one process ([NewHeap]) it is ordinary Go memory in chunks, which the
// race detector watches.
//
// Pages are reserved before they are used: a full machine is an error from
// [Memory.Grow], as far as it can be known beforehand, and not a SIGBUS.
package memory
