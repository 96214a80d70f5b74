package queue_test

import (
	"encoding/binary"
	"testing"

	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/layout"
)

// headOf is the head of a queue's memory.
func headOf(t *testing.T, q interface{ MarshalBinary() ([]byte, error) }) *layout.Queue {
	t.Helper()
	b, err := q.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	m, err := family.Current()
	if err != nil {
		t.Fatal(err)
	}
	const offset = 20 // of the block's offset in a handle
	// SAFETY: the handle was just made, of an open queue.
	return (*layout.Queue)(m.Arena.Payload(binary.LittleEndian.Uint64(b[offset:])))
}

// age makes an empty queue, which nobody uses, one through which that many messages and words have gone; see [layout.Queue].
func age(t *testing.T, q interface{ MarshalBinary() ([]byte, error) }, position uint64) {
	t.Helper()
	h := headOf(t, q)
	h.Put.Seen, h.Get.Seen, h.Get.Done = position, position, uint32(position>>32)
	h.Tail.Store(position)
	h.Head.Store(position)
}
