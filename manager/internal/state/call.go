package state

import (
	"github.com/multiproc-go/multiproc/pickle"
)

// call is the run of one method, or of one constructor; then self is nil.
type call struct {
	s        *State
	self     *shared
	making   *kind // of a constructor
	method   *method
	args     []any
	kwargs   *pickle.Dict // or nil
	client   *client
	holder   Holder
	request  uint64
	protocol int

	work int64 // what it has spent
	over error // that it has spent too much
}

// argument returns the i-th argument, or one that stands for it.
func (c *call) argument(i int, otherwise any) any {
	if i < len(c.args) {
		return c.args[i]
	}
	return otherwise
}

// given returns an argument, or what stands for one that was not given.
func given(v, otherwise any) any {
	if v == absent {
		return otherwise
	}
	return v
}

// kindName is the name of the type in Python's texts.
func (c *call) kindName() string {
	if c.self != nil {
		return lastName(c.self.kind.class)
	}
	return lastName(c.making.class)
}

func (c *call) hasKeywords() bool { return c.kwargs != nil && c.kwargs.Len() > 0 }

// checkKeywords returns an error unless all keywords are strs.
func (c *call) checkKeywords() error {
	for key := range c.kwargs.All() {
		if _, ok := key.(string); !ok {
			return typeError("keywords must be strings")
		}
	}
	return nil
}

// run runs the method.
func (c *call) run() (any, error) {
	m := c.method
	if keywords := c.hasKeywords(); keywords || len(c.args) < m.min || len(c.args) > m.max {
		if keywords {
			if err := c.checkKeywords(); err != nil {
				return nil, err
			}
		}
		if m.shape != free {
			return nil, m.wrongArguments(c.self.kind, len(c.args), keywords)
		}
	}
	result, err := m.run(c)
	if err != nil && c.over != nil {
		err = c.over // whatever was made of it
	}
	return result, err
}

// change accounts for what a method is about to put into its object and to take out of it. After an error nothing
// may be changed.
func (c *call) change(add, drop weight) error {
	if err := c.s.room(c.self, add.bytes-drop.bytes); err != nil {
		return err
	}
	if err := c.spend(add.bytes); err != nil {
		return err
	}
	c.s.put(c.self, add)
	c.s.drop(c.self, drop)
	return nil
}

// put accounts for what comes into an object.
func (s *State) put(sh *shared, add weight) {
	s.account(sh, add.bytes)
	for _, p := range add.proxies {
		s.link(sh, p)
	}
}

// drop accounts for what is taken out of an object.
func (s *State) drop(sh *shared, drop weight) {
	s.account(sh, -drop.bytes)
	for _, p := range drop.proxies {
		s.unlink(sh, p)
	}
}

// empty accounts for taking all out of an object.
func (c *call) empty() error {
	for _, inner := range sorted(c.self.in) {
		c.s.unnest(c.self, inner, c.self.in[inner])
	}
	return c.change(weight{}, weight{bytes: c.self.bytes})
}

// transient returns an error if n values are too many for a result, or together with what the call has done already.
func (c *call) transient(n int64) error {
	if limit := c.s.options.MaxObjectBytes; n > limit/slotBytes {
		c.over = memoryError("the bytes of a result", limit)
		return c.over
	}
	return c.spend(n * slotBytes)
}

// spend counts what a call weighs, copies or hashes, in bytes. A small message can ask for very much of it, as the same
// large value may stand in it a million times.
func (c *call) spend(bytes int64) error {
	if bytes > c.s.options.work-c.work {
		c.over = memoryError("the bytes that one call handles", c.s.options.work)
		return c.over
	}
	c.work += bytes
	return nil
}

// spendKey counts the hashing of a key, if it is worth it.
func (c *call) spendKey(key any) error {
	if n, scalar := scalarBytes(key); scalar {
		if n < 256 {
			return nil
		}
		return c.spend(n)
	}
	return c.spend(weigh(key).bytes)
}

// weighAll weighs items that are to be put into an object, until they are too many.
func (c *call) weighAll(items []any) (w weight, err error) {
	limit := c.s.options.MaxObjectBytes
	for _, item := range items {
		if w.add(item); w.bytes > limit {
			return w, memoryError("the bytes of an object", limit)
		}
	}
	return w, nil
}
