// Package layout holds every structure that lies in shared memory, and nothing
// else: no behaviour, no Go pointer, no field whose size or place depends on the
// machine.
//
// An arena looks like this. Every offset is derived from the one before it.
//
//	0            Header    magic, version, signature; the death epoch; the allocator's state
//	LeasesAt     [Slots]Lease   one word for each process slot, dense so that a scan is cheap
//	SlotsAt      [Slots]Slot    the process table's rows
//	BlocksAt     Block, payload, Block, payload, …
//
// Offsets count from the start of the arena; 0 is nil. Processes of different
// builds may meet in one arena, so each checks [Signature] when it opens one.
package layout
