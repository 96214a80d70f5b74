package pickle

// push puts a value on the stack.
func (m *machine) push(v any) {
	m.stack = append(m.stack, v)
	m.nodes--
	m.memory -= 16
}

func (m *machine) pushInt(v int64) {
	m.push(m.boxInt(v))
	m.memory -= 8
}

// pushNew pushes what took size bytes to make.
func (m *machine) pushNew(v any, size int) {
	m.push(v)
	m.memory -= int64(size)
}

// need asks for n values above the last mark.
func (m *machine) need(n int) error {
	if len(m.stack)-m.fence < n {
		return errStack
	}
	return nil
}

const errStack = syntaxError("the stack has too few values")

// pop removes the value on top.
func (m *machine) pop() (any, error) {
	if err := m.need(1); err != nil {
		return nil, err
	}
	v := m.stack[len(m.stack)-1]
	m.cut(len(m.stack) - 1)
	return v, nil
}

// cut removes all values at and above a height.
func (m *machine) cut(at int) {
	m.high = max(m.high, len(m.stack))
	m.stack = m.stack[:at]
}

// marked removes the last mark and calls op with the height that it marked.
func (m *machine) marked(op func(*machine, int) error) error {
	n := len(m.marks)
	if n == 0 {
		return syntaxError("there is no mark")
	}
	at := m.marks[n-1]
	m.unmark()
	return op(m, at)
}

func (m *machine) unmark() {
	m.marks = m.marks[:len(m.marks)-1]
	m.fence = 0
	if n := len(m.marks); n > 0 {
		m.fence = m.marks[n-1]
	}
}

// popOne is POP: it removes a mark if one is on top.
func (m *machine) popOne() error {
	if n := len(m.marks); n > 0 && m.marks[n-1] == len(m.stack) {
		m.unmark()
		return nil
	}
	v, err := m.pop()
	if err == nil {
		m.called(v)
	}
	return err
}

// drop is POP_MARK.
func (m *machine) drop(at int) error {
	m.cut(at)
	return nil
}

func (m *machine) put(n uint64) error {
	if err := m.need(1); err != nil {
		return err
	}
	m.memory -= m.memo.put(n, m.stack[len(m.stack)-1])
	return nil
}

func (m *machine) get(n uint64) error {
	v, ok := m.memo.get(n)
	if !ok {
		return syntaxError("the memo has nothing under this number")
	}
	m.push(v)
	return nil
}
