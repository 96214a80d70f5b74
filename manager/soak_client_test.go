package manager_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/multiproc-go/multiproc/manager"
)

// soaked are the objects that all clients of the soak use.
type soaked struct {
	c     *manager.Client
	dict  *manager.Dict[any, any]
	list  *manager.List[any]
	queue *manager.Queue[any]
	lock  *manager.Mutex
	rlock *manager.ReentrantMutex
	cond  *manager.Cond
	event *manager.Event
	sem   *manager.Semaphore
}

func newSoaked(ctx context.Context, c *manager.Client) (*soaked, error) {
	s := &soaked{c: c}
	var errs [8]error
	s.dict, errs[0] = manager.NewDict[any, any](ctx, c)
	s.list, errs[1] = manager.NewList[any](ctx, c)
	s.queue, errs[2] = manager.NewQueue[any](ctx, c, 100)
	s.lock, errs[3] = manager.NewMutex(ctx, c)
	s.rlock, errs[4] = manager.NewReentrantMutex(ctx, c)
	s.cond, errs[5] = manager.NewCond(ctx, c)
	s.event, errs[6] = manager.NewEvent(ctx, c)
	s.sem, errs[7] = manager.NewSemaphore(ctx, c, 3)
	return s, errors.Join(errs[:]...)
}

type soakProxy interface {
	TypeID() string
	Ident() string
	MarshalBinary() ([]byte, error)
	UnmarshalBinary([]byte) error
	Close() error
}

func (s *soaked) all() []soakProxy {
	return []soakProxy{s.dict, s.list, s.queue, s.lock, s.rlock, s.cond, s.event, s.sem}
}

// idents are the objects, for Python.
func (s *soaked) idents() (args []string) {
	for _, p := range s.all() {
		args = append(args, p.TypeID()+"="+p.Ident())
	}
	return args
}

// handles are the objects, for Go.
func (s *soaked) handles() (string, error) {
	var words []string
	for _, p := range s.all() {
		data, err := p.MarshalBinary()
		if err != nil {
			return "", err
		}
		words = append(words, hex.EncodeToString(data))
	}
	return strings.Join(words, " "), nil
}

// soakProgram is a Go client of the soak.
func soakProgram() error {
	ctx := context.Background()
	s := &soaked{dict: new(manager.Dict[any, any]), list: new(manager.List[any]), queue: new(manager.Queue[any]), lock: new(manager.Mutex),
		rlock: new(manager.ReentrantMutex), cond: new(manager.Cond), event: new(manager.Event), sem: new(manager.Semaphore)}
	for i, word := range strings.Fields(os.Getenv("MULTIPROC_TEST_SOAK")) {
		data, err := hex.DecodeString(word)
		if err != nil {
			return err
		}
		if err := s.all()[i].UnmarshalBinary(data); err != nil {
			return fmt.Errorf("%s: %w", s.all()[i], err)
		}
	}
	s.c = s.dict.Client()
	var seed uint64
	var steps int
	if _, err := fmt.Sscan(os.Getenv("MULTIPROC_TEST_SOAK_STEPS"), &seed, &steps); err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(seed, 0))
	for range steps {
		step := []func(*soaked, context.Context, *rand.Rand) error{
			(*soaked).useDict, (*soaked).useNested, (*soaked).useQueue, (*soaked).useLocks, (*soaked).useBatch,
		}[random.IntN(5)]
		if err := step(s, ctx, random); err != nil {
			return err
		}
	}
	if random.IntN(2) == 0 {
		return nil // without giving anything back
	}
	var errs error
	for _, p := range s.all() {
		errs = errors.Join(errs, p.Close())
	}
	return errors.Join(errs, s.c.Close())
}

// but returns err unless it is one of those that others' doings bring about.
func but(err error, fine ...error) error {
	for _, f := range fine {
		if errors.Is(err, f) {
			return nil
		}
	}
	return err
}

func (s *soaked) useDict(ctx context.Context, random *rand.Rand) error {
	key := int64(random.IntN(50))
	err := s.dict.Set(ctx, key, strings.Repeat("go", random.IntN(100)))
	_, err1 := s.dict.Get(ctx, int64(random.IntN(50)))
	_, err2 := s.dict.Update(ctx, key, func(any, bool) (any, error) { return random.Int64(), nil })
	_, err3 := s.dict.Pop(ctx, int64(random.IntN(50)))
	return errors.Join(err, but(err1, manager.ErrKey), err2, but(err3, manager.ErrKey))
}

func (s *soaked) useNested(ctx context.Context, random *rand.Rand) error {
	own, err := manager.NewList[any](ctx, s.c)
	if err != nil {
		return err
	}
	err = errors.Join(s.dict.Set(ctx, fmt.Sprint("nested-", random.IntN(10)), own), own.Append(ctx, own), s.list.Append(ctx, own))
	v, err1 := s.dict.Get(ctx, fmt.Sprint("nested-", random.IntN(10)))
	if p, ok := v.(*manager.Proxy); ok {
		_, err := p.Repr(ctx)
		err1 = errors.Join(err1, err)
		if random.IntN(2) == 0 { // or by the garbage collector
			err1 = errors.Join(err1, p.Close())
		}
	}
	if n, err := s.list.Len(ctx); err == nil && n > 60 {
		err1 = errors.Join(err1, s.list.DeleteSlice(ctx, 0, 30))
	}
	if random.IntN(2) == 0 {
		err1 = errors.Join(err1, own.Close())
	}
	return errors.Join(err, but(err1, manager.ErrKey))
}

func (s *soaked) useQueue(ctx context.Context, random *rand.Rand) error {
	_, err := s.queue.TryPut(ctx, int64(1))
	soon, cancel := context.WithTimeout(ctx, time.Duration(random.IntN(10))*time.Millisecond)
	defer cancel()
	_, err1 := s.queue.Get(soon)
	_, _, err2 := s.queue.TryGet(ctx)
	return errors.Join(err, but(err1, context.DeadlineExceeded), err2)
}

func (s *soaked) useLocks(ctx context.Context, random *rand.Rand) error {
	var errs error
	if g, got, err := s.lock.TryLock(ctx); got {
		if g.Abandoned() {
			errs = g.Repaired(ctx)
		}
		g.Unlock()
	} else {
		errs = err
	}
	o := manager.NewOwner()
	nested := func() error { return but(s.rlock.Do(ctx, o, func() error { return nil }), manager.ErrAbandoned) }
	errs = errors.Join(errs, but(s.rlock.Do(ctx, o, nested), manager.ErrAbandoned))
	if p, err := s.sem.Acquire(ctx); err == nil {
		p.Release()
	} else {
		errs = errors.Join(errs, err)
	}
	g, err := s.cond.Lock(ctx)
	if err != nil {
		return errors.Join(errs, err)
	}
	defer g.Unlock()
	if random.IntN(2) == 0 {
		return errors.Join(errs, s.cond.Signal(ctx, g, 2), s.event.Set(ctx))
	}
	soon, cancel := context.WithTimeout(ctx, time.Duration(random.IntN(10))*time.Millisecond)
	defer cancel()
	return errors.Join(errs, but(s.cond.Wait(soon, g), context.DeadlineExceeded), s.event.Clear(ctx))
}

func (s *soaked) useBatch(ctx context.Context, random *rand.Rand) error {
	return but(s.c.Batch(ctx, func(b *manager.Batch) error {
		for range random.IntN(200) {
			s.dict.In(b).Set(int64(random.IntN(50)), random.Float64())
			s.queue.In(b).TryGet()
		}
		return nil
	}), manager.ErrEmpty)
}
