package pickle

import (
	"encoding/binary"
	"unicode/utf8"
)

const (
	objectSize = 240  // an Object's memory, about
	longName   = 4096 // no class has a longer name; to look one up takes time, again and again
)

// name makes a Global, with the names of Python 3.
func (m *machine) name(module, name string) (*Global, error) {
	if module == "" || name == "" || len(module) > longName || len(name) > longName {
		return nil, syntaxError("a global has no proper name")
	}
	if m.proto < 3 {
		module, name = toPython3(module, name)
	}
	return &Global{module, name}, nil
}

// names reads the two lines of GLOBAL and INST.
func (m *machine) names() (*Global, error) {
	var names [2]string
	for i := range names {
		b, err := m.line()
		if err != nil {
			return nil, err
		}
		if !utf8.Valid(b) {
			return nil, syntaxError("a global has no proper name")
		}
		names[i] = string(b)
		m.memory -= int64(len(b)) + 32
	}
	// Classes of one module have one str for its name.
	module, ok := m.modules[names[0]]
	if !ok {
		if m.modules == nil {
			m.modules = make(map[string]string)
		}
		module = names[0]
		m.modules[module] = module
	}
	return m.name(module, names[1])
}

func (m *machine) global() error {
	g, err := m.names()
	if err != nil {
		return err
	}
	m.pushNew(g, 32)
	return nil
}

func (m *machine) stackGlobal() error {
	if err := m.need(2); err != nil {
		return err
	}
	at := len(m.stack) - 2
	module, ok1 := m.stack[at].(string)
	name, ok2 := m.stack[at+1].(string)
	if !ok1 || !ok2 {
		return syntaxError("the name of a global is no str")
	}
	m.cut(at)
	g, err := m.name(module, name)
	if err == nil {
		m.pushNew(g, 32)
	}
	return err
}

// call is REDUCE.
func (m *machine) call() error {
	if err := m.need(2); err != nil {
		return err
	}
	at := len(m.stack) - 2
	callable := m.stack[at]
	args, ok := m.stack[at+1].(*Tuple)
	if !ok {
		return syntaxError("the arguments of a call are no tuple")
	}
	m.cut(at)
	if g, ok := callable.(*Global); ok {
		v, ok, err := m.known(g, args.Items)
		if err == nil && !ok && m.reduce != nil {
			v, ok, err = m.reduce(g, args)
		}
		if err != nil {
			return err
		}
		if ok {
			m.push(v)
			return nil
		}
	}
	m.pushNew(&Object{How: ByReduce, Callable: callable, Args: args}, objectSize)
	return nil
}

// newObject is NEWOBJ and NEWOBJ_EX.
func (m *machine) newObject(keywords bool) error {
	o := &Object{How: ByNew}
	if keywords {
		kwargs, err := m.pop()
		if err != nil {
			return err
		}
		var ok bool
		if o.Kwargs, ok = kwargs.(*Dict); !ok {
			return syntaxError("keyword arguments are no dict")
		}
		o.How = ByNewEx
	}
	if err := m.need(2); err != nil {
		return err
	}
	at := len(m.stack) - 2
	args, ok := m.stack[at+1].(*Tuple)
	if !ok {
		return syntaxError("the arguments of a call are no tuple")
	}
	o.Callable, o.Args = m.stack[at], args
	m.cut(at)
	m.pushNew(o, objectSize)
	return nil
}

// oldObject is OBJ: a class and arguments are at and above a height.
func (m *machine) oldObject(at int) error {
	if at == len(m.stack) {
		return syntaxError("OBJ has no class")
	}
	return m.instance(m.stack[at], at, at+1)
}

// oldInstance is INST: arguments are above the mark.
func (m *machine) oldInstance() error {
	g, err := m.names()
	if err != nil {
		return err
	}
	return m.marked(func(m *machine, at int) error { return m.instance(g, at, at) })
}

// instance makes an instance from the arguments at and above args, and cuts the stack at a height.
func (m *machine) instance(class any, at, args int) error {
	o := &Object{How: ByInstance, Callable: class, Args: newTuple(m.stack[args:])}
	m.cut(at)
	m.nodes-- // the tuple
	m.pushNew(o, objectSize+16*len(o.Args.Items))
	return nil
}

func (m *machine) build() error {
	if err := m.need(2); err != nil {
		return err
	}
	at := len(m.stack) - 2
	o, ok := m.stack[at].(*Object)
	if !ok {
		return syntaxError("BUILD of a " + TypeName(m.stack[at]))
	}
	o.build(m.stack[at+1])
	m.cut(at + 1)
	m.memory -= 64
	return nil
}

// called keeps a call whose result was dropped by POP, if it is TUPLE2 REDUCE POP on the object below: the sixth
// element of __reduce__'s tuple, a function that sets the state. Other such calls are those of objects that turned
// out to be in themselves; their arguments were put into the memo.
func (m *machine) called(v any) {
	call, ok := v.(*Object)
	if !ok || m.history&0xffffff != opTuple2<<16|opReduce<<8|opPop || m.need(1) != nil {
		return
	}
	// The call may be what Reduce has put in its place.
	o, ok := m.stack[len(m.stack)-1].(*Object)
	if !ok || call.How != ByReduce || call.Args == nil || len(call.Args.Items) != 2 || call.Args.Items[0] != any(o) {
		return
	}
	o.After = append(o.After, Step{Kind: StepCall, Callable: call.Callable, State: call.Args.Items[1]})
	m.memory -= 64
}

func (m *machine) extension(size int) error {
	b, err := m.take(size)
	if err != nil {
		return err
	}
	var buf [4]byte
	copy(buf[:], b)
	code := int64(int32(binary.LittleEndian.Uint32(buf[:])))
	if code <= 0 {
		return syntaxError("an extension code is not positive")
	}
	m.pushNew(&Object{How: ByExtension, Callable: code}, objectSize)
	return nil
}

// persistentLine is PERSID: the id is a line.
func (m *machine) persistentLine() error {
	b, err := m.line()
	if err != nil {
		return err
	}
	if !isASCII(b) {
		return syntaxError("a persistent id is not ASCII")
	}
	m.push(m.copyText(b))
	return m.persistent()
}

// persistent is BINPERSID.
func (m *machine) persistent() error {
	id, err := m.pop()
	if err != nil {
		return err
	}
	m.pushNew(&Object{How: ByPersistentID, Callable: id}, objectSize)
	return nil
}

// frame is FRAME, which only says how much to read at once.
func (m *machine) frame() error {
	b, err := m.take(8)
	if err != nil {
		return err
	}
	n := binary.LittleEndian.Uint64(b)
	if m.src == nil && n > uint64(len(m.data)-m.pos) || n > uint64(m.limits.Bytes) {
		return syntaxError("a frame is longer than the message")
	}
	return nil
}
