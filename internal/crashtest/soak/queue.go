package soak

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/queue"
	"github.com/multiproc-go/multiproc/shm"
)

// QueuePoints are the named moments at which a worker at a queue may die.
var QueuePoints = []string{
	"queue.claimed", "queue.copied", "queue.placing", "queue.placed", "queue.committed", "queue.wake",
	"queue.taking", "queue.held", "queue.gone", "queue.ack", "queue.acked", "queue.returned", "queue.retaken",
	"queue.sleep", "queue.woken", "queue.giveup", "queue.pausing", "arena.pending", "arena.block", "arena.head", "arena.applied",
}

// perWorker is how many items a worker puts at most.
const perWorker = 64

// post is what the workers share. An item is the number of its place in Acked.
type post struct {
	Q      *queue.JoinableQueue[[]byte]
	Sure   *shm.Array[int32]  // by worker: items that it has put, for certain
	Acking *shm.Array[int64]  // by worker: 1 + the item whose Ack it is in, or 0
	Acked  *shm.Array[uint32] // by item: Acks that have returned
}

type postJob struct {
	Post post
	Recruit
}

var postman = multiproc.Proc("soak postman", func(ctx context.Context, j postJob) error {
	w := worker{job: job{Point: j.Point, Nth: j.Nth}}
	w.arm()
	rnd := rand.New(rand.NewPCG(j.Seed, uint64(j.Index)))
	for put := 0; !j.Floor.Stop.Load() && ctx.Err() == nil; shm.Add(j.Floor.Work, 1) {
		began := j.Floor.now()
		if put < perWorker && rnd.IntN(2) == 0 {
			done, err := j.Post.put(ctx, rnd, j.Index, put)
			if err != nil {
				return err
			}
			put += done
		} else if err := j.Post.take(ctx, rnd, j.Index); err != nil {
			return err
		}
		j.Floor.waited(began)
	}
	return nil
})

// shortly is a context that ends soon, so that nobody waits for those who wait too.
func shortly(ctx context.Context, rnd *rand.Rand) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, time.Duration(rnd.IntN(3000))*time.Microsecond)
}

// put puts the worker's next item, or gives up.
func (p post) put(ctx context.Context, rnd *rand.Rand, index, n int) (done int, err error) {
	ctx, cancel := shortly(ctx, rnd)
	defer cancel()
	size := 8 + rnd.IntN(100)
	if rnd.IntN(4) == 0 {
		size = 3000 + rnd.IntN(3000)
	}
	b := make([]byte, size)
	binary.LittleEndian.PutUint64(b, uint64(index*perWorker+n))
	for i := range b[8:] {
		b[8+i] = byte(index)
	}
	if err = p.Q.Put(ctx, b); err == nil {
		p.Sure.Set(index, int32(n+1))
		return 1, nil
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return 0, nil
	}
	return 0, err
}

// take takes an item and says that it was dealt with, or gives it back.
func (p post) take(ctx context.Context, rnd *rand.Rand, index int) error {
	ctx, cancel := shortly(ctx, rnd)
	defer cancel()
	l, err := p.Q.GetLease(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	if err != nil {
		return err
	}
	item, err := p.check(l.Value)
	if err != nil {
		return err
	}
	if rnd.IntN(8) == 0 {
		return l.Nack()
	}
	return p.ack(l, index, item)
}

// check looks whether an item is whole, and new.
func (p post) check(b []byte) (item int, err error) {
	if len(b) < 8 {
		return 0, fmt.Errorf("an item of %d bytes", len(b))
	}
	item = int(binary.LittleEndian.Uint64(b))
	if item < 0 || item >= p.Acked.Len() {
		return 0, fmt.Errorf("item %d was never put", item)
	}
	for _, x := range b[8:] {
		if x != byte(item/perWorker) {
			return 0, fmt.Errorf("item %d is torn", item)
		}
	}
	if n := atomic.LoadUint32(&p.Acked.Slice()[item]); n != 0 {
		return 0, fmt.Errorf("item %d is delivered after its Ack", item)
	}
	return item, nil
}

func (p post) ack(l *queue.Lease[[]byte], index, item int) error {
	acking := &p.Acking.Slice()[index]
	atomic.StoreInt64(acking, int64(item)+1)
	if err := l.Ack(); err != nil {
		return err
	}
	if n := atomic.AddUint32(&p.Acked.Slice()[item], 1); n != 1 {
		return fmt.Errorf("item %d was acknowledged %d times", item, n)
	}
	atomic.StoreInt64(acking, 0)
	return nil
}

// QueueReport tells what happened at a queue.
type QueueReport struct {
	Toll
	Items, InDoubt int // acknowledged; and those of which only a dead process knew
	LeftOver       int // items that the workers left in the queue
}

func (r QueueReport) String() string {
	return fmt.Sprintf("%v; %d items acknowledged, %d in doubt, %d left to the parent", r.Toll, r.Items, r.InDoubt, r.LeftOver)
}

// RunQueue lets processes put and take items while they are killed, until Kills have died or For is over. It returns an error if an
// item was lost, doubled or torn, if somebody hangs, or if memory was lost.
func RunQueue(ctx context.Context, o Options) (report QueueReport, err error) {
	o = o.complete()
	err = audit(o.Patience, func() (int, error) {
		p, closeAll, err := newPost(o.mostWorkers(), o.Processes)
		if err != nil {
			return 0, err
		}
		report.Toll, err = o.shift(ctx, 1, QueuePoints, func(r Recruit) (*multiproc.Process, error) {
			return multiproc.Start(context.Background(), postman.With(postJob{p, r}))
		}, nil)
		if err == nil {
			patient, cancel := context.WithTimeout(context.Background(), o.Patience)
			report, err = p.balance(patient, report)
			cancel()
		}
		return 0, errors.Join(err, closeAll())
	})
	return report, err
}

func newPost(workers, leases int) (p post, closeAll func() error, err error) {
	var errs [4]error
	p.Q, errs[0] = queue.NewJoinable[[]byte](queue.Options{Capacity: 16, Bytes: 128 << 10, Leases: max(leases, 4)})
	p.Sure, errs[1] = shm.NewArray[int32](workers)
	p.Acking, errs[2] = shm.NewArray[int64](workers)
	p.Acked, errs[3] = shm.NewArray[uint32](workers * perWorker)
	return p, func() error {
		return errors.Join(p.Q.Close(), p.Sure.Close(), p.Acking.Close(), p.Acked.Close())
	}, errors.Join(errs[:]...)
}

// balance takes what is left and looks at every item.
func (p post) balance(ctx context.Context, report QueueReport) (QueueReport, error) {
	if err := p.Q.Drain(); err != nil {
		return report, err
	}
	for {
		l, err := p.Q.GetLease(ctx)
		if errors.Is(err, queue.ErrClosed) {
			break
		}
		if err != nil {
			return report, err
		}
		item, err := p.check(l.Value)
		if err != nil {
			return report, err
		}
		report.LeftOver++
		if err := p.ack(l, p.Acking.Len()-1, item); err != nil {
			return report, err
		}
	}
	doubt := make(map[int]bool)
	for _, n := range p.Acking.Slice() {
		if n != 0 {
			doubt[int(n-1)] = true
		}
	}
	for item, acks := range p.Acked.Slice() {
		sure := int(p.Sure.At(item / perWorker))
		switch nth := item % perWorker; {
		case acks == 1:
			report.Items++
			if nth > sure {
				return report, fmt.Errorf("item %d was taken, and its worker had put %d only", item, sure)
			}
		case nth >= sure: // not put, or not for certain
		case doubt[item]:
			report.InDoubt++
		default:
			return report, fmt.Errorf("item %d of worker %d is lost: it had put %d", nth, item/perWorker, sure)
		}
	}
	if report.Items == 0 {
		return report, errors.New("nothing was taken")
	}
	return report, p.Q.Join(ctx)
}
