package queue

import (
	"hash/fnv"
	"reflect"

	"github.com/multiproc-go/multiproc/internal/handoff"
	"github.com/multiproc-go/multiproc/internal/plain"
	"github.com/multiproc-go/multiproc/internal/ring"
)

// form is how items of a type lie in a queue.
type form uint8

const (
	slots form = iota // as they are, in slots of their size
	plane             // as they are, and larger than a slot
	bytes             // a []byte
	text              // a string
	coded             // as CBOR
)

// element is what is known of an item type.
type element struct {
	form  form
	size  int    // ring.Varying, or of a slot
	sig   uint32 // of the type; never 0
	codec *handoff.Codec
}

func elementOf[T any]() (element, error) {
	t := reflect.TypeFor[T]()
	sig, _, reason := plain.Signature(t)
	switch {
	case reason == "" && t.Size() <= ring.MaxSlot && t.Align() <= 8:
		return element{form: slots, size: int(t.Size()), sig: sig}, nil
	case reason == "":
		return element{form: plane, size: ring.Varying, sig: sig}, nil
	}
	e := element{form: coded, size: ring.Varying}
	h := fnv.New32a()
	h.Write([]byte(t.PkgPath() + " " + t.String()))
	e.sig = max(h.Sum32(), 1)
	switch t {
	case reflect.TypeFor[[]byte]():
		e.form = bytes
	case reflect.TypeFor[string]():
		e.form = text
	default:
		var err error
		e.codec, err = handoff.NewCodec(t)
		if err != nil {
			return e, err
		}
	}
	return e, nil
}
