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
	env, me, place := &ref.Member.Env, ref.Member.As(ctx), ref.Place(l, layout.ObjectLockAt)
	if err := env.Acquire(ctx, &place, me); err != nil {
		return err
	}
	defer env.Release(&place, me)
	abandoned := lock.Abandoned(l)
	err := fn(abandoned)
	switch {
	case err != nil:
	case !ref.Live():
		return ErrClosed
	case abandoned:
		lock.Repaired(l, me)
	}
	return err
}
