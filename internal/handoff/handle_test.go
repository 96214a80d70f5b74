package handoff

import (
	"errors"
	"sync"

	"github.com/multiproc-go/multiproc/internal/family"
)

// handle is a Binder such as psync.Mutex is one.
type handle struct {
	id    byte
	binds int
	bound *family.Member
	mu    sync.Mutex // what a handle keeps for itself does not matter
}

var _ = &(&handle{}).mu

func (h *handle) BindMember(m *family.Member)    { h.binds++; h.bound = m }
func (h *handle) MarshalBinary() ([]byte, error) { return []byte{'h', h.id}, nil }
func (h *handle) UnmarshalBinary(b []byte) error {
	if len(b) != 2 || b[0] != 'h' {
		return errBadHandle
	}
	h.id = b[1]
	return nil
}

var errBadHandle = errors.New("not a handle")

// bareHandle lacks an encoding.
type bareHandle struct{ X int }

func (*bareHandle) BindMember(*family.Member) {}

// freed is a handle that refuses to be encoded.
type freed struct{}

func (*freed) BindMember(*family.Member)      {}
func (*freed) MarshalBinary() ([]byte, error) { return nil, errFreed }
func (*freed) UnmarshalBinary([]byte) error   { return nil }

var errFreed = errors.New("the block was freed")
