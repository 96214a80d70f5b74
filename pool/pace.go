package pool

import "time"

const (
	// aim is how much work is handed out at a time where tasks are short, ahead how much a worker has before it.
	aim      = time.Millisecond
	ahead    = 2 * time.Millisecond
	maxChunk = 1 << 20
	// autoChunk and autoAhead bound, in tasks, what measuring can lead to.
	autoChunk = 1 << 13
	autoAhead = 1 << 14
	// growth is how many times as many tasks are handed out as have shown how long they take: the next may be of
	// another kind, and who has begun a chunk must end it.
	growth = 8
)

// A pace is what has been measured of the time that a job's tasks take.
type pace struct {
	spent, tasks float64 // nanoseconds, and tasks in them; what is older counts less
	seen         int     // tasks, all
}

// measure learns that n tasks took d together. What is older counts for no more than three times as many tasks, for tasks that have become slow come
// one by one after thousands of fast ones.
func (c *pace) measure(d time.Duration, n int) {
	const fade = 0.75
	took := max(float64(d), 1)
	if c.seen > 0 {
		keep := min(c.tasks*fade, 3*float64(n))
		took += c.spent / c.tasks * keep
		c.tasks = keep
	}
	c.spent = took
	c.tasks += float64(n)
	c.seen += n
}

// portion is how many tasks are handed out at a time, and how many a worker may have. chunk is Options.Chunk.
func (c *pace) portion(chunk int) (at, window int) {
	at, window = 1, 1
	if c.seen > 0 {
		took, most := c.spent/c.tasks, growth*min(c.seen, autoAhead)
		at = max(min(int(float64(aim)/took), autoChunk, most), 1)
		window = max(min(int(float64(ahead)/took), autoAhead, 2*most), at)
	}
	if chunk > 0 {
		return chunk, max(min(window, 64*chunk), chunk)
	}
	return at, window
}
