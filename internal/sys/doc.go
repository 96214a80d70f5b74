// Package sys holds every raw system call of multiproc, and nothing else.
//
// Each function is documented in a neutral file; its body is in a _linux.go
// file, and a _other.go file returns [errors.ErrUnsupported]. Addresses given
// to the kernel are those of mapped or heap words that the caller keeps alive
// for the length of the call.
package sys
