// Package wait blocks a goroutine on a word of shared memory until there is a
// reason to look at it again.
//
// A [Hub] serves one process. Its [Hub.Enter] lines up the goroutines that want the
// same word, so that one of them waits in the kernel and the others park in Go;
// [Hub.Block] is that one wait. It ends when the word changes or is woken, when any
// process of the family is announced dead, when the context ends, or, as a last
// resort, after half a second. It never says which of these it was, but for the
// context: the caller looks at everything again.
//
// The first sleepers of a process have a thread each; those beyond share pollers, so
// that ten thousand locks can be waited for on a hundred threads.
//
// There are three ways to wait. With futex_waitv the caller sleeps on the
// word, the death epoch and a cancel word of its own at once. Without it, it sleeps
// on the word alone, in slices, and records the word in its slot for those who
// notice a death. Among goroutines of one process ([Local]) it parks in Go.
package wait
