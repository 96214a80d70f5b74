package soak

import (
	"fmt"

	"github.com/multiproc-go/multiproc/internal/family"
)

// audit runs f and looks whether the family's memory is whole then, and has no more blocks than before, but for those that f says may be left.
func audit(f func() (mayBeLeft int, err error)) error {
	member, err := family.Current()
	if err != nil {
		return err
	}
	before, err := member.Arena.Stats(member.ID())
	if err != nil {
		return err
	}
	mayBeLeft, err := f()
	if err != nil {
		return err
	}
	after, err := member.Arena.Stats(member.ID())
	if err != nil {
		return err
	}
	if after.Live > before.Live+uint64(mayBeLeft) {
		return fmt.Errorf("%d blocks are left, there were %d", after.Live, before.Live)
	}
	return member.Arena.Check(member.ID())
}
