// Package holds keeps, for objects that several processes may hold at a time, who holds how much.
//
// Every process that uses such an object has a hold of its own in it, a [layout.Hold], on its own cache
// lines: it says that it holds the object, and that it does so no more, by changing its own words, and nobody else does. So the record
// and the lock are one thing, and no death can come between them. What a dead process
// held is subtracted by not looking at its holds, from the moment when the death is confirmed: nothing has to be
// cleaned up before its slot of the process table is used again, for a hold names its owner by slot and generation.
//
// The first holds lie in the object, the others in chunks that are linked to it. A process whose hold is full
// takes another. A hold is found by walking the list once; then the handle remembers it.
//
// Memory of these kinds is never another kind's (see the classes of package arena), and
// the words carry a tag of their object. That is what makes it safe to be late: to change a word by a
// compare-and-swap although the object may have been closed, and its memory have become another one, since it was read.
package holds
