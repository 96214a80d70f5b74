// Package multiproctest fails the tests of a package that leave something behind.
//
// # Usage
//
//	func TestMain(m *testing.M) { multiproctest.Main(m) }
//
// This also is what lets a test binary start children: [Main] calls multiproc.Init.
// A program with a multiproc.Config calls that one's Init before it.
//
// # What is looked for
//
// After the last test, and if all have passed, there must be no more of these than
// before the first:
//
//   - goroutines;
//   - values, arrays, locks, queues and all else in shared memory that was not closed, told with the stack
//     that made it;
//   - members of the family: processes, or goroutines that stand for one, of any depth;
//   - on Linux, children, descriptors, shared mappings and names in /dev/shm.
//
// The bookkeeping of the family's memory must also be in order. What ends by itself a
// little after a test has returned is given ten seconds to do so.
//
// # Limits
//
// Only what this process made is known as not closed. What the package under test keeps
// for the life of the process (a connection pool, say) is a leak here, unless
// it is made before Main.
package multiproctest
