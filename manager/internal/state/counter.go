package state

import (
	"math"
	"math/big"

	"github.com/multiproc-go/multiproc/pickle"
)

// counter is an int that is added to in one step, which `value += 1` in Python is not. A stock client gets it by
// M.register('Counter').
type counter struct{ n any } // int64 or *big.Int

func counterKind() *kind {
	return newKind("Counter", "Counter", newCounter, []method{
		{name: "add", shape: free, run: func(c *call) (any, error) { return c.counterAdd("add", 1) }},
		{name: "compare_and_set", shape: free, run: counterCompareAndSet},
		{name: "get", shape: free, run: python("Counter.get", func(c *call) (any, error) { return c.counter().n, nil })},
		{name: "set", shape: free, run: counterSet},
		{name: "sub", shape: free, run: func(c *call) (any, error) { return c.counterAdd("sub", -1) }},
	})
}

// counterInt reads an int that is not of many digits.
func counterInt(v any) (any, error) {
	n, beyond, ok := integer(v)
	switch {
	case !ok:
		return nil, notAnInteger(v)
	case beyond == 0:
		return n, nil
	case v.(*big.Int).BitLen() > counterBits:
		return nil, raise("OverflowError", "a Counter has at most %d bits", counterBits)
	}
	return v, nil
}

// counterBits keeps a Counter from growing by being added to itself.
const counterBits = 1 << 10

func newCounter(c *call) (object, weight, error) {
	args, err := signature{"Counter.__init__", 1, []string{"value"}, 0}.bind(c.args, c.kwargs)
	if err != nil {
		return nil, weight{}, err
	}
	n, err := counterInt(given(args[0], int64(0)))
	return &counter{n}, weight{bytes: slotBytes + counterBits/8}, err
}

func (c *call) counter() *counter { return c.self.obj.(*counter) }

func (n *counter) value() any { return n.n }

func (n *counter) repr(_ *shared, dst []byte, limit int) ([]byte, error) {
	dst, err := pickle.AppendRepr(append(dst, "Counter("...), n.n, limit)
	return append(dst, ')'), err
}

// counterAdd adds sign times its argument and returns the sum.
func (c *call) counterAdd(name string, sign int64) (any, error) {
	args, err := signature{"Counter." + name, 1, []string{"n"}, 0}.bind(c.args, c.kwargs)
	if err != nil {
		return nil, err
	}
	by, err := counterInt(given(args[0], int64(1)))
	if err != nil {
		return nil, err
	}
	k := c.counter()
	a, ok1 := k.n.(int64)
	b, ok2 := by.(int64)
	if ok1 && ok2 && b > math.MinInt64 {
		b *= sign
		if sum := a + b; (sum > a) == (b > 0) {
			k.n = sum
			return sum, nil
		}
	}
	x, _ := bigOf(k.n)
	y, _ := bigOf(by)
	if sign < 0 {
		y = new(big.Int).Neg(y)
	}
	sum, err := counterInt(pickle.Int(new(big.Int).Add(x, y)))
	if err == nil {
		k.n = sum
	}
	return sum, err
}

func counterSet(c *call) (any, error) {
	args, err := signature{"Counter.set", 1, []string{"value"}, 1}.bind(c.args, c.kwargs)
	if err != nil {
		return nil, err
	}
	n, err := counterInt(args[0])
	if err == nil {
		c.counter().n = n
	}
	return nil, err
}

func counterCompareAndSet(c *call) (any, error) {
	args, err := signature{"Counter.compare_and_set", 1, []string{"old", "new"}, 2}.bind(c.args, c.kwargs)
	if err != nil {
		return nil, err
	}
	k := c.counter()
	n, err := counterInt(args[1])
	if err != nil {
		return nil, err
	}
	same, err := equal(k.n, args[0])
	if same && err == nil {
		k.n = n
	}
	return same, err
}
