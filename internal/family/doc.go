// Package family is this process's membership in its family: the arena, the
// process table, the warden and the allocator, opened once and kept until the
// process ends.
//
// A [Member] is a process of the family, or in goroutine mode a goroutine that
// stands for one. A [Ref] names a block of the arena; every handle has one.
package family
