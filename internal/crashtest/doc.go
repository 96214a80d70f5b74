// Package crashtest kills processes of a family at every moment at which that is
// hardest to survive, and looks whether the others notice anything that they must not.
//
// Its tests force each named moment ([crashpoint.At]) in a real process, and kill at
// random with a printed seed. They run over both ways to wait between processes.
package crashtest
