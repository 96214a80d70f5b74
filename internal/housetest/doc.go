// Package housetest holds the rules of the house that the compiler does not know: who
// may import whom, where unsafe and system calls may stand, which variables a package may
// keep, and that everything exported says what it is. The rules are data, with
// reasons; to break one on purpose, add a line to the data.
package housetest
