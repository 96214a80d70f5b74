package manager_test

import (
	"fmt"
	"math"
	"slices"

	"github.com/anishathalye/porcupine"
)

// A linearOp is one operation of a client on an object. One that was under way when its client was killed is pending: it has happened at
// some time after it was called, or never, and nobody knows its result.
type linearOp struct {
	Client          int
	Kind            string
	Key, Arg        int
	Out             int
	OK              bool
	Pending         bool
	Called, Returns int64
}

func (op linearOp) operation() porcupine.Operation {
	if op.Pending {
		op.Returns = math.MaxInt64
	}
	return porcupine.Operation{ClientId: op.Client, Input: op, Call: op.Called, Return: op.Returns}
}

// linearModel makes a model of what the next states may be.
func linearModel(init any, step func(state any, op linearOp) []any, parts func([]porcupine.Operation) [][]porcupine.Operation) porcupine.Model {
	m := porcupine.NondeterministicModel{
		Partition: parts,
		Init:      func() []any { return []any{init} },
		Step:      func(state, input, _ any) []any { return step(state, input.(linearOp)) },
	}
	return m.ToModel()
}

const missing = 0 // of a dict: no value

// dictStep is one key of a dict, whose state is its value.
func dictStep(state any, op linearOp) []any {
	value := state.(int)
	after, out, ok := value, value, value != missing
	switch op.Kind {
	case "set":
		after, out, ok = op.Arg, 0, true
	case "pop":
		after = missing
	case "setdefault":
		if value == missing {
			after, out = op.Arg, op.Arg
		}
		ok = true
	case "cas":
		if op.Pending { // with what it compares is not known
			if value != missing {
				after = op.Arg
			}
			return []any{value, after}
		}
		if ok = value == op.Out; ok { // Out is what it compares with
			after = op.Arg
		}
		if ok != op.OK {
			return nil
		}
		return []any{after}
	}
	switch {
	case op.Pending:
		return []any{value, after}
	case ok != op.OK || op.Kind != "set" && ok && out != op.Out:
		return nil
	}
	return []any{after}
}

func byKey(history []porcupine.Operation) [][]porcupine.Operation {
	parts := make(map[int][]porcupine.Operation)
	for _, op := range history {
		key := op.Input.(linearOp).Key
		parts[key] = append(parts[key], op)
	}
	var list [][]porcupine.Operation
	for _, part := range parts {
		list = append(list, part)
	}
	return list
}

// A queueState can be compared. Its items are those in the queue, in the order in which they came in for the first time, and those that
// dying clients have taken.
type queueState struct {
	puts  int
	items string // of queueItems
	limbo string
}

type queueItem struct{ number, value, client int }

func itemsText(list []queueItem) (text string) {
	for _, x := range list {
		text += fmt.Sprintf("%d %d %d ", x.number, x.value, x.client)
	}
	return text
}

func itemsOf(text string) (list []queueItem) {
	for len(text) > 0 {
		var x queueItem
		fmt.Sscan(text, &x.number, &x.value, &x.client)
		list = append(list, x)
		text = text[len(itemsText([]queueItem{x})):]
	}
	return list
}

func queueStep(state any, op linearOp) []any {
	s := state.(queueState)
	items := itemsOf(s.items)
	switch op.Kind {
	case "put":
		s.puts++
		s.items = itemsText(append(items, queueItem{s.puts, op.Arg, 0}))
		if op.Pending {
			return []any{state, s}
		}
		return []any{s}
	case "get":
		if op.Pending { // it may take the first, which may come back
			if len(items) == 0 {
				return []any{state}
			}
			first := items[0]
			first.client = op.Client
			s.items, s.limbo = itemsText(items[1:]), itemsText(append(itemsOf(s.limbo), first))
			return []any{state, s}
		}
		if !op.OK {
			if len(items) > 0 {
				return nil
			}
			return []any{s}
		}
		if len(items) == 0 || items[0].value != op.Out {
			return nil
		}
		s.items = itemsText(items[1:])
		return []any{s}
	case "death": // what it has taken comes back to its place, unless it had received it
		var kept []queueItem
		for _, x := range itemsOf(s.limbo) {
			if x.client != op.Client {
				kept = append(kept, x)
				continue
			}
			x.client = 0
			items = append(items, x)
		}
		slices.SortFunc(items, func(a, b queueItem) int { return a.number - b.number })
		s.items, s.limbo = itemsText(items), itemsText(kept)
		return []any{state, s}
	}
	panic(op.Kind)
}

type lockState struct {
	holder    int
	abandoned bool
	dead      uint64 // clients
}

func lockStep(state any, op linearOp) []any {
	s := state.(lockState)
	if op.Pending && op.Kind != "death" && s.dead&(1<<op.Client) != 0 {
		return []any{s} // it has come too late
	}
	n := s
	switch op.Kind {
	case "lock", "trylock":
		if op.Kind == "trylock" && !op.OK && !op.Pending {
			if s.holder == 0 {
				return nil
			}
			return []any{s}
		}
		if s.holder != 0 {
			if op.Pending {
				return []any{s}
			}
			return nil
		}
		if !op.Pending && s.abandoned != (op.Out == 2) {
			return nil
		}
		n.holder = op.Client
	case "repaired", "unlock":
		if s.holder != op.Client {
			return nil
		}
		if op.Kind == "repaired" {
			n.abandoned = false
		} else {
			n.holder = 0
		}
	case "death":
		n.dead |= 1 << op.Client
		if s.holder != op.Client {
			return []any{n}
		}
		n.holder = 0
		told := n
		n.abandoned = true
		if op.OK { // its last operation was a lock, of which it may not have heard
			return []any{n, told}
		}
		return []any{n}
	}
	if op.Pending {
		return []any{s, n}
	}
	return []any{n}
}
