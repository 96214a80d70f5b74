package multiproc

import (
	"math"
	"os"
	"sync"

	"github.com/multiproc-go/multiproc/internal/handoff"
)

// control is one end of the socket between a parent and its child.
type control struct {
	file    *os.File
	sending sync.Mutex // held while a frame, or frames that belong together, are sent
}

// send sends a frame and, after it, the payload's descriptors: the receiver knows by
// the frame's kind how many there are.
func (c *control) send(kind byte, p handoff.Payload) error {
	if err := handoff.WriteFrame(c.file, kind, p.Data); err != nil {
		return err
	}
	return handoff.SendFiles(c.file, p.Files)
}

// receive waits for the next frame.
func (c *control) receive() (kind byte, p handoff.Payload, err error) {
	// Both ends are one program in one trust domain: memory is the only limit.
	kind, p.Data, err = handoff.ReadFrame(c.file, math.MaxInt64)
	if err == nil && kind == kindStart {
		p.Files, err = handoff.RecvFiles(c.file, 1)
	}
	return kind, p, err
}
