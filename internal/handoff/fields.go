package handoff

import (
	"reflect"
	"strconv"
	"strings"
	"time"
)

// The rules here are those of the CBOR library (its structfields.go): the tag is
// cbor's or else json's, embedded structs without a name in the tag are
// flattened, and of several fields with one name all but one are dropped
// silently. The last is what must never happen, so that any clash is refused and
// the library's order of precedence need not be known.

// A structScan collects the effective fields of one struct type.
type structScan struct {
	c       *checker
	inKey   bool
	toArray bool
	names   map[fieldName]string // path of each effective field
	stack   []reflect.Type       // the structs being flattened
}

// Integer keys and text keys do not clash.
type fieldName struct {
	name  string
	asInt bool
}

func (c *checker) structure(n *node, inKey bool) *TypeError {
	s := structScan{c: c, inKey: inKey, names: map[fieldName]string{}}
	if blank, ok := n.typ.FieldByName("_"); ok {
		_, options, _ := strings.Cut(blank.Tag.Get("cbor"), ",")
		s.toArray = hasOption(options, "toarray")
	}
	_, err := s.scan(n, n.typ)
	return err
}

// scan adds the fields of t to n and returns how many of them are
// written whatever their value.
func (s *structScan) scan(n *node, t reflect.Type) (always int, err *TypeError) {
	s.stack = append(s.stack, t)
	defer func() { s.stack = s.stack[:len(s.stack)-1] }()
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Name == "_" {
			continue
		}
		s.c.path = append(s.c.path, "."+f.Name)
		written, err := s.field(n, f)
		if err != nil {
			return 0, err
		}
		s.c.path = s.c.path[:len(s.c.path)-1]
		always += written
	}
	return always, nil
}

// field adds f to n and returns how many effective fields that are always
// written came with it.
func (s *structScan) field(n *node, f reflect.StructField) (written int, err *TypeError) {
	tag, fromJSON := f.Tag.Get("cbor"), false
	if tag == "" {
		tag, fromJSON = f.Tag.Get("json"), true
	}
	if tag == "-" {
		if fromJSON {
			return 0, s.c.refuse(f.Type, `json:"-" would leave it out: tag it cbor:"-" if that is meant, or cbor:"`+f.Name+`"`)
		}
		return 0, nil
	}
	name, options, _ := strings.Cut(tag, ",")

	structType := f.Type
	if structType.Kind() == reflect.Pointer {
		structType = structType.Elem()
	}
	embedded := f.Anonymous && structType.Kind() == reflect.Struct
	if !f.IsExported() && (!embedded || name != "") {
		return 0, s.c.refuse(f.Type, `the field is unexported and would be lost: export it, give the struct MarshalBinary and UnmarshalBinary, or tag it cbor:"-"`)
	}
	if embedded && name == "" {
		return s.embedded(n, f, structType)
	}

	asInt := hasOption(options, "keyasint")
	if name == "" {
		name = f.Name
	}
	if asInt {
		number, convErr := strconv.Atoi(name)
		if convErr != nil {
			return 0, s.c.refuse(f.Type, "keyasint needs a number for a name")
		}
		name = strconv.Itoa(number) // "01" and "1" are one key
	}
	path := strings.Join(s.c.path, "")
	if other, ok := s.names[fieldName{name, asInt}]; ok {
		return 0, s.c.refuse(f.Type, "it is encoded as "+strconv.Quote(name)+" like "+other+", and one of the two would be lost")
	}
	s.names[fieldName{name, asInt}] = path

	node, err := s.c.visit(f.Type, s.inKey)
	if err != nil {
		return 0, err
	}
	field := fieldNode{index: f.Index[0], name: f.Name, node: node}
	empty, zero := hasOption(options, "omitempty"), hasOption(options, "omitzero")
	if s.toArray {
		empty, zero = false, false // an array has no holes
	}
	if reason := lossyOmit(f.Type, empty, zero); reason != "" {
		return 0, s.c.refuse(f.Type, reason)
	}
	if (empty || zero) && hasFloat(f.Type) {
		field.zeroes, n.checks = true, true
	}
	n.fields = append(n.fields, field)
	if empty || zero {
		return 0, nil
	}
	return 1, nil
}

// embedded adds the fields of the embedded struct type t as n's own.
func (s *structScan) embedded(n *node, f reflect.StructField, t reflect.Type) (written int, err *TypeError) {
	c, pointer := s.c, f.Type.Kind() == reflect.Pointer
	if form, _ := ownForm(t); form != "" || t == bigIntType {
		return 0, c.refuse(f.Type, "embedding bypasses the type's own encoding: name the field, or tag it cbor:"+strconv.Quote(f.Name))
	}
	if pointer {
		switch {
		case !f.IsExported():
			return 0, c.refuse(f.Type, "the receiver cannot set an embedded pointer to an unexported type: embed the struct itself")
		case s.inKey:
			return 0, c.refuse(f.Type, "a pointer is a different one in every process: a map key cannot hold it")
		case s.toArray:
			return 0, c.refuse(f.Type, "toarray loses that an embedded pointer is nil: name the field")
		}
	}
	for _, outer := range s.stack {
		if outer == t {
			return 0, c.refuse(f.Type, "a struct that embeds itself loses the inner fields: name the field")
		}
	}
	inner := c.newNode(t, structNode)
	written, err = s.scan(inner, t)
	if err != nil {
		return 0, err
	}
	child := inner
	if pointer {
		// The receiver makes the struct when it meets one of its fields.
		if written == 0 {
			return 0, c.refuse(f.Type, "an embedded pointer to a struct that may encode to nothing cannot be told from nil: name the field")
		}
		child = c.newNode(f.Type, pointerNode)
		child.elem = inner
		written = 0
	}
	n.fields = append(n.fields, fieldNode{index: f.Index[0], name: f.Name, node: child, flat: true})
	return written, nil
}

func hasOption(options, want string) bool {
	for option := range strings.SplitSeq(options, ",") {
		if option == want {
			return true
		}
	}
	return false
}

var zeroerType = reflect.TypeFor[interface{ IsZero() bool }]()

// lossyOmit says what leaving out a field of type t loses, or "".
func lossyOmit(t reflect.Type, empty, zero bool) string {
	form, _ := ownForm(t)
	switch {
	case empty && (form == "MarshalBinary" || form == "MarshalText"):
		return "omitempty takes an empty encoding for the zero value: use omitzero"
	case empty && form == "" && (t.Kind() == reflect.Slice || t.Kind() == reflect.Map):
		return "omitempty makes nil of an empty one: use omitzero, or set the cbor tag to override the json tag"
	}
	if zero && t != timeType && t != reflect.TypeFor[*time.Time]() &&
		(t.Implements(zeroerType) || reflect.PointerTo(t).Implements(zeroerType)) {
		return "omitzero trusts the type's IsZero, which may hold for other values than zero"
	}
	return ""
}

// hasFloat reports whether a value of type t holds a float itself, not behind
// a pointer, so that it can equal zero and yet be a negative zero.
func hasFloat(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Float32, reflect.Float64:
		return true
	case reflect.Array:
		return hasFloat(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if hasFloat(t.Field(i).Type) {
				return true
			}
		}
	}
	return false
}
