package pickle

import (
	"strconv"
	"strings"
)

// global writes the name of a class or function.
func (p *pickler) global(g *Global) error {
	if n, ok := p.globals[*g]; ok {
		p.get(n)
		return nil
	}
	if !validText(g.Module) || !validText(g.Name) || g.Module == "" || g.Name == "" {
		return &EncodeError{Type: "global " + strconv.Quote(g.Module+"."+g.Name), Reason: "it has no proper name"}
	}
	if p.proto >= 4 {
		module := g.Module
		if module == builtins && !isBuiltinFunction(g.Name) { // functions have a str of their own
			if dataOf(module) == dataOf(builtins) {
				module = p.internedTexts().fromEncoder(module)
			} else if known := p.internedTexts()[module]; !known.own {
				p.interned[module] = internedText{module, false}
			}
		}
		if err := p.text(module); err != nil {
			return err
		}
		if err := p.text(g.Name); err != nil {
			return err
		}
		p.op(opStackGlobal)
		p.setGlobal(g)
		return nil
	}
	if dot := strings.LastIndexByte(g.Name, '.'); dot >= 0 { // a class in a class
		p.push(task{kind: namedByParts, v: g})
		p.push(task{kind: writeOp, op: opReduce})
		p.push(task{kind: inCallArgs, v: NewTuple(&Global{g.Module, g.Name[:dot]}, g.Name[dot+1:])})
		p.push(task{kind: saveValue, v: builtin("getattr")})
		return nil
	}
	p.op(opGlobal)
	if err := p.nameLines(g); err != nil {
		return err
	}
	p.setGlobal(g)
	return nil
}

func (p *pickler) setGlobal(g *Global) {
	p.memoize(name{nil, nameless})
	if p.globals == nil {
		p.globals = make(map[Global]int)
	}
	p.globals[*g] = len(p.memo.list) - 1
}

// nameLines writes the two lines of GLOBAL and INST.
func (p *pickler) nameLines(g *Global) error {
	module, name := g.Module, g.Name
	if p.proto < 3 {
		module, name = toPython2(module, name)
	}
	for _, s := range []string{module, name} {
		if strings.IndexByte(s, '\n') >= 0 || p.proto < 3 && !isASCII([]byte(s)) {
			return &EncodeError{Type: "global " + strconv.Quote(g.Module+"."+g.Name), Reason: "its name needs protocol 4"}
		}
		p.out = append(append(p.out, s...), '\n')
	}
	return nil
}

// reduce writes a value, which key is the identity of, as a call. Each time the arguments are a new tuple.
func (p *pickler) reduce(key name, callable *Global, args ...any) {
	p.push(task{kind: reduced, key: key})
	p.push(task{kind: inCallArgs, v: &Tuple{args}})
	p.push(task{kind: saveValue, v: callable})
}

// endReduce puts what a call made into the memo, unless it is in its own arguments: then it was written there.
func (p *pickler) endReduce(key name) (recursive bool) {
	n, recursive := p.memo.find(key)
	if recursive {
		p.op(opPop)
		p.get(n)
		return true
	}
	p.memoize(key)
	return false
}

// object writes how an Object is made; construct goes on with it.
func (p *pickler) object(o *Object) error {
	args := o.Args
	if args == nil {
		args = &Tuple{}
	}
	switch {
	case o.How == ByReduce:
		p.make(o, opReduce, o.Callable, args)
	case o.How == ByNew && p.proto >= 2:
		p.push(task{kind: constructed, op: opNewobj, v: o})
		p.push(task{kind: inNewArgs, items: args.Items})
		p.push(task{kind: saveValue, v: o.Callable})
	case o.How == ByNew:
		p.make(o, opReduce, &Global{"copyreg", "__newobj__"}, NewTuple(append([]any{o.Callable}, args.Items...)...))
	case o.How == ByNewEx:
		kwargs := o.Kwargs
		if kwargs == nil {
			kwargs = NewDict()
		}
		if p.proto >= 4 {
			p.make(o, opNewobjEx, o.Callable, args, kwargs)
		} else {
			p.push(task{kind: constructed, op: opReduce, v: o})
			p.push(task{kind: inCallArgs, v: NewTuple(o.Callable, args, kwargs)})
			p.push(task{kind: saveValue, v: &Global{"copyreg", "__newobj_ex__"}})
		}
	case o.How == ByInstance:
		p.op(opMark)
		op, items := byte(opInst), args.Items
		if g, ok := o.Callable.(*Global); !ok || p.proto > 0 || strings.Contains(g.Name, ".") {
			op, items = opObj, append([]any{o.Callable}, items...)
		}
		p.push(task{kind: constructed, op: op, v: o})
		if err := p.enter(); err != nil { // Args is a value of its own
			return err
		}
		p.push(task{kind: inRun, items: items})
	case o.How == ByExtension:
		return p.extension(o)
	case o.How == ByPersistentID && p.proto > 0:
		p.make(o, opBinpersid, o.Callable)
	case o.How == ByPersistentID:
		return p.persistentLine(o)
	default:
		return &EncodeError{Type: "object", Reason: "there is no such Construction"}
	}
	return nil
}

// make writes parts and the opcode that makes o of them.
func (p *pickler) make(o *Object, op byte, parts ...any) {
	p.push(task{kind: constructed, op: op, v: o})
	for i := len(parts) - 1; i >= 0; i-- {
		p.push(task{kind: saveValue, v: parts[i]})
	}
}

func (p *pickler) extension(o *Object) error {
	code, ok := o.Callable.(int64)
	switch {
	case !ok || code <= 0 || code > 1<<31-1:
		return &EncodeError{Type: "object", Reason: "its extension code is not one"}
	case p.proto < 2:
		return &EncodeError{Type: "object", Reason: "extension codes need protocol 2"}
	case code < 1<<8:
		p.op(opExt1)
		p.number(uint64(code), 1)
	case code < 1<<16:
		p.op(opExt2)
		p.number(uint64(code), 2)
	default:
		p.op(opExt4)
		p.number(uint64(code), 4)
	}
	p.external(o)
	return nil
}

func (p *pickler) persistentLine(o *Object) error {
	id, ok := o.Callable.(string)
	if n, isInt := o.Callable.(int64); isInt {
		id, ok = strconv.FormatInt(n, 10), true
	}
	if !ok || !isASCII([]byte(id)) || strings.IndexByte(id, '\n') >= 0 {
		return &EncodeError{Type: "object", Reason: "in protocol 0 a persistent id is one line of ASCII"}
	}
	p.op(opPersid)
	p.out = append(append(p.out, id...), '\n')
	p.external(o)
	return nil
}

// construct writes the opcode that makes an Object, and leaves tasks for the rest of it.
func (p *pickler) construct(t *task) error {
	o, op := t.v.(*Object), t.op
	p.pop()
	p.op(op)
	switch op {
	case opBinpersid:
		p.external(o)
		return nil
	case opInst:
		if err := p.nameLines(o.Callable.(*Global)); err != nil {
			return err
		}
	}
	if !p.endReduce(name{wordOf(o), object}) {
		p.rest(o)
	}
	return nil
}

// external ends an object that lives outside of the pickle. As in CPython it is no part of the memo, unless something
// was done to it.
func (p *pickler) external(o *Object) {
	if o.Items != nil || o.Pairs != nil || o.HasState || o.After != nil {
		p.memoize(name{wordOf(o), object})
		p.rest(o)
	}
}

// rest leaves tasks for what was done to an Object after it was made, the last first.
func (p *pickler) rest(o *Object) {
	for i := len(o.After) - 1; i >= 0; i-- {
		switch s := &o.After[i]; s.Kind {
		case StepAppend:
			p.items(s.Items)
		case StepSet:
			p.pairs(s.Pairs)
		case StepAdd:
			p.push(task{kind: inItems, op: opAdditems, width: 1, items: s.Items})
		case StepState:
			p.state(s.State)
		case StepCall:
			p.push(task{kind: writeOp, op: opPop})
			p.push(task{kind: writeOp, op: opReduce})
			p.push(task{kind: writeOp, op: opTuple2})
			p.push(task{kind: saveValue, v: s.State})
			p.push(task{kind: saveValue, v: o})
			p.push(task{kind: saveValue, v: s.Callable})
		}
	}
	if o.HasState {
		p.state(o.State)
	}
	p.pairs(o.Pairs)
	p.items(o.Items)
}

func (p *pickler) state(v any) {
	p.push(task{kind: writeOp, op: opBuild})
	p.push(task{kind: saveValue, v: v})
}

func (p *pickler) items(items []any) {
	if len(items) > 0 {
		p.push(task{kind: inItems, op: opAppends, one: opAppend, width: 1, items: items})
	}
}

func (p *pickler) pairs(pairs []Pair) {
	if len(pairs) > 0 {
		p.push(task{kind: inItems, op: opSetitems, one: opSetitem, width: 2, items: appendPairs(nil, pairs)})
	}
}
