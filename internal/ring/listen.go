package ring

import (
	"context"

	"github.com/multiproc-go/multiproc/internal/lease"
)

// Await waits until there is a message and takes nothing. The errors are those of BeginGet. It is for rings whose messages nobody holds.
func (r *Ring) Await(ctx context.Context, me lease.ID) error {
	_, _, held, err := r.BeginGet(ctx, me, true)
	switch {
	case err != nil:
		return err
	case held != nil:
		return held.Nack()
	}
	r.unlock(&r.get, me)
	return nil
}

// Hush says that the caller looks for messages by himself: those who sleep are not woken for one, which costs the producer a system call and them a way
// through the kernel for nothing. Whoever goes to sleep in the meantime ends that; nothing but time is lost. A caller that
// dies before [Ring.Unhush] leaves his own process's sleepers to their last resort: it is for rings of which one process only gets.
func (r *Ring) Hush(me lease.ID) error {
	if err := r.lock(context.Background(), &r.get, me); err != nil {
		return err
	}
	bell := &r.q.GetBell
	w := bell.Load()
	bell.CompareAndSwap(w, w&^bellSleeps) // a producer that rings it just now wakes somebody
	r.unlock(&r.get, me)
	return nil
}

// Unhush ends that. A message that is there is another's to take.
func (r *Ring) Unhush(me lease.ID) error {
	if err := r.lock(context.Background(), &r.get, me); err != nil {
		return err
	}
	mark(&r.q.GetBell) // before the look: a message that comes after that wakes somebody
	n := r.Len()
	r.unlock(&r.get, me)
	if n > 0 {
		r.env.Hub.Wake(&r.q.GetBell, n)
	}
	return nil
}
