// Package pickle reads and writes Python's object serialization, protocols 0 to 5, without Python, and without ever
// running what a pickle says.
//
// # Usage
//
// There are two levels. [Marshal] and [Unmarshal] convert Go values in the manner of encoding/json, with struct tags
// `pickle:"name,omitempty"`; [NewEncoder] and [NewDecoder] do so with streams. Beneath is the graph: a value as Python has
// it, with its identities, which [Decode] returns and [Append] takes. [FromGo] and [ToGo] lead from one level to the other.
//
//	Python                     in a graph
//	None, bool                 nil, bool
//	int                        int64, or *big.Int if it does not fit
//	float, complex             float64, complex128
//	str                        string: UTF-8, with lone surrogates in their three bytes, as "surrogatepass" has them
//	bytes, bytearray           Bytes, *ByteArray
//	tuple, list                *Tuple, *List
//	dict                       *Dict, in order of insertion
//	set, frozenset             *Set
//	slice, range               *Slice, *Range
//	a class or function        *Global, by name
//	any other object           *Object: the recipe to make it, exceptions included; see NewException
//
// What was one object in Python is one in the graph, and so when it is written again: pointers by their value, a string or
// Bytes by where its bytes are, a float or complex by the box in its any. What was in itself is so again.
//
// [Equal], [Less], [Hash], [Truth], [Repr] and [TypeName] are Python's. A [Dict] and a [Set] compare their keys as Python
// does: 1, 1.0 and True are one key; "a" and b"a" are two.
//
// # Concurrency
//
// Functions may be called at any time. Any number of goroutines may read one graph while nobody changes it, and encode it.
// A [Decoder] or [Encoder] serves one goroutine at a time; it is worth keeping, as it reuses its memory.
//
// # Limits
//
// [Limits] bound what a message may have and cost: its length, the number of objects, how deep they are nested, the memory
// that they take, the work of hashing keys, digits of decimal ints, and the length of what is encoded. The defaults are for
// a server. Decoding and encoding do not recurse. Comparing, hashing, printing and unmarshaling follow a value 1000 levels
// deep, as Python does, and then return a [DepthError]; so they do if it is in itself. Their time is about proportional to
// the size of the values, even where a walk through all ways would be exponential, as in a tuple of a tuple twice of a tuple
// twice; a repr, which has to be so long, ends at its own limit. Keys that are Objects and differ only far inside have one
// hash: to look for one among more than some thousand others ends with a [LimitError].
//
// The strings of a message up to 1 KiB share one copy of it; in a larger one, strings up to 128 bytes share blocks of
// 1 KiB. A string that is kept may so keep some KiB alive.
//
// # Security
//
// Data from anybody may be decoded: nothing is imported, called or looked up, whatever it says. Bad data is an error, with
// the opcode and its place. Hashes are seeded for each process. What a pickle does to whoever loads it in Python is another
// matter: an [Object] that came from an enemy and is sent on runs there. Look at [Object.Class] first.
//
// # Differences from Python
//
//   - Classes are unknown. Two Objects are equal if their recipes are, which is what Python says of dataclasses, enums, named
//     tuples, dates and the like, and not of a class without __eq__. As keys, two Objects of one message stay two, as
//     they were in Python.
//   - A subclass of int, of dict, …, is an Object, and not equal to an int or dict.
//   - Sets keep their order. Slices are hashable, as from Python 3.12.
//   - Extension codes and persistent ids are Objects. Buffers outside of the pickle are refused. A str of Python 2 has to be
//     ASCII, as it is in Python unless told otherwise.
//   - The repr of an Object is <module.Class object>, or that of an exception if its class has the name of one. Python's
//     version of Unicode may print some characters that Go's escapes, and the other way round.
//   - In protocols 0 to 2 classes have names of Python 2, some of which stand for several of Python 3, as they do in Python.
//
// Encoding what was decoded gives the same bytes that CPython's _pickle gave, in all protocols from 2, but for what a graph
// does not know: the arguments of an object that is in its own arguments, as these were at the first try; and in protocols 2
// and 3 how Python 3.13 names a class in a class, and which strs of one character were two objects in Python 3.11 and 3.12.
package pickle
