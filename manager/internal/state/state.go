package state

import (
	"strconv"
	"strings"
	"time"

	"github.com/multiproc-go/multiproc/pickle"
)

// State is all that a Manager server holds.
type State struct {
	options Options
	kinds   map[string]*kind

	index   uint64        // of the last command
	now     time.Duration // of the last command
	next    uint64        // the number of the next object
	objects map[string]*shared
	counted int64 // objects that have counts
	bytes   int64 // of all objects
	clients map[Client]*client
	holders map[Holder]map[*shared]struct{} // what each has counts of
	waits   uint64                          // how many calls have waited
	held    map[party]map[*shared]struct{}  // what each has taken that goes with it

	suspects []*shared
	graces   timers
	patience timers

	call    call // the one under way: methods do not call each other
	encoded encoded
	replies []Reply
	freed   []string
	out     replier
}

// New returns an empty State.
func New(o Options) *State {
	s := &State{
		options: o.withDefaults(),
		kinds:   make(map[string]*kind),
		objects: make(map[string]*shared),
		clients: make(map[Client]*client),
		holders: make(map[Holder]map[*shared]struct{}),
		held:    make(map[party]map[*shared]struct{}),
	}
	s.next = s.options.FirstIdent
	for typeid, exposed := range o.Foreign {
		s.kinds[typeid] = foreignKind(typeid, exposed)
	}
	for _, k := range []*kind{rwlockKind(), counterKind()} { // Python has none: those of the server go first
		if s.kinds[k.typeid] == nil {
			s.kinds[k.typeid] = k
		}
	}
	for _, k := range pythonKinds() {
		s.kinds[k.typeid] = k
	}
	s.out.begin(s.options.MaxReply)
	return s
}

// pythonKinds are the types of Python's managers that need no Python.
func pythonKinds() []*kind {
	return []*kind{
		listKind(), dictKind(), setKind(), namespaceKind(), valueKind(), arrayKind(), iteratorKind(),
		queueKind("Queue"), queueKind("JoinableQueue"),
		lockKind(), rlockKind(), semaphoreKind(false), semaphoreKind(true), conditionKind(), eventKind(), barrierKind(),
	}
}

func identOf(number uint64) string { return strconv.FormatUint(number, 16) }

// Apply executes a command. It returns the replies that are due, also to earlier commands, and the idents of foreign
// objects that are gone. Both are valid until the next Apply. index is the number of the command in the log.
func (s *State) Apply(index uint64, c *Command) (replies []Reply, freed []string) {
	clear(s.replies)
	s.replies, s.freed = s.replies[:0], s.freed[:0]
	s.out.reset()
	s.index = index
	if c.Now > s.now {
		s.now = c.Now
	}
	if len(s.patience) > 0 {
		s.expire()
	}
	s.execute(c)
	if len(s.suspects) > 0 || len(s.graces) > 0 {
		s.settle()
	}
	return s.replies, s.freed
}

func (s *State) execute(c *Command) {
	if c.Op == Call { // first, as nearly all are
		s.run(c)
		return
	}
	var result any
	var err error
	switch c.Op {
	case Connect:
		s.connect(c)
		return
	case Disconnect:
		s.disconnect(c)
		return
	case Gone:
		s.gone(c.Holder)
		return
	case Tick:
		return
	case Create:
		s.create(c)
		return
	case Incref:
		var sh *shared
		if sh, err = s.find(c.Ident); err == nil {
			s.incref(sh, c.Holder)
		}
	case Decref:
		var sh *shared
		if sh, err = s.find(c.Ident); err == nil {
			s.decref(sh, c.Holder) // as CPython, nothing is wrong if it is only nested
		}
	case Methods:
		var sh *shared
		if sh, err = s.find(c.Ident); err == nil {
			result = sh.kind.exposed
		}
	case Debug:
		result = s.debugInfo()
	case Count:
		result = s.counted
	default:
		err = failure("AssertionError", "Op "+strconv.Itoa(int(c.Op))+" unrecognized")
	}
	s.answer(c.Client, c.Request, c.Protocol, c.Holder, result, err)
}

// Objects returns how many objects there are, whether somebody counts them or not.
func (s *State) Objects() int { return len(s.objects) }

// Deadline returns the logical time at which a Tick is wanted; ok is false if none is.
func (s *State) Deadline() (at time.Duration, ok bool) {
	for _, t := range []timers{s.graces, s.patience} {
		if len(t) > 0 && (!ok || t[0].at < at) {
			at, ok = t[0].at, true
		}
	}
	return at, ok
}

func (s *State) connect(c *Command) *client {
	cl := s.clients[c.Client]
	if cl == nil {
		cl = &client{id: c.Client, holder: c.Holder}
		s.clients[c.Client] = cl
	}
	return cl
}

func (s *State) disconnect(cmd *Command) {
	c := s.clients[cmd.Client]
	if c == nil {
		return
	}
	delete(s.clients, cmd.Client)
	s.withdraw(c)
	if cmd.Request != 0 {
		s.restoreSince(c, cmd.Request)
	}
	s.abandon(party{client: c})
	for _, sh := range sorted(c.used) {
		s.unuse(c, sh)
		s.suspect(sh)
	}
}

// prepare makes s.call ready for a command.
func (s *State) prepare(c *Command) *call {
	s.call = call{s: s, kwargs: c.Kwargs, holder: c.Holder, request: c.Request, protocol: c.Protocol}
	if c.Args != nil {
		s.call.args = c.Args.Items
	}
	return &s.call
}

// release forgets the command, so that nothing keeps its arguments.
func (s *State) release() { s.call = call{} }

// create makes an object. What CPython's constructor raises is reported as a traceback, as its server does.
func (s *State) create(c *Command) {
	sh, err := s.construct(c)
	if err != nil {
		if r, ok := err.(*raised); !ok || r.class != "MemoryError" {
			err = asFailure(err)
		}
		s.answer(c.Client, c.Request, c.Protocol, c.Holder, nil, err)
		return
	}
	s.incref(sh, c.Holder)
	s.answer(c.Client, c.Request, c.Protocol, c.Holder, pickle.NewTuple(sh.ident, sh.kind.exposed), nil)
	if sh.kind.foreign {
		last := &s.replies[len(s.replies)-1]
		last.Foreign, last.Ident = true, sh.ident
	}
}

func (s *State) construct(c *Command) (*shared, error) {
	k := s.kinds[c.Type]
	if k == nil {
		if c.Type == "Pool" || c.Type == "AsyncResult" {
			return nil, failure("NotImplementedError", "this server runs no Python code, so it has no "+c.Type+
				"; use a multiprocessing.Pool of the client's own and pass proxies to its tasks")
		}
		return nil, failure("KeyError", pickle.Repr(c.Type))
	}
	if k.foreign {
		return s.add(k, nil, weight{})
	}
	call := s.prepare(c)
	call.making = k
	defer s.release()
	if call.hasKeywords() {
		if err := call.checkKeywords(); err != nil {
			return nil, err
		}
	}
	obj, w, err := k.create(call)
	if err != nil {
		return nil, err
	}
	return s.add(k, obj, w)
}

// run calls a method.
func (s *State) run(c *Command) {
	sh := s.objects[c.Ident]
	if sh == nil {
		s.fail(c, unknownIdent(c.Ident))
		return
	}
	cl := s.clients[c.Client]
	if cl == nil {
		cl = s.connect(c)
	}
	if len(cl.taken) > 0 {
		cl.received(c.Unread) // who asks again has the reply
	}
	s.use(cl, sh)
	if sh.timer != nil {
		s.touch(sh)
	}
	m := sh.kind.methods[c.Method]
	if m == nil {
		s.fallback(c, sh)
		return
	}
	call := s.prepare(c)
	call.self, call.method, call.client = sh, m, cl
	result, err := call.run()
	s.release()
	if _, waits := result.(*waiter); waits && err == nil {
		return
	}
	if !s.answer(c.Client, c.Request, c.Protocol, c.Holder, result, err) {
		s.restore(cl, c.Request)
	}
}

func (s *State) fail(c *Command, err error) {
	s.answer(c.Client, c.Request, c.Protocol, c.Holder, nil, asFailure(err))
}

// fallback does what CPython's server does when an object does not expose a method, or does not have it.
func (s *State) fallback(c *Command, sh *shared) {
	k := sh.kind
	known := c.Method == "__str__" || c.Method == "__repr__" || c.Method == "#GETVALUE"
	if k.foreign && (known || k.exposes(c.Method)) {
		s.replies = append(s.replies, Reply{Client: c.Client, Request: c.Request, Foreign: true, Ident: sh.ident})
		return
	}
	if !known {
		text := "method " + pickle.Repr(c.Method) + " of <class '" + k.class + "'> object is not in exposed=" + pickle.Repr(k.exposed)
		if k.exposes(c.Method) {
			text = "'" + lastName(k.class) + "' object has no attribute " + pickle.Repr(c.Method)
		}
		s.fail(c, failure("AttributeError", text))
		return
	}
	if c.Args != nil && len(c.Args.Items) > 0 {
		name := strings.ToLower(strings.Trim(c.Method, "_#"))
		s.fail(c, typeError("Server.fallback_%s() takes 4 positional arguments but %d were given", name, 4+len(c.Args.Items)))
		return
	}
	if c.Method == "#GETVALUE" {
		s.answer(c.Client, c.Request, c.Protocol, c.Holder, sh.obj.value(), nil)
		return
	}
	text, err := sh.repr(nil, s.options.MaxRepr)
	if r, ok := err.(*raised); err != nil && (!ok || r.class != "MemoryError") {
		s.fail(c, err)
		return
	}
	s.answer(c.Client, c.Request, c.Protocol, c.Holder, string(text), err)
}
