package multiproc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/handoff"
	"github.com/multiproc-go/multiproc/internal/handoff/mark"
	"github.com/multiproc-go/multiproc/internal/sys"
)

// child is this process while it is somebody's child.
type child struct {
	conn  *control
	start startMessage

	ctx     context.Context
	cancel  context.CancelCauseFunc
	signals chan os.Signal
	heeding chan struct{} // closed when SIGTERM ends the context, and SIGINT nothing
	orphan  sync.Once
}

// beChild returns if this process is not a child. Otherwise it is one, to its end.
func beChild() {
	_, hello, err := mark.Inherited()
	switch {
	case errors.Is(err, mark.ErrOrphan):
		os.Exit(exitOrphan)
	case err != nil:
		complain(err)
		os.Exit(exitError)
	case hello == nil:
		return
	}
	c := &child{
		conn:    &control{file: hello.Conn},
		signals: make(chan os.Signal, 8),
		heeding: make(chan struct{}),
	}
	_ = c.conn.send(kindHere, handoff.Payload{}) // if that fails the parent is dead, as will be seen
	c.ctx, c.cancel = context.WithCancelCause(context.Background())
	go c.heedSignals()
	os.Exit(c.live())
}

// heedSignals drops SIGINT, which a terminal sends to the root too; the root then
// cancels its children. To ignore it would be simpler, but programs that the child
// executes would inherit that. The runtime takes longer to begin with it than all else
// takes until the entry can run, which waits for it.
func (c *child) heedSignals() {
	signal.Notify(c.signals, syscall.SIGTERM)
	if !signal.Ignored(os.Interrupt) {
		signal.Notify(c.signals, os.Interrupt)
	}
	close(c.heeding)
	for sig := range c.signals {
		switch sig {
		case syscall.SIGTERM:
			c.cancel(ErrTerminated)
		case syscall.SIGXCPU:
			c.cancel(ErrCPULimit)
		}
	}
}

// live is the child's life: it is set up, runs its entry, reports and cleans up.
// It returns the exit code.
func (c *child) live() int {
	arg, arena, err := c.receive()
	if err != nil {
		if !errors.Is(err, io.EOF) {
			// As when this process may not have as many descriptors as it was sent.
			c.send(refused(fmt.Errorf("multiproc: a child, from its parent: %w", err)))
			return exitError
		}
		return exitOrphan
	}
	m, err := c.join(arena)
	if err != nil {
		c.send(refused(err))
		if errors.Is(err, ErrOrphan) {
			return exitOrphan
		}
		return exitError
	}
	go c.heedParent()
	go func() {
		<-m.Orphaned()
		c.orphaned()
	}()
	e := lookup(c.start.Self.Entry)
	if e == nil || e.call == nil {
		c.send(refused(fmt.Errorf("%w: %q; is it declared in a package variable?", ErrUnknownEntry, c.start.Self.Entry)))
		return exitError
	}
	<-c.heeding
	o := e.run(c.ctx, arg, m)
	c.send(o)
	code := here.finish(c.ctx, o.code())
	m.Leave()
	return code
}

// receive reads what the parent sends first.
func (c *child) receive() (arg handoff.Payload, arena *os.File, err error) {
	start, err := c.expect(kindStart)
	if err != nil {
		return arg, nil, err
	}
	if len(start.Files) != 1 {
		start.Close()
		return arg, nil, fmt.Errorf("%d descriptors in place of the arena's", len(start.Files))
	}
	arena, start.Files = start.Files[0], nil
	if err := c.start.parse(start.Data); err != nil {
		arena.Close()
		return arg, nil, err
	}
	arg, err = c.expect(kindArgument)
	return arg, arena, err
}

func (c *child) expect(kind byte) (handoff.Payload, error) {
	got, data, err := c.conn.receive()
	if err == nil && got != kind {
		err = fmt.Errorf("frame %q in place of %q", got, kind)
	}
	return data, err
}

// join makes this process a member of the family.
func (c *child) join(arena *os.File) (*family.Member, error) {
	m, err := family.Join(c.start.Invitation, arena)
	if err != nil {
		return nil, err
	}
	here.mu.Lock()
	here.info = c.start.Self
	here.info.Pid = os.Getpid()
	here.parent = &c.start.Parent
	here.mu.Unlock()
	m.Describe(c.start.Self.Name, c.start.Self.Entry)
	if err := c.start.Limits.apply(); err != nil {
		return nil, err
	}
	if sys.IsLimited(sys.CPUSeconds) { // by us, or by who limited a forebear
		signal.Notify(c.signals, syscall.SIGXCPU)
	}
	return m, nil
}

// send reports to the parent, and closes what descriptors go with it. Should it fail,
// the parent is dead, or will take what is missing for this child's death.
func (c *child) send(o outcome) {
	data := o.result
	if o.kind != kindResult {
		var err error
		if data, err = handoff.Encode(o.report); err != nil {
			panic(err) // strings only
		}
	}
	_ = c.conn.send(o.kind, data)
	data.Close()
}

// heedParent reads the control socket until the parent is dead.
func (c *child) heedParent() {
	for {
		kind, data, err := c.conn.receive()
		if err != nil {
			c.orphaned()
			return
		}
		if kind == kindCancel {
			var why handoff.WireError
			if _, err := handoff.Decode(data, &why, nil); err != nil {
				c.cancel(context.Canceled)
			}
			c.cancel(&cancelError{why})
		}
	}
}

// orphaned ends the context, and after the grace time the process. An ancestor's
// death reaches all who descend from it at once, so that a whole tree is gone in
// one grace time.
func (c *child) orphaned() {
	c.orphan.Do(func() {
		note("orphan", "process", c.start.Self.Name, "parent", c.start.Parent.Pid)
		c.cancel(ErrParentDied)
		time.AfterFunc(c.start.Grace, func() { os.Exit(exitOrphan) })
	})
}
