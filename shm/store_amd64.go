//go:build !race

package shm

// store32 and store64 are atomic stores that release and do not fence, as every store to an aligned word is on
// this architecture. Those of sync/atomic cost as much as a compare-and-swap, for an order that Store
// does not promise.

func store32(p *uint32, v uint32) { *p = v }

func store64(p *uint64, v uint64) { *p = v }
