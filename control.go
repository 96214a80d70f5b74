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

// send sends a frame and, after it, the payload's descriptors, which stay the caller's.
func (c *control) send(kind byte, p handoff.Payload) error {
	if err := handoff.WriteFrame(c.file, kind, p.Data, len(p.Files)); err != nil {
		return err
	}
	return handoff.SendFiles(c.file, p.Files)
}

// receive waits for the next frame and the descriptors that it announces. If it is they
// that are lost, there is a kind as well as an error.
func (c *control) receive() (kind byte, p handoff.Payload, err error) {
	// Both ends are one program in one trust domain: memory is the only limit.
	var files int
	kind, p.Data, files, err = handoff.ReadFrame(c.file, math.MaxInt64)
	if err != nil {
		return 0, p, err
	}
	p.Files, err = handoff.RecvFiles(c.file, files)
	return kind, p, err
}
