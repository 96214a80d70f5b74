// Package barrier is the words of a barrier, whose states are in [layout.Barrier]; this package
// is their transitions.
//
// Every step of a round is one compare-and-swap of State, so a death leaves no half of one. Arrivals
// need no names: the death of any member, arrived or not, breaks the barrier. Who the members are stands in the
// seats. Whoever comes or sleeps looks at them when a death was announced since somebody last did.
//
// A break ends a round. Only Repair and Reset make the barrier whole again, one at a time under a robust lock, and
// the last thing that they do is to say so: one that dies before leaves it broken.
package barrier
