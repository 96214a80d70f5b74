package handoff

import (
	"fmt"
	"io"
	"os"
	"reflect"
)

// An encoding method is not told what it is part of. So a value is not encoded as it is:
// Encode makes a copy of it in which each File is replaced by one that encodes as
// an index, and whoever encodes the original by other means gets an error. Only what
// leads to a File is copied; the rest is shared with the original.

// A loader makes that copy. inspect has found the value to be a tree.
type loader struct {
	path   []step
	files  []*os.File // duplicates, in the order of the walk
	movers []Mover    // those of them that are leaving
}

// load returns the copy of v, and a payload of its files alone. That is the caller's, to send or to keep and
// close, whether there is an error or not.
func load(v reflect.Value, n *node) (reflect.Value, Payload, error) {
	l := loader{path: []step{{name: rootName(n.typ)}}}
	out := reflect.New(v.Type()).Elem()
	err := l.fill(out, v, n)
	p := Payload{Files: l.files, movers: l.movers}
	if err != nil {
		return out, p, err
	}
	return out, p, nil
}

func (l *loader) below(s step, out, v reflect.Value, n *node) *ValueError {
	l.path = append(l.path, s)
	err := l.fill(out, v, n)
	l.path = l.path[:len(l.path)-1]
	return err
}

// fill makes out the copy of v.
func (l *loader) fill(out, v reflect.Value, n *node) *ValueError {
	switch {
	case !n.files:
		out.Set(v)
		return nil
	case n.kind == structNode:
		return l.fields(out, v, n)
	case v.Kind() != reflect.Array && v.IsNil():
		return nil
	case n.carrier:
		return l.add(out, v)
	}
	switch n.kind {
	case pointerNode:
		out.Set(reflect.New(v.Type().Elem()).Convert(v.Type()))
		return l.fill(out.Elem(), v.Elem(), n.elem)
	case sequenceNode:
		if v.Kind() == reflect.Slice {
			out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
		}
		for i := range v.Len() {
			if err := l.below(step{index: i}, out.Index(i), v.Index(i), n.elem); err != nil {
				return err
			}
		}
	case mapNode:
		out.Set(reflect.MakeMapWithSize(v.Type(), v.Len()))
		for entries := v.MapRange(); entries.Next(); {
			elem := reflect.New(v.Type().Elem()).Elem()
			if err := l.below(step{key: entries.Key()}, elem, entries.Value(), n.elem); err != nil {
				return err
			}
			out.SetMapIndex(entries.Key(), elem)
		}
	}
	return nil
}

// fields copies what travels of a struct: the rest may be a mutex, and held.
func (l *loader) fields(out, v reflect.Value, n *node) *ValueError {
	for i := range n.fields {
		f := &n.fields[i]
		to, from, here := out.Field(f.index), v.Field(f.index), step{name: "." + f.name}
		if f.flat && f.node.kind == structNode {
			// Its type may be unexported: its fields can be set, and it cannot.
			l.path = append(l.path, here)
			if err := l.fields(to, from, f.node); err != nil {
				return err
			}
			l.path = l.path[:len(l.path)-1]
			continue
		}
		if err := l.below(here, to, from, f.node); err != nil {
			return err
		}
	}
	return nil
}

// add makes out a File that stands for the one in v.
func (l *loader) add(out, v reflect.Value) *ValueError {
	if len(l.files) == maxFiles {
		return &ValueError{Type: v.Type(), Path: formatPath(l.path), Reason: "too many descriptors"}
	}
	fail := func(err error) *ValueError { return &ValueError{Type: v.Type(), Path: formatPath(l.path), Err: err} }
	out.Set(reflect.New(v.Type().Elem()))
	from, to := v.Interface().(Carrier), out.Interface().(Carrier)
	var luggage []byte
	if m, ok := from.(Mover); ok {
		var err error
		if luggage, err = m.Depart(); err != nil {
			return fail(err)
		}
		l.movers = append(l.movers, m)
	}
	f, err := from.HandOff().send(to.HandOff(), len(l.files), luggage)
	if err != nil {
		return fail(err)
	}
	l.files = append(l.files, f)
	return nil
}

// Arrivals are the Files and connections of a value that was decoded.
type Arrivals []io.Closer

// Close closes the Files that nobody has taken out, and all connections.
func (a Arrivals) Close() {
	for _, c := range a {
		_ = c.Close()
	}
}

// An unloader gives each File of a decoded value the descriptor that it refers to.
type unloader struct {
	path     []step
	files    []*os.File // nil where given away
	arrivals Arrivals
}

// unload gives all files to the Files in v, or closes all. There is one of the former for
// each of the latter: sender and receiver are one program, so that anything else is a
// mistake or an attack.
func unload(v reflect.Value, n *node, files []*os.File) (Arrivals, error) {
	u := unloader{path: []step{{name: rootName(n.typ)}}, files: files}
	err := u.visit(v, n)
	if err == nil && len(u.arrivals) != len(files) {
		err = fmt.Errorf("%d descriptors came with it, and it refers to %d", len(files), len(u.arrivals))
	}
	if err != nil {
		u.arrivals.Close()
		closeFiles(u.files)
		return nil, err
	}
	return u.arrivals, nil
}

func (u *unloader) below(s step, v reflect.Value, n *node) error {
	u.path = append(u.path, s)
	err := u.visit(v, n)
	if err == nil {
		u.path = u.path[:len(u.path)-1]
	}
	return err
}

func (u *unloader) visit(v reflect.Value, n *node) error {
	if !n.files {
		return nil
	}
	switch n.kind {
	case pointerNode:
		if v.IsNil() {
			return nil
		}
		if n.carrier {
			return u.give(v.Interface().(Carrier))
		}
		return u.visit(v.Elem(), n.elem)
	case sequenceNode:
		for i := range v.Len() {
			if err := u.below(step{index: i}, v.Index(i), n.elem); err != nil {
				return err
			}
		}
	case mapNode:
		for entries := v.MapRange(); entries.Next(); {
			if err := u.below(step{key: entries.Key()}, entries.Value(), n.elem); err != nil {
				return err
			}
		}
	case structNode:
		for i := range n.fields {
			f := &n.fields[i]
			if err := u.below(step{name: "." + f.name}, v.Field(f.index), f.node); err != nil {
				return err
			}
		}
	}
	return nil
}

func (u *unloader) give(c Carrier) error {
	d := c.HandOff()
	index, ok := d.route()
	switch {
	case !ok:
		return fmt.Errorf("%s refers to no descriptor", formatPath(u.path))
	case index >= len(u.files):
		return fmt.Errorf("%s refers to descriptor %d of %d", formatPath(u.path), index, len(u.files))
	case u.files[index] == nil:
		return fmt.Errorf("%s refers to descriptor %d, as another File does", formatPath(u.path), index)
	}
	d.arrive(u.files[index])
	u.files[index] = nil
	if m, ok := c.(Mover); ok {
		u.arrivals = append(u.arrivals, m)
	} else {
		u.arrivals = append(u.arrivals, d)
	}
	return nil
}

func closeFiles(files []*os.File) {
	for _, f := range files {
		if f != nil {
			f.Close()
		}
	}
}
