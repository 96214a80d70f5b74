package pickle

// task is what remains to be written of a value. The last one is done first.
type task struct {
	kind  taskKind
	op    byte  // what ends it
	one   byte  // the same for a single item, or 0
	only  bool  // the batch is a single item
	open  bool  // a batch was begun
	half  bool  // the key of the next entry was written
	level int32 // how many values this one is in, itself included
	i     int   // the next item
	n     int   // where the batch ends; of entries: how many it has

	v       any
	key     name
	width   int // 2 for keys and values in turn
	items   []any
	entries []entry
}

type taskKind uint8

const (
	saveValue    taskKind = iota // v
	writeOp                      // op
	inTuple                      // items, then the tuple
	inRun                        // items, and no more
	inItems                      // items in batches
	inEntries                    // entries in batches
	inFrozenset                  // entries, then the frozenset
	constructed                  // op, and what was done to the Object v then
	reduced                      // REDUCE, and the memo
	namedByParts                 // the memo for the Global v
	inNewArgs                    // the arguments of __new__, in a tuple that nothing else refers to
	inCallArgs                   // the tuple v, which is there for a call only: no level
)

// batch is how many items one opcode takes.
const batch = 1000

func (p *pickler) push(t task) {
	t.level = p.level
	p.tasks = append(p.tasks, t)
}

// enter begins one level more, for the tasks that are pushed until the next step.
func (p *pickler) enter() error {
	if p.level++; int64(p.level) > p.limits.Depth {
		return &LimitError{"Depth", p.limits.Depth}
	}
	return nil
}

func (p *pickler) pop() {
	n := len(p.tasks) - 1
	p.tasks[n] = task{}
	p.tasks = p.tasks[:n]
}

// step goes on with the last task, until it is done or another one comes before it.
func (p *pickler) step() error {
	depth := len(p.tasks)
	t := &p.tasks[depth-1]
	p.level = t.level
	switch t.kind {
	case saveValue:
		v := t.v
		p.pop()
		return p.save(v)
	case writeOp:
		p.op(t.op)
		p.pop()
	case inNewArgs:
		items := t.items
		p.pop()
		if err := p.enter(); err != nil {
			return err
		}
		p.tupleAs(name{nil, nameless}, items)
	case inCallArgs:
		args := t.v
		p.pop()
		p.level--
		return p.save(args)
	case inTuple, inRun:
		for t.i < len(t.items) {
			t.i++
			if err := p.save(t.items[t.i-1]); err != nil || len(p.tasks) > depth {
				return err
			}
		}
		if t.kind == inTuple {
			p.endTuple(t.key, len(t.items))
		}
		p.pop()
	case inItems:
		return p.inItems(t)
	case inEntries:
		return p.inEntries(t)
	case inFrozenset:
		for t.i < len(t.entries) {
			e := &t.entries[t.i]
			t.i++
			if e.hash == dead {
				continue
			}
			if err := p.save(e.key); err != nil || len(p.tasks) > depth {
				return err
			}
		}
		if n, ok := p.memo.find(t.key); ok { // it is in itself, and was written there
			p.op(opPopMark)
			p.get(n)
		} else {
			p.op(opFrozenset)
			p.memoize(t.key)
		}
		p.pop()
	case constructed:
		return p.construct(t)
	case reduced:
		p.op(opReduce)
		p.endReduce(t.key)
		p.pop()
	case namedByParts:
		p.setGlobal(t.v.(*Global))
		p.pop()
	}
	return nil
}

func (p *pickler) tuple(v *Tuple) { p.tupleAs(name{wordOf(v), object}, v.Items) }

func (p *pickler) tupleAs(key name, items []any) {
	switch {
	case len(items) > 3 || len(items) > 0 && p.proto < 2:
		p.op(opMark)
	case len(items) > 0:
	case p.proto == 0:
		p.op(opMark)
		p.op(opTuple)
		return
	default:
		p.op(opEmptyTuple)
		return
	}
	p.push(task{kind: inTuple, key: key, items: items})
}

// endTuple makes the tuple of n items, unless it is in itself: then it was written there.
func (p *pickler) endTuple(key name, n int) {
	number, recursive := 0, false
	if key.len != nameless {
		number, recursive = p.memo.find(key)
	}
	small := n <= 3 && p.proto >= 2
	switch {
	case recursive && p.proto > 0 && !small:
		p.op(opPopMark)
	case recursive:
		if !small {
			n++ // the mark
		}
		for range n {
			p.op(opPop)
		}
	case small:
		p.op(opTuple1 + byte(n-1))
	default:
		p.op(opTuple)
	}
	if recursive {
		p.get(number)
		return
	}
	p.memoize(key)
}

func (p *pickler) list(v *List) {
	if p.proto == 0 {
		p.op(opMark)
		p.op(opList)
	} else {
		p.op(opEmptyList)
	}
	p.memoize(name{wordOf(v), object})
	if len(v.Items) > 0 {
		// Unlike in other batches, a single item that remains after a full batch has a batch of its own.
		p.push(task{kind: inItems, op: opAppends, one: opAppend, width: 1, items: v.Items, v: v})
	}
}

// inItems writes batches of items, or of pairs. A list is known by v.
func (p *pickler) inItems(t *task) error {
	depth := len(p.tasks)
	for {
		if t.i == t.n {
			switch {
			case t.open && t.only:
				p.op(t.one)
			case t.open:
				p.op(t.op)
			}
			rest := (len(t.items) - t.i) / t.width
			if rest == 0 {
				p.pop()
				return nil
			}
			t.open = true
			if t.only = t.one != 0 && (p.proto == 0 || rest == 1 && (t.v == nil || t.i == 0)); t.only {
				t.n += t.width
			} else {
				p.op(opMark)
				t.n += t.width * min(rest, batch)
			}
		}
		t.i++
		if err := p.save(t.items[t.i-1]); err != nil || len(p.tasks) > depth {
			return err
		}
	}
}

func (p *pickler) dict(v *Dict) {
	if p.proto == 0 {
		p.op(opMark)
		p.op(opDict)
	} else {
		p.op(opEmptyDict)
	}
	p.memoize(name{wordOf(v), object})
	if v.Len() > 0 {
		only := v.Len() == 1 || p.proto == 0
		p.push(task{kind: inEntries, op: opSetitems, one: opSetitem, only: only, width: 2, entries: v.table.entries})
	}
}

// inEntries writes batches of the entries of a dict or a set. As in C, an empty batch follows one that is full and the
// last.
func (p *pickler) inEntries(t *task) error {
	depth := len(p.tasks)
	for {
		for t.i < len(t.entries) && t.entries[t.i].hash == dead {
			t.i++
		}
		end := t.i == len(t.entries)
		if !t.open {
			if t.only && end {
				p.pop()
				return nil
			}
			if !t.only {
				p.op(opMark)
			}
			t.open, t.n = true, 0
		}
		if end || t.n == batch || t.only && t.n == 1 {
			if t.only {
				p.op(t.one)
			} else {
				p.op(t.op)
				if t.n < batch {
					p.pop()
					return nil
				}
			}
			t.open = false
			continue
		}
		e := &t.entries[t.i]
		v := e.key
		if t.half {
			v = e.value
		}
		if t.half = t.width == 2 && !t.half; !t.half {
			t.i++
			t.n++
		}
		if err := p.save(v); err != nil || len(p.tasks) > depth {
			return err
		}
	}
}

func (p *pickler) set(v *Set) {
	key := name{wordOf(v), object}
	switch {
	case p.proto < 4:
		items := make([]any, 0, v.Len())
		for item := range v.All() {
			items = append(items, item)
		}
		p.level-- // the list counts
		p.reduce(key, builtin(TypeName(v)), &List{items})
	case v.frozen:
		p.op(opMark)
		p.push(task{kind: inFrozenset, key: key, entries: v.table.entries})
	default:
		p.op(opEmptySet)
		p.memoize(key)
		if v.Len() > 0 {
			p.push(task{kind: inEntries, op: opAdditems, width: 1, entries: v.table.entries})
		}
	}
}
