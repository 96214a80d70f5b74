package multiproc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc"
)

// end ends the process in the way that its argument says.
var end = multiproc.Proc("end", func(_ context.Context, how string) error {
	switch how {
	case "exit 0":
		os.Exit(0)
	case "exit 7":
		os.Exit(7)
	case "panic elsewhere":
		go explode()
	case "SIGKILL":
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case "SIGHUP":
		syscall.Kill(os.Getpid(), syscall.SIGHUP)
	default:
		return syscall.Exec("/bin/sh", []string{"sh", "-c", how}, os.Environ())
	}
	select {}
})

func startEnd(t *testing.T, how string, o multiproc.Options) *multiproc.Process {
	t.Helper()
	p, err := multiproc.Start(t.Context(), end.With(how).WithOptions(o))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestExitCodes(t *testing.T) {
	needProcess(t)
	for how, code := range map[string]int{"exit 0": 0, "exit 7": 7} {
		p := startEnd(t, how, multiproc.Options{})
		e, ok := errors.AsType[*multiproc.ExitError](p.Wait(patient(t)))
		if !ok || e.Code != code || e.Pid != p.Pid() {
			t.Errorf("%s: %v", how, p.Wait(patient(t)))
		}
		if got, ok := p.ExitCode(); got != code || !ok {
			t.Errorf("%s: %d, %v", how, got, ok)
		}
	}
}

// TestNoMain: a child whose main returns before it comes to Main or Init.
func TestNoMain(t *testing.T) {
	needProcess(t)
	p := startEnd(t, "exit 0", multiproc.Options{Env: append(os.Environ(), programEnv+"=nothing")})
	err := p.Wait(patient(t))
	if e, ok := errors.AsType[*multiproc.ExitError](err); !ok || e.Code != 0 || !errors.Is(err, multiproc.ErrNoMain) {
		t.Error(err)
	}
}

func TestPanicElsewhere(t *testing.T) {
	needProcess(t)
	file := tempFile(t)
	p := startEnd(t, "panic elsewhere", multiproc.Options{Stderr: file})
	if e, ok := errors.AsType[*multiproc.ExitError](p.Wait(patient(t))); !ok || e.Code != 2 {
		t.Error(p.Wait(patient(t)))
	}
	if trace := contents(t, file); !strings.Contains(trace, "panic: boom") || !strings.Contains(trace, "explode") {
		t.Errorf("its trace is %q", trace)
	}
}

func TestSignalDeath(t *testing.T) {
	needProcess(t)
	for how, sig := range map[string]syscall.Signal{"SIGKILL": syscall.SIGKILL, "SIGHUP": syscall.SIGHUP} {
		p := startEnd(t, how, multiproc.Options{})
		wantSignal(t, p, sig)
	}
}

func wantSignal(t *testing.T, p *multiproc.Process, sig syscall.Signal) *multiproc.SignalError {
	t.Helper()
	err := p.Wait(patient(t))
	e, ok := errors.AsType[*multiproc.SignalError](err)
	if !ok || e.Signal != sig || e.Pid != p.Pid() || e.Name != p.Name() {
		t.Fatalf("not killed by %v: %T: %v", sig, err, err)
	}
	if code, ok := p.ExitCode(); code != -int(sig) || !ok {
		t.Errorf("exit code %d, %v", code, ok)
	}
	if !strings.Contains(p.String(), sig.String()) {
		t.Error(p)
	}
	return e
}

func TestExecByChild(t *testing.T) {
	needProcess(t)
	limits := multiproc.Limits{Core: -1}
	wantSignal(t, startEnd(t, "kill -SEGV $$", multiproc.Options{Limits: limits}), syscall.SIGSEGV)
	p := startEnd(t, "exit 9", multiproc.Options{})
	if e, ok := errors.AsType[*multiproc.ExitError](p.Wait(patient(t))); !ok || e.Code != 9 {
		t.Error(p.Wait(patient(t)))
	}
}

func TestKill(t *testing.T) {
	needProcess(t)
	post := newPost(t)
	p, err := multiproc.Start(t.Context(), linger.With(post.Addr))
	if err != nil {
		t.Fatal(err)
	}
	v := post.next(t)
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	wantSignal(t, p, syscall.SIGKILL)
	v.rest(t)
}

func TestGraceKill(t *testing.T) {
	needProcess(t)
	post := newPost(t)
	for _, grace := range []time.Duration{time.Millisecond, -1} {
		ctx, cancel := context.WithCancelCause(t.Context())
		p, err := multiproc.Start(ctx, stubborn.With(post.Addr).WithOptions(multiproc.Options{Grace: grace}))
		if err != nil {
			t.Fatal(err)
		}
		post.next(t)
		cancel(errOwn)
		if e := wantSignal(t, p, syscall.SIGKILL); !errors.Is(e, errOwn) || !strings.Contains(e.Error(), "own") {
			t.Errorf("it does not say why: %v", e)
		}
	}
}

func TestDaemonKilled(t *testing.T) {
	needProcess(t)
	post := newPost(t)
	p, err := multiproc.Start(t.Context(), stubbornDaemon.With(post.Addr))
	if err != nil {
		t.Fatal(err)
	}
	daemon, parent := post.next(t), post.next(t)
	if parent.text != "parent" {
		daemon, parent = parent, daemon
	}
	parent.say(t, "go")
	if err := p.Wait(patient(t)); err != nil {
		t.Error(err)
	}
	daemon.rest(t)
}

var stubbornDaemon = multiproc.Proc("stubborn daemon", func(ctx context.Context, addr string) error {
	if _, err := stubborn.StartWith(ctx, addr, multiproc.Options{Daemon: true, Grace: time.Millisecond}); err != nil {
		return err
	}
	v, err := call(addr, "parent")
	if err != nil {
		return err
	}
	defer v.conn.Close()
	_, err = v.hear()
	return err
})

func TestStuckBeforeArgument(t *testing.T) {
	needProcess(t)
	post := newPost(t)
	ctx, cancel := context.WithCancel(t.Context())
	c, err := swapEnds.StartWith(ctx, make([]byte, 64<<20), multiproc.Options{
		Env:   append(os.Environ(), initEnv+"=stuck", addrEnv+"="+post.Addr),
		Grace: time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	post.next(t)
	cancel()
	if e := wantSignal(t, c.Process, syscall.SIGKILL); !errors.Is(e, context.Canceled) {
		t.Error(e)
	}
	if b, err := c.Result(patient(t)); b != nil || err == nil {
		t.Errorf("%d bytes, %v", len(b), err)
	}
}

var awaitSignal = multiproc.Proc("await signal", func(_ context.Context, addr string) error {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1)
	v, err := call(addr, "ready")
	if err != nil {
		return err
	}
	defer v.conn.Close()
	<-signals
	return nil
})

func TestSignalReachesEntry(t *testing.T) {
	needProcess(t)
	post := newPost(t)
	p, err := multiproc.Start(t.Context(), awaitSignal.With(post.Addr))
	if err != nil {
		t.Fatal(err)
	}
	post.next(t)
	if err := p.Signal(syscall.SIGUSR1); err != nil {
		t.Error(err)
	}
	if err := p.Wait(patient(t)); err != nil {
		t.Error(err)
	}
}

var interruptShell = multiproc.Func("interrupt shell", func(_ context.Context, addr string) (string, error) {
	v, err := call(addr, "ready")
	if err != nil {
		return "", err
	}
	defer v.conn.Close()
	v.hear()
	return fmt.Sprint(exec.Command("/bin/sh", "-c", "kill -INT $$; exit 0").Run()), nil
})

func TestInterruptIsDropped(t *testing.T) {
	needProcess(t)
	post := newPost(t)
	c, err := interruptShell.Start(t.Context(), post.Addr)
	if err != nil {
		t.Fatal(err)
	}
	v := post.next(t)
	if err := c.Signal(os.Interrupt); err != nil {
		t.Error(err)
	}
	v.say(t, "go")
	// And what it executes does not ignore the signal.
	if s, err := c.Result(patient(t)); s != "signal: interrupt" || err != nil {
		t.Errorf("%q, %v", s, err)
	}
}

func TestUnknownEntry(t *testing.T) {
	needProcess(t)
	c, err := forgotten.StartWith(t.Context(), 1, multiproc.Options{Env: append(os.Environ(), initEnv+"=forget")})
	if err != nil {
		t.Fatal(err)
	}
	err = c.Wait(patient(t))
	if _, ok := errors.AsType[*multiproc.StartError](err); !ok || !errors.Is(err, multiproc.ErrUnknownEntry) || !strings.Contains(err.Error(), "forgotten") {
		t.Errorf("%T: %v", err, err)
	}
}

// initEnv makes the test binary misbehave before it is a child.
const initEnv = "MULTIPROC_TEST_INIT"

var forgotten *multiproc.Entry[int, int]

var startedByInit struct {
	output []byte
	pid    int
}

func init() {
	what := os.Getenv(initEnv)
	if what != "forget" {
		forgotten = multiproc.Declare[int, int]("forgotten")
		forgotten.Handle(func(_ context.Context, n int) (int, error) { return n, nil })
	}
	switch what {
	case "stuck":
		call(os.Getenv(addrEnv), "stuck")
		select {}
	case "spawn":
		os.Unsetenv(initEnv)
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = append(os.Environ(), programEnv+"=foreign")
		startedByInit.output, _ = cmd.CombinedOutput()
		// This one keeps the control socket open beyond our end.
		sleep := exec.Command("sleep", "1000")
		if sleep.Start() == nil {
			startedByInit.pid = sleep.Process.Pid
		}
	}
}

type spawned struct {
	Output []byte
	Pid    int
}

var whatInitStarted = multiproc.Func("what init started", func(context.Context, multiproc.None) (spawned, error) {
	return spawned{startedByInit.output, startedByInit.pid}, nil
})

func TestProgramsStartedByInit(t *testing.T) {
	needProcess(t)
	c, err := whatInitStarted.StartWith(t.Context(), multiproc.None{}, multiproc.Options{Env: append(os.Environ(), initEnv+"=spawn")})
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.Result(patient(t))
	if err != nil {
		t.Fatal(err)
	}
	if s.Pid == 0 || syscall.Kill(s.Pid, syscall.SIGKILL) != nil {
		t.Errorf("the long-lived program is gone (pid %d): nothing was tested", s.Pid)
	}
	if !bytes.Equal(s.Output, []byte("root\n")) {
		t.Errorf("the other one says %q", s.Output)
	}
}

// TestWaitingTakesNoThreads: a parent has no thread for each of its children.
func TestWaitingTakesNoThreads(t *testing.T) {
	needProcess(t)
	const n = 50
	post := newPost(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	before := threads(t)
	var children []*multiproc.Process
	for range n {
		p, err := multiproc.Start(ctx, linger.With(post.Addr))
		if err != nil {
			t.Fatal(err)
		}
		children = append(children, p)
	}
	for range n {
		post.next(t)
	}
	if more := threads(t) - before; more > n/2 {
		t.Errorf("%d more threads for %d children", more, n)
	}
	cancel()
	for _, p := range children {
		p.Wait(patient(t))
	}
}

// threads is how many this process has.
func threads(t *testing.T) int {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	return len(tasks)
}
