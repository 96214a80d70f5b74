package state

import (
	"math"
	"time"
)

// Options are what a State is made with. States that are given the same commands need the same Options.
type Options struct {
	// Address is the server's address as it stands in tokens: a value of a graph, str or tuple.
	Address any
	// Foreign has the types whose objects the server runs itself, with the methods that they expose. The State only
	// counts their references. A type of the State has precedence.
	Foreign map[string][]string
	// FirstIdent is the number of the first object; the others count up from it. By default 1. A server that draws it
	// by chance makes sure that a proxy from before its start, or of another server, is not taken for one of its own.
	FirstIdent uint64
	// Grace is how long an object lives without references, so that a proxy which is on its way arrives. Cycles are
	// looked for as seldom: with 0 that is in each command that may have left one.
	Grace time.Duration

	// ReleaseDead has the end of a process release the Locks and permits of Semaphores that it has acquired by the methods of
	// Python, which do not say to whom they belong. CPython's server never does.
	ReleaseDead bool

	// A limit that is zero is its default, a negative one is none.
	MaxObjects     int64 // objects that live; by default 1 Mi
	MaxObjectBytes int64 // what one object has in it; by default 256 MiB
	MaxBytes       int64 // what all have in them; by default 1 GiB
	MaxRepr        int64 // the length of a repr; by default 1 MiB
	MaxReply       int64 // the length of a reply; by default 256 MiB

	work int64 // what one call may weigh, copy or hash, in bytes
}

func (o Options) withDefaults() Options {
	if o.FirstIdent == 0 {
		o.FirstIdent = 1
	}
	o.MaxObjects = limitOf(o.MaxObjects, 1<<20)
	o.MaxObjectBytes = limitOf(o.MaxObjectBytes, 256<<20)
	o.MaxBytes = limitOf(o.MaxBytes, 1<<30)
	o.MaxRepr = min(limitOf(o.MaxRepr, 1<<20), math.MaxInt32)
	o.MaxReply = limitOf(o.MaxReply, 256<<20)
	o.work = min(o.MaxObjectBytes, unlimited/4) * 4
	return o
}

const unlimited = 1<<62 - 1

func limitOf(field, byDefault int64) int64 {
	switch {
	case field == 0:
		return byDefault
	case field < 0 || field > unlimited:
		return unlimited
	}
	return field
}
