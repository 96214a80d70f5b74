// Package race tells the race detector what the shared memory does, in builds with
// -race. In other builds every function is empty.
//
// The detector watches Go memory only. A lock in mapped memory is
// therefore stood for by a Go word of this process, found by the lock's
// offset; two locks that fall on the same word can hide a race, never invent one.
package race
