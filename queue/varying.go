package queue

import (
	"context"
	"errors"

	"github.com/multiproc-go/multiproc/internal/lease"
	"github.com/multiproc-go/multiproc/internal/ring"
)

// What is done here to items that do not lie in slots happens in functions of their own where an item's address is
// passed on: it would be on the heap in the others too.

func (q *Queue[T]) putVarying(ctx context.Context, me lease.ID, v T, block bool) error {
	switch q.e.form {
	case coded:
		return q.putCoded(ctx, me, v, block)
	case plane:
		return q.putBytes(ctx, me, bytesOf(&v), false, block)
	case text:
		return q.putBytes(ctx, me, textBytes(&v), false, block)
	}
	b := *asBytes(&v)
	return q.putBytes(ctx, me, b, b == nil, block)
}

func (q *Queue[T]) putCoded(ctx context.Context, me lease.ID, v T, block bool) error {
	return q.e.codec.Encode(&v, func(b []byte) error { return q.putBytes(ctx, me, b, false, block) })
}

func (q *Queue[T]) putBytes(ctx context.Context, me lease.ID, b []byte, isNil, block bool) error {
	err := q.r.PutBytes(ctx, me, b, isNil, block)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ring.ErrTooLarge):
		return &SizeError{int64(len(b)), q.r.Budget()}
	}
	return fail("Put", err)
}

func (q *Queue[T]) getVarying(ctx context.Context, me lease.ID, block bool) (v T, err error) {
	if block && (q.e.form == bytes || q.e.form == text) {
		return q.getOwn(ctx, me)
	}
	scratch := scratches.Get().(*[]byte)
	b, isNil, err := q.r.GetBytes(ctx, me, (*scratch)[:0], block)
	if err == nil {
		v, err = q.decode(b, isNil)
	} else {
		err = fail("Get", err)
	}
	if cap(b) <= maxScratch {
		*scratch = b
		scratches.Put(scratch)
	}
	return v, err
}

// getOwn takes bytes or a text into memory of its own at once. How much is needed is not known before the queue is locked, and
// nothing is allocated then; so it is what the last one needed. An item of another size is copied once more.
func (q *Queue[T]) getOwn(ctx context.Context, me lease.ID) (v T, err error) {
	b, isNil, err := q.r.GetBytes(ctx, me, q.r.Room(), true)
	switch {
	case err != nil:
		return v, fail("Get", err)
	case isNil:
		return v, nil
	case cap(b)-len(b) > len(b)/8+64: // too much to be kept as long as the item is
		return q.decode(b, false)
	case q.e.form == text:
		*asText(&v) = ownText(b)
	default:
		*asBytes(&v) = b[:len(b):len(b)]
	}
	return v, nil
}

// decode makes an item of its bytes, which it copies.
func (q *Queue[T]) decode(b []byte, isNil bool) (v T, err error) {
	switch q.e.form {
	case slots, plane:
		if want := bytesOf(&v); copy(want, b) != len(want) || len(b) != len(want) {
			return *new(T), ErrCorrupt
		}
	case text:
		*asText(&v) = string(b)
	case bytes:
		if !isNil {
			own := make([]byte, len(b))
			copy(own, b)
			*asBytes(&v) = own
		}
	case coded:
		return q.decodeCoded(b)
	}
	return v, nil
}

func (q *Queue[T]) decodeCoded(b []byte) (v T, err error) {
	err = q.e.codec.Decode(b, &v, q.r.Member())
	return v, err
}
