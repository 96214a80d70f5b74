package shm

import (
	"context"

	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lock"
)

// underLock runs fn while it holds l, a lock inside the block of ref, and tells it
// whether a former holder died inside. That is forgotten when fn returns nil.
func underLock(ctx context.Context, ref *family.Ref, l *layout.Lock, fn func(abandoned bool) error) error {
	env, me, off := &ref.Member.Env, ref.Member.As(ctx), ref.Off+layout.BlockHeader
	if err := env.Acquire(ctx, l, off, me); err != nil {
		return err
	}
	defer env.Release(l, off, me)
	abandoned := lock.Abandoned(l)
	err := fn(abandoned)
	if abandoned && err == nil {
		lock.Repaired(l, me)
	}
	return err
}
