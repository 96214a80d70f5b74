package state

import (
	"github.com/multiproc-go/multiproc/pickle"
)

// queue is queue.Queue. Who waits first is served first: while somebody waits for an item there is none, and while
// somebody waits for room it is full. What a call that waits wants to put belongs to the queue already.
//
// An item that a client was sent, and never received, goes back to where it was.
type queue struct {
	maxsize    int64
	items      deque
	puts       uint64 // how many there were: the number of the last item
	unfinished int64
	shutdown   bool
	immediate  bool

	getting, putting, joining line
}

// queued is an item, with its number.
type queued struct {
	v      any
	number uint64
}

// queueWait is how the lines know a call.
type queueWait struct{ item any } // of a put

func queueKind(typeid string) *kind {
	return newKind(typeid, "queue.Queue", newQueue, []method{
		{name: "empty", shape: free, run: python("Queue.empty", func(c *call) (any, error) { return c.queue().items.len() == 0, nil })},
		{name: "full", shape: free, run: python("Queue.full", func(c *call) (any, error) { return c.queue().full(), nil })},
		{name: "get", shape: free, run: queueGet},
		{name: "get_nowait", shape: free, run: python("Queue.get_nowait", func(c *call) (any, error) {
			return c.queue().get(c, nowait)
		})},
		{name: "join", shape: free, run: python("Queue.join", queueJoin)},
		{name: "put", shape: free, run: queuePut},
		{name: "put_nowait", shape: free, run: queuePutNowait},
		{name: "qsize", shape: free, run: python("Queue.qsize", func(c *call) (any, error) { return int64(c.queue().items.len()), nil })},
		{name: "shutdown", shape: free, run: queueShutdown},
		{name: "task_done", shape: free, run: python("Queue.task_done", queueTaskDone)},
		{name: "#get", shape: positional, min: 0, max: 1, run: func(c *call) (any, error) { return c.queue().get(c, c.goPatience) }},
		{name: "#put", shape: positional, min: 1, max: 2, run: func(c *call) (any, error) {
			item := c.args[0]
			c.args = c.args[1:]
			return c.queue().put(c, item, c.goPatience)
		}},
		{name: "#maxsize", shape: noArgs, run: func(c *call) (any, error) { return max(0, c.queue().maxsize), nil }},
	})
}

// nowait is the patience of a call that does not wait.
func nowait() (patience, error) { return patience{limited: true}, nil }

// newQueue makes one. Python takes any maxsize, and fails later.
func newQueue(c *call) (object, weight, error) {
	args, err := signature{"Queue.__init__", 1, []string{"maxsize"}, 0}.bind(c.args, c.kwargs)
	if err != nil {
		return nil, weight{}, err
	}
	n, beyond, ok := integer(given(args[0], int64(0)))
	if !ok {
		return nil, weight{}, notAnInteger(args[0])
	}
	if beyond != 0 {
		n = 0 // there never are so many
	}
	return &queue{maxsize: n}, weight{}, nil
}

func (c *call) queue() *queue { return c.self.obj.(*queue) }

func (q *queue) full() bool { return q.maxsize > 0 && int64(q.items.len()) >= q.maxsize }

func (q *queue) value() any { return broken{typeError("cannot pickle '_thread.lock' object")} }

func (q *queue) repr(self *shared, dst []byte, _ int) ([]byte, error) {
	return append(dst, "<queue.Queue object at 0x"+self.ident+">"...), nil
}

func (q *queue) appendState(dst []byte) []byte {
	w := snapshot{dst}
	w.number(uint64(q.maxsize))
	w.number(q.puts)
	w.number(uint64(q.unfinished))
	w.flag(q.shutdown)
	w.flag(q.immediate)
	w.number(uint64(q.items.len()))
	for i := range q.items.len() {
		item := q.items.at(i)
		w.number(item.number)
		w.value(item.v)
	}
	q.getting.appendTo(&w)
	q.putting.appendTo(&w)
	for x := q.putting.first; x != nil; x = x.behind {
		w.value(x.data.(*queueWait).item)
	}
	q.joining.appendTo(&w)
	return w.dst
}

func queueError(class string) error { return &raised{"queue", class, nil, ""} }

// weighItem weighs an item with its place.
func weighItem(v any) weight {
	w := weigh(v)
	w.bytes += slotBytes
	return w
}

// queuePatience reads block and timeout.
func queuePatience(block, timeout any) func() (patience, error) {
	return func() (patience, error) {
		if block != absent && !pickle.Truth(block) {
			return nowait()
		}
		if timeout == absent || timeout == nil {
			return forever(), nil
		}
		f, ok := number(timeout)
		switch {
		case !ok:
			return patience{}, notOrdered("<", timeout)
		case f < 0:
			return patience{}, valueError("'timeout' must be a non-negative number")
		}
		return patienceOf(timeout, "+")
	}
}

func queuePut(c *call) (any, error) {
	args, err := signature{"Queue.put", 1, []string{"item", "block", "timeout"}, 1}.bind(c.args, c.kwargs)
	if err != nil {
		return nil, err
	}
	return c.queue().put(c, args[0], queuePatience(args[1], args[2]))
}

func queuePutNowait(c *call) (any, error) {
	args, err := signature{"Queue.put_nowait", 1, []string{"item"}, 1}.bind(c.args, c.kwargs)
	if err != nil {
		return nil, err
	}
	return c.queue().put(c, args[0], nowait)
}

func (q *queue) put(c *call, item any, patient func() (patience, error)) (any, error) {
	if q.shutdown {
		return nil, queueError("ShutDown")
	}
	wait := forever()
	if q.maxsize > 0 { // otherwise Python does not look at the timeout
		var err error
		wait, err = patient()
		if limit, ok := err.(*raised); err != nil && (!ok || limit.class != "OverflowError" || q.full()) {
			return nil, err
		}
	}
	if q.full() && wait.none() {
		return nil, queueError("Full")
	}
	if err := c.change(weighItem(item), weight{}); err != nil {
		return nil, err
	}
	if q.full() {
		return c.await(&q.putting, wait, &queueWait{item}), nil
	}
	q.add(item)
	q.serve(c.s, c.self)
	return nil, nil
}

// add puts an item at the end.
func (q *queue) add(item any) {
	q.puts++
	q.unfinished++
	q.items.pushBack(queued{item, q.puts})
}

// serve gives items to those who wait for one, and lets those put that wait for room.
func (q *queue) serve(s *State, self *shared) {
	for {
		if w := q.getting.next(); w != nil && q.items.len() > 0 {
			w.remove()
			item := q.take(s, self)
			w.takes(self, taken{item: item.v, number: item.number})
			s.finish(w, item.v, nil)
			continue
		}
		w := q.putting.next()
		if w == nil || q.full() {
			return
		}
		w.remove()
		q.add(w.data.(*queueWait).item)
		s.finish(w, nil, nil)
	}
}

// take takes the first item.
func (q *queue) take(s *State, self *shared) queued {
	item := q.items.popFront()
	s.drop(self, weighItem(item.v))
	return item
}

func queueGet(c *call) (any, error) {
	args, err := signature{"Queue.get", 1, []string{"block", "timeout"}, 0}.bind(c.args, c.kwargs)
	if err != nil {
		return nil, err
	}
	return c.queue().get(c, queuePatience(args[0], args[1]))
}

func (q *queue) get(c *call, patient func() (patience, error)) (any, error) {
	if q.shutdown && q.items.len() == 0 {
		return nil, queueError("ShutDown")
	}
	wait, err := patient()
	if q.items.len() > 0 {
		if r, ok := err.(*raised); err != nil && (!ok || r.class != "OverflowError") {
			return nil, err
		}
		item := q.take(c.s, c.self)
		c.takes(c.self, taken{item: item.v, number: item.number})
		q.serve(c.s, c.self)
		return item.v, nil
	}
	switch {
	case err != nil:
		return nil, err
	case wait.none():
		return nil, queueError("Empty")
	}
	return c.await(&q.getting, wait, new(queueWait)), nil
}

func queueTaskDone(c *call) (any, error) {
	q := c.queue()
	if q.unfinished == 0 {
		return nil, valueError("task_done() called too many times")
	}
	q.done(c.s, 1)
	return nil, nil
}

// done says that n tasks are done.
func (q *queue) done(s *State, n int64) {
	q.unfinished = max(0, q.unfinished-n)
	if q.unfinished == 0 {
		for _, w := range q.joining.all() {
			s.finish(w, nil, nil)
		}
	}
}

func queueJoin(c *call) (any, error) {
	q := c.queue()
	if q.unfinished == 0 {
		return nil, nil
	}
	return c.await(&q.joining, forever(), new(queueWait)), nil
}

func queueShutdown(c *call) (any, error) {
	args, err := signature{"Queue.shutdown", 1, []string{"immediate"}, 0}.bind(c.args, c.kwargs)
	if err != nil {
		return nil, err
	}
	q := c.queue()
	q.shutdown = true
	if pickle.Truth(given(args[0], false)) {
		q.immediate = true
		n := int64(q.items.len())
		for q.items.len() > 0 {
			q.take(c.s, c.self)
		}
		q.done(c.s, n)
	}
	for _, w := range q.getting.all() { // for them there is no item, and none will come
		c.s.finish(w, nil, queueError("ShutDown"))
	}
	for _, w := range q.putting.all() {
		c.s.drop(c.self, weighItem(w.data.(*queueWait).item))
		c.s.finish(w, nil, queueError("ShutDown"))
	}
	return nil, nil
}

// restore puts an item back before those that came after it.
func (q *queue) restore(s *State, self *shared, t taken) {
	if q.immediate {
		q.done(s, 1)
		return
	}
	s.put(self, weighItem(t.item))
	q.items.insert(queued{t.item, t.number})
	q.serve(s, self)
}

func (q *queue) expire(s *State, w *waiter) {
	err := queueError("Empty")
	if w.line == &q.putting {
		s.drop(w.sh, weighItem(w.data.(*queueWait).item))
		err = queueError("Full")
	}
	w.remove()
	s.finish(w, nil, err)
}

func (q *queue) withdraw(s *State, w *waiter) {
	if w.line == &q.putting {
		s.drop(w.sh, weighItem(w.data.(*queueWait).item))
	}
	w.remove()
}

// deque is a queue of items in a ring.
type deque struct {
	ring []queued // its length is 0 or a power of two
	head int
	n    int
}

func (d *deque) len() int { return d.n }

func (d *deque) at(i int) *queued { return &d.ring[(d.head+i)&(len(d.ring)-1)] }

func (d *deque) grow() {
	if d.n < len(d.ring) {
		return
	}
	ring := make([]queued, max(8, 2*len(d.ring)))
	for i := range d.n {
		ring[i] = *d.at(i)
	}
	d.ring, d.head = ring, 0
}

func (d *deque) pushBack(item queued) {
	d.grow()
	d.n++
	*d.at(d.n - 1) = item
}

func (d *deque) popFront() queued {
	item := *d.at(0)
	*d.at(0) = queued{}
	d.head = (d.head + 1) & (len(d.ring) - 1)
	if d.n--; d.n == 0 && len(d.ring) > keepRing {
		*d = deque{}
	}
	return item
}

// keepRing is how long a ring may be that an empty queue keeps.
const keepRing = 1 << 10

// insert puts an item back before the first with a higher number. There are few before it.
func (d *deque) insert(item queued) {
	d.grow()
	d.head = (d.head - 1) & (len(d.ring) - 1)
	d.n++
	i := 0
	for ; i+1 < d.n && d.at(i+1).number < item.number; i++ {
		*d.at(i) = *d.at(i + 1)
	}
	*d.at(i) = item
}
