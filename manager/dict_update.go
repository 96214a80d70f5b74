package manager

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/multiproc-go/multiproc/pickle"
)

// Our servers' methods for steps that depend on what is there. No object in Python can have one of these names.
const (
	methodSwap = "#cas" // (where, old, new): true if it was old
	methodAdd  = "#add" // (key, value), of a dict: true if the key was not there
)

// CompareAndSwap sets the value of a key to new if it is old, in one step, and reports whether it did.
// Values are compared as Python does, and proxies by what they name. A key that is not there is not swapped;
// see [Dict.SetDefault] for that. CPython's servers cannot do it: [ErrUnsupported].
func (d *Dict[K, V]) CompareAndSwap(ctx context.Context, key K, old, new V) (swapped bool, err error) {
	k, err := graphOf(key)
	if err != nil {
		return false, d.failed(methodSwap, false, err)
	}
	return swapOne(ctx, &d.base, old, new, k)
}

// Update sets the value of a key to what fn makes of it, and returns that. If another has changed the value
// meanwhile, fn runs again, with the new one: it has to be without side effects. ok tells whether the key is there. An
// error of fn ends the Update, and nothing has changed.
//
// It is atomic against everybody, Python's clients included, and costs two calls if nobody
// interferes. CPython's servers cannot do it: [ErrUnsupported].
func (d *Dict[K, V]) Update(ctx context.Context, key K, fn func(old V, ok bool) (V, error)) (V, error) {
	var zero V
	k, err := graphOf(key)
	if err != nil {
		return zero, d.failed(methodSwap, false, err)
	}
	if err := d.swaps(ctx); err != nil {
		return zero, err
	}
	var tries attempts
	for {
		raw, err := d.call(ctx, "__getitem__", k)
		missing := errors.Is(err, ErrKey)
		if err != nil && !missing {
			return zero, err
		}
		old := zero
		if !missing {
			if old, err = result[V](&d.base, "__getitem__", raw, nil); err != nil {
				return zero, err
			}
		}
		value, err := fn(old, !missing)
		if err != nil {
			return zero, err
		}
		after, err := graphOf(value)
		if err != nil {
			return zero, d.failed(methodSwap, false, err)
		}
		var done bool
		if missing {
			v, err := d.call(ctx, methodAdd, k, after)
			done, err = result[bool](&d.base, methodAdd, v, err)
			if err != nil {
				return zero, err
			}
		} else if done, err = d.swapped(ctx, raw, after, k); err != nil {
			return zero, err
		}
		if done {
			return value, nil
		}
		if missing {
			continue
		}
		if err := tries.failed(raw); err != nil {
			return zero, d.failed(methodSwap, false, err)
		}
	}
}

// swapped swaps a value that was read.
func (b *base) swapped(ctx context.Context, before, after any, where ...any) (bool, error) {
	v, err := b.call(ctx, methodSwap, append(append(make([]any, 0, 3), where...), before, after)...)
	return result[bool](b, methodSwap, v, err)
}

// attempts notices an Update that will never succeed: of a value that is not equal to itself, as a nan is not.
type attempts struct {
	last  []byte // what was read, as a pickle
	count int
}

// maxAttempts is how often the same value may have been another when it came to swapping it. Others who change it
// and change it back make that happen, each time with some luck.
const maxAttempts = 64

var errUnequal = errors.New("the value is not equal to itself, as a nan is not: it cannot be updated in one step")

func (a *attempts) failed(read any) error {
	data, err := pickle.Append(nil, read, pickle.DefaultProtocol)
	if err != nil || !bytes.Equal(data, a.last) {
		a.last, a.count = data, 0
	}
	if a.count++; a.count > maxAttempts {
		return errUnequal
	}
	return nil
}

// swaps returns an error if the server knows no compare-and-swap.
func (b *base) swaps(ctx context.Context) error {
	s, err := b.session()
	if err != nil {
		return err
	}
	if err := s.open(ctx); err != nil {
		return err
	}
	if !s.kind().ours {
		return b.failed("compare-and-swap", false, fmt.Errorf("%w: it changes nothing in one step that depends on what was there", ErrUnsupported))
	}
	return nil
}

// swapOne is compare-and-swap of what some leading arguments name.
func swapOne[T any](ctx context.Context, b *base, old, new T, where ...any) (bool, error) {
	before, err := graphOf(old)
	if err != nil {
		return false, b.failed(methodSwap, false, err)
	}
	after, err := graphOf(new)
	if err != nil {
		return false, b.failed(methodSwap, false, err)
	}
	if err := b.swaps(ctx); err != nil {
		return false, err
	}
	v, err := b.call(ctx, methodSwap, append(where, before, after)...)
	return result[bool](b, methodSwap, v, err)
}

// updateOne is Update of what get returns and some leading arguments of compare-and-swap name.
func updateOne[T any](ctx context.Context, b *base, get func() (any, error), fn func(T) (T, error), where ...any) (T, error) {
	var zero T
	if err := b.swaps(ctx); err != nil {
		return zero, err
	}
	var tries attempts
	for {
		raw, err := get()
		old, err := result[T](b, methodSwap, raw, err)
		if err != nil {
			return zero, err
		}
		value, err := fn(old)
		if err != nil {
			return zero, err
		}
		after, err := graphOf(value)
		if err != nil {
			return zero, b.failed(methodSwap, false, err)
		}
		done, err := b.swapped(ctx, raw, after, where...)
		if err != nil {
			return zero, err
		}
		if done {
			return value, nil
		}
		if err := tries.failed(raw); err != nil {
			return zero, b.failed(methodSwap, false, err)
		}
	}
}
