package handoff

import (
	"bytes"
	"errors"
	"io"
	"math"
	"os"
	"reflect"
	"sync"

	"github.com/fxamacker/cbor/v2"

	"github.com/multiproc-go/multiproc/internal/family"
)

// A Payload is an encoded value, ready for the way to another process.
type Payload struct {
	Data []byte
	// Files are the descriptors that the value refers to, by index, in the order of
	// the walk. They travel beside the data, by SendFiles. They belong to whoever has
	// the payload: Close closes them, and Decode takes them over.
	Files []*os.File

	movers []Mover // what leaves this process with it
}

// Close closes the descriptors. They may have been closed or taken over before.
func (p Payload) Close() { closeFiles(p.Files) }

// Settle says whether the payload has gone, or will not go: what leaves with it can then not be used here any
// more, or can be again. It is to be called once for what Encode returns without an error.
func (p Payload) Settle(gone bool) {
	for _, m := range p.movers {
		m.Departed(gone)
	}
}

// Encode encodes v, whose type must pass Check. The error is a *TypeError, or a
// *ValueError when it is this value that cannot travel. For each File in v the
// payload has a duplicate of its descriptor.
func Encode(v any) (Payload, error) {
	t := reflect.TypeOf(v)
	if t != nil && isEmpty(t) {
		return Payload{}, nil
	}
	n, err := analyze(t)
	if err != nil {
		return Payload{}, err
	}
	value := reflect.ValueOf(v)
	if err := inspect(value, n); err != nil {
		return Payload{}, err
	}
	var p Payload
	if n.files {
		value, p, err = load(value, n)
		if err != nil {
			p.Close()
			p.Settle(false)
			return Payload{}, err
		}
		v = value.Interface()
	}
	var buf bytes.Buffer
	if err := encMode().MarshalToBuffer(v, &buf); err != nil {
		p.Close()
		p.Settle(false)
		return Payload{}, &ValueError{Type: n.typ, Path: rootName(n.typ), Err: err}
	}
	p.Data = buf.Bytes()
	return p, nil
}

// Decode decodes p into the value that the pointer into points to; what was there
// before is forgotten. In goroutine mode every handle in it is then bound to m. In other
// modes, and when m is nil, handles find their member themselves.
//
// The descriptors of p belong to the Files in the value from then on; these are
// returned too, for those that the value's user leaves open.
//
// The error is a *TypeError, or a *DecodeError for bytes that are not one
// encoded value of that type and nothing more, or that do not go with the descriptors;
// the target is zero then, and the descriptors are closed. A pointer that is nil, or
// no pointer, panics.
func Decode(p Payload, into any, m *family.Member) (Arrivals, error) {
	return decode(p, into, m, m != nil && m.Mode() == family.Goroutines)
}

func decode(p Payload, into any, m *family.Member, bind bool) (Arrivals, error) {
	target := reflect.ValueOf(into)
	if target.Kind() != reflect.Pointer || target.IsNil() {
		panic("handoff: Decode needs a non-nil pointer")
	}
	target = target.Elem()
	if isEmpty(target.Type()) && len(p.Data) == 0 && len(p.Files) == 0 {
		return nil, nil
	}
	n, err := analyze(target.Type())
	if err != nil {
		p.Close()
		return nil, err
	}
	// The encodings of the zero time and of nil leave a target as it was.
	target.SetZero()
	if err := decMode().Unmarshal(p.Data, into); err != nil {
		target.SetZero()
		p.Close()
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, &DecodeError{Type: target.Type(), Err: err}
	}
	arrivals, err := unload(target, n, p.Files)
	if err != nil {
		target.SetZero()
		return nil, &DecodeError{Type: target.Type(), Err: err}
	}
	if bind {
		bindAll(target, n, m)
	}
	return arrivals, nil
}

// The modes are made when they are first used: most of what a program does at its start is
// done again by each child.
var encMode = sync.OnceValue(func() cbor.UserBufferEncMode {
	mode, err := cbor.EncOptions{
		ShortestFloat: cbor.ShortestFloatNone,
		NaNConvert:    cbor.NaNConvertNone,
		InfConvert:    cbor.InfConvertNone,
		Time:          cbor.TimeRFC3339Nano,
		IndefLength:   cbor.IndefLengthForbidden,
		NilContainers: cbor.NilContainerAsNull,
		// The other mode leaves out a struct because its fields are empty.
		OmitEmpty:       cbor.OmitEmptyGoValue,
		BinaryMarshaler: cbor.BinaryMarshalerByteString,
		TextMarshaler:   cbor.TextMarshalerTextString,
	}.UserBufferEncMode()
	if err != nil {
		panic(err)
	}
	return mode
})

var decMode = sync.OnceValue(func() cbor.DecMode {
	mode, err := cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		MaxNestedLevels:   MaxDepth,
		MaxArrayElements:  math.MaxInt32,
		MaxMapPairs:       math.MaxInt32,
		IndefLength:       cbor.IndefLengthForbidden, // to count its items takes time quadratic in the depth
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
		UTF8:              cbor.UTF8DecodeInvalid, // a Go string may hold any bytes
		// A and a are two names.
		FieldNameMatching: cbor.FieldNameMatchingCaseSensitive,
		BinaryUnmarshaler: cbor.BinaryUnmarshalerByteString,
		TextUnmarshaler:   cbor.TextUnmarshalerTextString,
	}.DecMode()
	if err != nil {
		panic(err)
	}
	return mode
})
