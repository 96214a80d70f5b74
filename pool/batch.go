package pool

import "encoding/binary"

// A batch is consecutive tasks of a job. It belongs to its job, or while a worker has it to that worker; everything in it
// is protected by Pool.mu. What a task costs the pool is a few bytes here: there is nothing else for each.
type batch struct {
	job    *job
	index  int    // of the first task in the job
	count  int    // of tasks
	args   []byte // of all, each behind its length
	ended  int    // how many tasks at the front have ended; never all
	tries  int    // how often a worker has begun it; more than 0 in a batch of one task only
	number uint64 // of the first task at its worker
}

// current is the number of the first task that has not ended.
func (b *batch) current() uint64 { return b.number + uint64(b.ended) }

func (b *batch) has(number uint64) bool {
	return number >= b.number && number-b.number < uint64(b.count)
}

func (b *batch) left() int { return b.count - b.ended }

// cut takes up to n tasks off the front, fewer if their arguments have more than so many bytes, but at least one. None has ended. If that is all
// there are, it returns b itself.
func (b *batch) cut(n, bytes int) *batch {
	if n >= b.count && len(b.args) <= bytes {
		return b
	}
	count, size := 0, 0
	for count < b.count && count < n {
		next := size + argLen(b.args[size:])
		if count > 0 && next > bytes {
			break
		}
		count, size = count+1, next
	}
	if count == b.count {
		return b
	}
	front := &batch{job: b.job, index: b.index, count: count, args: b.args[:size:size], number: b.number, tries: b.tries}
	b.index, b.count, b.args, b.number = b.index+count, b.count-count, b.args[size:], b.number+uint64(count)
	return front
}

// append adds the tasks of another batch, if they come next in the job and the batch does not become too large. None of either has been begun.
func (b *batch) append(o *batch) bool {
	if b.index+b.count != o.index || b.tries+o.tries > 0 || b.count+o.count > feedBatch || len(b.args)+len(o.args) > feedBytes {
		return false
	}
	b.args = append(b.args, o.args...) // what a cut has taken off the front ends before
	b.count += o.count
	return true
}

// trim forgets the tasks that have ended.
func (b *batch) trim() {
	for ; b.ended > 0; b.ended-- {
		b.args = b.args[argLen(b.args):]
		b.index, b.count, b.number = b.index+1, b.count-1, b.number+1
	}
}

// one is the task that the batch is at, as a batch of its own.
func (b *batch) one() *batch {
	args := b.args
	for range b.ended {
		args = args[argLen(args):]
	}
	n := argLen(args)
	return &batch{job: b.job, index: b.index + b.ended, count: 1, args: args[:n:n], tries: b.tries, number: b.current()}
}

// argLen is the length of the first of several arguments, with what is before it.
func argLen(args []byte) int {
	if args[0] < 0x80 {
		return 1 + int(args[0])
	}
	n, k := binary.Uvarint(args)
	return k + int(n)
}

// sized appends what the function appends, behind its length.
func sized(b []byte, fn func([]byte) ([]byte, error)) ([]byte, error) {
	at := len(b)
	long, err := fn(append(b, 0))
	if err != nil {
		return b, err
	}
	n := len(long) - at - 1
	if n < 0x80 {
		long[at] = byte(n)
		return long, nil
	}
	var head [binary.MaxVarintLen64]byte
	k := binary.PutUvarint(head[:], uint64(n))
	long = append(long, head[:k-1]...) // for room
	copy(long[at+k:], long[at+1:at+1+n])
	copy(long[at:], head[:k])
	return long, nil
}

// A piece is what came of consecutive tasks of a job: their records, as the worker has sent them, or why they failed.
type piece struct {
	index   int
	count   int
	records []byte
	err     error
}

// each calls fn with what came of each task.
func (c piece) each(fn func(index int, result []byte, err error)) {
	r := reader{rest: c.records}
	for i := range c.count {
		if c.err != nil {
			fn(c.index+i, nil, c.err)
			continue
		}
		if r.number() != kindNext {
			r.number()
		}
		fn(c.index+i, r.bytes(), nil)
	}
}
