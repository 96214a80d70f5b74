// Package handoff carries a value from one process of the family to another:
// arguments to a child, results and errors back, and the handles inside them.
//
// # Usage
//
// [Check] refuses a type when an entry is declared, so that a field that
// cannot travel is an error of the program and not of some later run.
// [Encode] and [Decode] are the two ends of the road. [EncodeError] and
// [WireError] do the same for errors; [Sentinel] makes one that errors.Is still
// recognizes on the other side. [WriteFrame] and [ReadFrame] are the envelope on
// the stream between a parent and its child, [SendFiles] and [RecvFiles] pass
// descriptors between two frames; a [Descriptor] is one on its way. The package mark below this one decides
// whether a process is such a child at all.
//
// # What travels
//
// The encoding is CBOR (RFC 8949). The rule is: what arrives is equal to what
// was sent, or there is an error that names the path to what would have been
// lost. So nil and empty slices and maps stay distinct, strings may hold
// any bytes, integers their full range, floats their sign of zero and (float64)
// their NaN payload, times their nanoseconds and their zone offset.
//
// Refused by Check: unexported fields of types that have no encoding of their own,
// functions, channels, interfaces, complex numbers, uintptr and unsafe.Pointer,
// pointers to pointers, slices or maps (the inner nil would become the
// outer one), pointers and times in map keys, fields that a json:"-" or a
// clash of names would drop, omitempty where it makes nil of empty, an encoding
// method promoted from one embedded field that would stand for the whole
// struct, and a handle that is not behind a pointer. A field that is meant to stay behind
// is tagged cbor:"-", and then even an unexported one is accepted.
//
// Refused by Encode, for only the value tells: cycles, nesting beyond
// [MaxDepth], a time that RFC 3339 cannot express, a pointer to the zero time, a
// negative zero under omitempty or omitzero.
//
// A [Carrier], a pointer to a File, is encoded as an index into [Payload].Files, which
// has a duplicate of its descriptor; each File in the value has one of its own. The
// encoding of a File by itself is an error, for it would be a number without a meaning. A [Mover] is a carrier that leaves: it is out of use from
// Encode on, and [Payload.Settle] says whether it has gone.
//
// Not kept, as with every copy: that two pointers were equal, capacity beyond length,
// a time's monotonic clock reading and its zone's name. A signalling float32 NaN
// becomes a quiet one. A type with an encoding of its own
// (cbor.Marshaler, encoding.BinaryMarshaler or encoding.TextMarshaler, in this
// order, each with its inverse) keeps what that encoding keeps.
//
// # Concurrency
//
// All functions may be called at the same time. Encode reads the value without
// a lock: it must not change meanwhile. A type whose encoding method has a
// pointer receiver is copied by the CBOR library before the call, so a handle
// should be a small struct whose changing state is behind a pointer.
//
// # Crash behaviour
//
// An Encode that fails leaves no descriptor open, and neither does a Decode. Bytes that
// do not refer to each descriptor that came with them, once, end in a [*DecodeError].
//
// Truncated bytes, and bytes that cannot be a value of the type, end in a
// [*DecodeError] or a [*FrameError], or in io.ErrUnexpectedEOF, never in a panic, and the
// target is left zero. A length is believed only when as many bytes are there, so that
// an element, even a large struct, costs the sender at least one byte. The
// decoder is strict about unknown and doubled names and about trailing bytes; a
// missing field, a null for a number and a list of another length than the
// array's it accepts: parent and child run one program and do not write these.
//
// # Limits
//
// 2^31-1 elements in one slice or map, MaxDepth levels of nesting. A pointer reached
// by several ways is encoded once for each way.
//
// # Testing
//
// The tests hold a table of refusals, a round trip of random values with a
// printed seed, hostile bytes and a fuzz target.
package handoff
