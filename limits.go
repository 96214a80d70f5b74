package multiproc

import (
	"fmt"
	"math"

	"github.com/multiproc-go/multiproc/internal/sys"
)

// apply sets the limits on this process.
func (l Limits) apply() error {
	set := func(name string, r sys.Resource, soft, more uint64) error {
		if err := sys.SetLimit(r, soft, soft+min(more, math.MaxUint64-soft)); err != nil {
			return fmt.Errorf("limit on %s: %w", name, err)
		}
		return nil
	}
	if l.Memory > 0 {
		mapped, err := sys.MappedBytes()
		if err == nil {
			err = set("memory", sys.AddressSpace, mapped+min(l.Memory, math.MaxUint64-mapped), 0)
		}
		if err != nil {
			return err
		}
	}
	if l.OpenFiles > 0 {
		if err := set("open files", sys.OpenFiles, l.OpenFiles, 0); err != nil {
			return err
		}
	}
	if l.CPU > 0 {
		if err := set("processor time", sys.CPUSeconds, l.CPU, 1); err != nil {
			return err
		}
	}
	if l.Core != 0 {
		return set("core size", sys.CoreBytes, uint64(max(l.Core, 0)), 0)
	}
	return nil
}
