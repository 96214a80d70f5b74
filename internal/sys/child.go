package sys

import "os"

// Resource is something that a process can limit its own use of.
type Resource int

// The resources that SetLimit knows.
const (
	AddressSpace Resource = iota // bytes mapped
	OpenFiles                    // descriptors
	CPUSeconds                   // processor time: SIGXCPU at soft, SIGKILL at hard
	CoreBytes                    // of a core dump
)

// SetLimit limits this process's use of a resource. Programs that it executes
// inherit the limit.
func SetLimit(r Resource, soft, hard uint64) error { return setLimit(r, soft, hard) }

// IsLimited reports whether this process's use of a resource is limited.
func IsLimited(r Resource) bool { return isLimited(r) }

// MappedBytes is how much of its address space this process uses.
func MappedBytes() (uint64, error) { return mappedBytes() }

// EndReading makes the socket f give what has been received already and then
// its end, whoever else still holds the other side open. A read that waits for more
// is woken.
func EndReading(f *os.File) error { return endReading(f) }

// AwaitEnd waits until p, a child of this process, has ended, and keeps no thread busy with
// that as p.Wait does, which returns at once afterwards. After an error, as on an old kernel or
// without a descriptor to spare, p.Wait still has to wait.
func AwaitEnd(p *os.Process) error { return awaitEnd(p) }
