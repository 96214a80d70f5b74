package rwlock

import (
	"iter"

	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lease"
)

// Writer is who writes, false if nobody does. One that still waits for readers does not.
func (l *Lock) Writer() (lease.ID, bool) {
	g := l.X.Gate.Load()
	id := lease.ID(g & layout.GateOwner)
	return id, id != 0 && g&layout.GateDraining == 0 && l.Place.Live()
}

// Readers is who reads, each process once, and how often it does.
func (l *Lock) Readers() iter.Seq2[lease.ID, int] {
	return l.Holds.Parts(count)
}
