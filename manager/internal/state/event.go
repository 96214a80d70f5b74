package state

// event is threading.Event.
type event struct {
	flag bool
	line line
}

func eventKind() *kind {
	return newKind("Event", "threading.Event", newEvent, []method{
		{name: "is_set", shape: free, run: python("Event.is_set", func(c *call) (any, error) { return c.event().flag, nil })},
		{name: "set", shape: free, run: python("Event.set", eventSet)},
		{name: "clear", shape: free, run: python("Event.clear", func(c *call) (any, error) { c.event().flag = false; return nil, nil })},
		{name: "wait", shape: free, run: eventWait},
	})
}

// python is a method that is written in Python and takes no arguments.
func python(name string, run func(*call) (any, error)) func(*call) (any, error) {
	return func(c *call) (any, error) {
		if len(c.args) > 0 || c.hasKeywords() {
			if _, err := (signature{name, 1, nil, 0}).bind(c.args, c.kwargs); err != nil {
				return nil, err
			}
		}
		return run(c)
	}
}

func newEvent(c *call) (object, weight, error) {
	_, err := signature{"Event.__init__", 1, nil, 0}.bind(c.args, c.kwargs)
	return new(event), weight{}, err
}

func (c *call) event() *event { return c.self.obj.(*event) }

func (e *event) value() any { return broken{typeError("cannot pickle '_thread.lock' object")} }

func (e *event) repr(self *shared, dst []byte, _ int) ([]byte, error) {
	state := "unset"
	if e.flag {
		state = "set"
	}
	return append(dst, "<threading.Event at 0x"+self.ident+": "+state+">"...), nil
}

func (e *event) appendState(dst []byte) []byte {
	w := snapshot{dst}
	w.flag(e.flag)
	e.line.appendTo(&w)
	return w.dst
}

func eventSet(c *call) (any, error) {
	e := c.event()
	e.flag = true
	for _, w := range e.line.all() {
		c.s.finish(w, true, nil)
	}
	return nil, nil
}

func eventWait(c *call) (any, error) {
	args, err := signature{"Event.wait", 1, []string{"timeout"}, 0}.bind(c.args, c.kwargs)
	if err != nil {
		return nil, err
	}
	e := c.event()
	if e.flag {
		return true, nil
	}
	p, err := patienceOf(given(args[0], nil), ">")
	if err != nil || p.none() {
		return false, err
	}
	return c.await(&e.line, p, nil), nil
}

func (e *event) expire(s *State, w *waiter) {
	w.remove()
	s.finish(w, false, nil)
}

func (e *event) withdraw(_ *State, w *waiter) { w.remove() }
