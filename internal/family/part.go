package family

// An object can own further blocks. The offset of each lies in a word of the object's own block, at a distance into
// its payload, and the allocator changes that word in one with the block's state.

// AllocPart allocates a block of zeros for the word at.
func (r *Ref) AllocPart(n uint64, kind uint32, at uint64) (off uint64, err error) {
	return r.Member.Arena.AllocInto(n, kind, r.Member.steward(), r.payloadAt(at))
}

// FreePart frees the block at off, which the word at names.
func (r *Ref) FreePart(off, at uint64) error {
	return r.Member.Arena.FreeFrom(off, r.Member.steward(), r.payloadAt(at))
}

// SettleParts completes what a process has died of while it did one of these.
func (r *Ref) SettleParts() error { return r.Member.Arena.Settle(r.Member.steward()) }
