package state

// line is a queue of calls that wait, first come, first served.
type line struct {
	first, last *waiter
	n           int
}

// push adds w at the end. A call stands in one line at most.
func (l *line) push(w *waiter) {
	w.line, w.before = l, l.last
	if l.last != nil {
		l.last.behind = w
	} else {
		l.first = w
	}
	l.last = w
	l.n++
}

// remove takes w out of the line that it stands in, if any.
func (w *waiter) remove() {
	l := w.line
	if l == nil {
		return
	}
	if w.before != nil {
		w.before.behind = w.behind
	} else {
		l.first = w.behind
	}
	if w.behind != nil {
		w.behind.before = w.before
	} else {
		l.last = w.before
	}
	l.n--
	w.line, w.before, w.behind = nil, nil, nil
}

// next returns the first call that still waits; it stays. One whose client is going is not served.
func (l *line) next() *waiter {
	w := l.first
	for w != nil && w.done {
		w = w.behind
	}
	return w
}

// all returns the calls that wait, in order, and empties the line.
func (l *line) all() []*waiter {
	list := make([]*waiter, 0, l.n)
	for w := l.next(); w != nil; w = l.next() {
		w.remove()
		list = append(list, w)
	}
	return list
}

// appendTo writes which calls wait.
func (l *line) appendTo(w *snapshot) {
	w.number(uint64(l.n))
	for x := l.first; x != nil; x = x.behind {
		w.number(x.seq)
	}
}
