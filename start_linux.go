package multiproc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"

	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/handoff"
	"github.com/multiproc-go/multiproc/internal/handoff/mark"
	"github.com/multiproc-go/multiproc/internal/sys"
)

const haveProcesses = true

// program is re-executed for each child: the very file that runs, even if it was
// replaced or deleted since.
const program = "/proc/self/exe"

// childProcess is the body of a child that is a process.
//
// Three goroutines see to it. The owner waits for the process; it ends last. The
// receiver reads the control socket to its end, which the owner brings about when
// the process has ended: a program that the child started before it was one may
// hold the socket open for much longer. The sender sends the argument and is
// soon gone; it blocks as long as the child does not read.
type childProcess struct {
	cmd  *exec.Cmd
	conn *control

	mu     sync.Mutex // protects the rest
	ended  bool       // the process has been waited for
	unsent error      // why the child, although it lives, cannot get its argument
}

func (c *childProcess) cancel(cause error) {
	why, err := handoff.Encode(handoff.EncodeError(cause))
	if err != nil {
		panic(err) // a WireError has nothing that could fail
	}
	c.conn.sending.Lock()
	defer c.conn.sending.Unlock()
	_ = c.conn.send(kindCancel, why) // a dead child needs no cancelling
}

func (c *childProcess) signal(sig os.Signal) error { return c.cmd.Process.Signal(sig) }

func (c *childProcess) kill() error { return c.cmd.Process.Kill() }

func startProcess(ctx context.Context, p *Process, t Task, m *family.Member, arg handoff.Payload) (err error) {
	p.id, err = m.Reserve()
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			m.Collect(p.id)
		}
	}()
	invitation, arena := m.Invitation(p.id)
	start := startMessage{
		Self:       Info{Name: p.name, Entry: p.entry, ID: uint32(p.id), Daemon: p.daemon},
		Parent:     Self(ctx),
		Invitation: invitation,
		Grace:      p.grace,
		Limits:     t.options.Limits,
	}
	marked, err := mark.NewMark()
	if err != nil {
		return err
	}
	ours, theirs, err := sys.Socketpair()
	if err != nil {
		return err
	}
	defer theirs.Close()

	cmd := command(t.options)
	cmd.ExtraFiles = []*os.File{theirs} // the only descriptor that is inherited
	cmd.Env = append(cmd.Environ(), marked.Env())
	if err := cmd.Start(); err != nil {
		ours.Close()
		return err
	}
	p.pid = cmd.Process.Pid
	c := &childProcess{cmd: cmd, conn: &control{file: ours}}
	p.body = c
	c.conn.sending.Lock() // a cancel comes after the argument
	p.watch(ctx)
	p.side.Go(func() {
		defer c.conn.sending.Unlock()
		defer arg.Close()
		err := mark.SendHello(ours, marked, p.pid)
		if err == nil {
			// While the child comes to itself: it needs to know, and has less time.
			start.Invitation.Started, _ = sys.StartTime(p.pid)
			err = c.conn.send(kindStart, handoff.Payload{Data: start.append(nil), Files: []*os.File{arena}})
		}
		if err == nil {
			err = c.conn.send(kindArgument, arg)
		}
		if err != nil {
			c.giveUp(err)
		}
	})
	go c.own(p, m)
	return nil
}

func command(o Options) *exec.Cmd {
	cmd := &exec.Cmd{
		Path:   program,
		Args:   os.Args,
		Env:    o.Env,
		Dir:    o.Dir,
		Stdout: os.Stdout,
		Stderr: os.Stderr,
	}
	// A nil *os.File in these would not be a nil io.Reader or io.Writer.
	if o.Stdin != nil {
		cmd.Stdin = o.Stdin
	}
	if o.Stdout != nil {
		cmd.Stdout = o.Stdout
	}
	if o.Stderr != nil {
		cmd.Stderr = o.Stderr
	}
	return cmd
}

// giveUp ends a child to which its argument could not be sent: it would wait for it for
// ever. If the reason is that the child has died, the owner knows more.
func (c *childProcess) giveUp(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) {
		return
	}
	c.unsent = fmt.Errorf("the argument: %w", err)
	_ = c.kill()
}

// own waits for the child and sees to all that its end entails.
func (c *childProcess) own(p *Process, m *family.Member) {
	received := make(chan outcome, 1)
	go func() { received <- receive(c.conn) }()
	_ = sys.AwaitEnd(c.cmd.Process) // else Wait does
	err := c.cmd.Wait()
	c.mu.Lock()
	c.ended = true
	c.mu.Unlock()
	_ = sys.EndReading(c.conn.file)
	o := <-received
	c.conn.file.Close() // and with it the sender ends
	m.Collect(p.id)

	code, err := p.judge(o, c.cmd.ProcessState, err)
	c.mu.Lock()
	if c.unsent != nil && o.kind == 0 {
		err = &StartError{Name: p.name, Pid: p.pid, Err: c.unsent}
	}
	c.mu.Unlock()
	p.end(err, code, o)
}

// judge weighs what a child said against how it ended.
func (p *Process) judge(o outcome, state *os.ProcessState, err error) (code int, reason error) {
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		// The kernel does not say how it ended, as when SIGCHLD is ignored.
		return exitError, &ProcessError{Op: "wait for", Name: p.name, Pid: p.pid, Err: err}
	}
	status := state.Sys().(syscall.WaitStatus)
	if status.Exited() && o.kind == 0 && !o.here && p.stopped() == nil {
		code = status.ExitStatus()
		return code, &ExitError{Name: p.name, Pid: p.pid, Code: code, Err: ErrNoMain}
	}
	if !status.Signaled() {
		return status.ExitStatus(), p.conclude(o, status.ExitStatus())
	}
	code = -int(status.Signal())
	if err := o.err(p); err != nil {
		return code, err // what it came to harm of later matters less
	}
	return code, &SignalError{
		Name:       p.name,
		Pid:        p.pid,
		Signal:     status.Signal(),
		CoreDumped: status.CoreDump(),
		Err:        p.stopped(),
	}
}

// receive reads what a child says until it says no more.
func receive(conn *control) (o outcome) {
	for {
		kind, data, err := conn.receive()
		if kind != kindResult && err != nil {
			return o
		}
		o.result.Close()
		switch kind {
		case kindHere:
			o.here = true
		case kindResult:
			o = outcome{kind: kind, result: data, lost: err}
		case kindFailed, kindPanic, kindRefused:
			o = outcome{kind: kind}
			if _, err := handoff.Decode(data, &o.report, nil); err != nil {
				o = refused(err)
			}
		}
	}
}
