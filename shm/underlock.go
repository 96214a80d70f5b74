package shm

import (
	"context"

	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lock"
)

// underLock runs fn while it holds l, a lock inside the block of ref, and tells it
// whether a former holder died or panicked inside. That is forgotten when fn returns nil.
func underLock(ctx context.Context, ref *family.Ref, l *layout.Lock, fn func(abandoned bool) error) error {
	env, me, place := &ref.Member.Env, ref.Member.As(ctx), ref.Place(l, layout.ObjectLockAt)
	if err := env.Acquire(ctx, &place, me); err != nil {
		return err
	}
	abandoned, returned := lock.Abandoned(l), false
	defer func() {
		if !returned && place.Live() {
			lock.Abandon(l, me) // a panic or Goexit out of fn
		}
		env.Release(&place, me)
	}()
	err := fn(abandoned)
	returned = true
	switch {
	case err != nil:
	case !ref.Live():
		return ErrClosed
	case abandoned:
		lock.Repaired(l, me)
	}
	return err
}

// closeUnderLock closes the object of ref when nobody is inside l: whoever writes in place
// must not find that the memory has become somebody else's.
func closeUnderLock(ref *family.Ref, l *layout.Lock) error {
	env, me, place := &ref.Member.Env, ref.Member.As(context.Background()), ref.Place(l, layout.ObjectLockAt)
	if err := env.Acquire(context.Background(), &place, me); err != nil {
		return err
	}
	return ref.Close(func() { env.Close(l) })
}
