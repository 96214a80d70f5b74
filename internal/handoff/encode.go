package handoff

import (
	"bytes"
	"errors"
	"io"
	"math"
	"os"
	"reflect"

	"github.com/fxamacker/cbor/v2"

	"github.com/multiproc-go/multiproc/internal/family"
)

// A Payload is an encoded value, ready for the way to another process.
type Payload struct {
	Data []byte
	// Files are the descriptors that the value refers to; they travel beside
	// the data, by SendFiles. No type makes use of them yet.
	Files []*os.File
}

// Encode encodes v, whose type must pass Check. The error is a *TypeError, or a
// *ValueError when it is this value that cannot travel.
func Encode(v any) (Payload, error) {
	n, err := analyze(reflect.TypeOf(v))
	if err != nil {
		return Payload{}, err
	}
	if err := inspect(reflect.ValueOf(v), n); err != nil {
		return Payload{}, err
	}
	var buf bytes.Buffer
	if err := encMode.MarshalToBuffer(v, &buf); err != nil {
		return Payload{}, &ValueError{Type: n.typ, Path: rootName(n.typ), Err: err}
	}
	return Payload{Data: buf.Bytes()}, nil
}

// Decode decodes p into the value that the pointer into points to; what was there
// before is forgotten. In goroutine mode every handle in it is then bound to m. In other
// modes, and when m is nil, handles find their member themselves.
//
// The error is a *TypeError, or a *DecodeError for bytes that are not one
// encoded value of that type and nothing more; the target is zero then. A pointer
// that is nil, or no pointer, panics.
func Decode(p Payload, into any, m *family.Member) error {
	return decode(p, into, m, m != nil && m.Mode() == family.Goroutines)
}

func decode(p Payload, into any, m *family.Member, bind bool) error {
	target := reflect.ValueOf(into)
	if target.Kind() != reflect.Pointer || target.IsNil() {
		panic("handoff: Decode needs a non-nil pointer")
	}
	target = target.Elem()
	n, err := analyze(target.Type())
	if err != nil {
		return err
	}
	// The encodings of the zero time and of nil leave a target as it was.
	target.SetZero()
	if err := decMode.Unmarshal(p.Data, into); err != nil {
		target.SetZero()
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return &DecodeError{Type: target.Type(), Err: err}
	}
	if bind {
		bindAll(target, n, m)
	}
	return nil
}

var encMode, decMode = modes()

func modes() (cbor.UserBufferEncMode, cbor.DecMode) {
	enc, err := cbor.EncOptions{
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
	dec, err := cbor.DecOptions{
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
	return enc, dec
}
