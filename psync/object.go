package psync

import (
	"context"

	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/lease"
	"github.com/multiproc-go/multiproc/internal/lock"
)

// object is what the handles have in common.
type object struct {
	ref family.Ref
	env *lock.Env
	me  lease.ID // 0 in goroutine mode: whoever ctx says
}

func (o *object) bind(ref family.Ref) {
	o.ref = ref
	o.env = &ref.Member.Env
	o.me = 0
	if ref.Member.Mode() == family.Processes {
		o.me = ref.ID()
	}
}

// bindMember makes o the handle of another member of this process.
func (o *object) bindMember(m *family.Member) {
	ref := o.ref
	ref.Bind(m)
	o.bind(ref)
}

// as is the id under which ctx's code uses the object; ErrClosed where there is no object.
func (o *object) as(ctx context.Context) (lease.ID, error) {
	if !o.ref.Live() { // the zero handle belongs to nobody
		return 0, ErrClosed
	}
	if o.me != 0 {
		return o.me, nil
	}
	return o.ref.Member.As(ctx), nil
}

// self is as for calls without a context.
func (o *object) self() (lease.ID, error) { return o.as(context.Background()) }

// outlived reports whether me counts as dead, which happens to a goroutine that outlives its
// entry in goroutine mode.
func (o *object) outlived(me lease.ID) bool {
	return o.me == 0 && o.env.Table.State(me) != lease.Alive
}

// encode is the form in which a handle travels; closing is whether its object was closed and not freed yet.
func (o *object) encode(how func([]byte, family.Shape) ([]byte, error), s family.Shape, closing bool) ([]byte, error) {
	if o.ref.Live() && closing {
		return nil, &HandleError{Kind: s.Name(), Err: ErrClosed}
	}
	return how(nil, s)
}

// decode makes a handle of its form.
func decode(how func([]byte, family.Shape) (family.Ref, error), b []byte, s family.Shape, set func(family.Ref)) error {
	ref, err := how(b, s)
	if err != nil {
		return err
	}
	set(ref)
	return nil
}
