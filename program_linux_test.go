package multiproc_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc"
)

// program is a process that is not ours, but a root.
type program struct {
	*exec.Cmd
	out, err bytes.Buffer
}

func startProgram(t *testing.T, name string, env ...string) *program {
	t.Helper()
	p := &program{Cmd: exec.Command(executable(t))}
	p.Env = append(append(os.Environ(), programEnv+"="+name), env...)
	p.start(t)
	return p
}

func (p *program) start(t *testing.T) {
	t.Helper()
	p.Stdout, p.Stderr = &p.out, &p.err
	p.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // as a shell does
	p.WaitDelay = watchdog
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.signal(syscall.SIGKILL) })
}

// signal sends to the whole process group, as a terminal does.
func (p *program) signal(sig syscall.Signal) { syscall.Kill(-p.Process.Pid, sig) }

// code waits for the program and all that holds its output.
func (p *program) code(t *testing.T) int {
	t.Helper()
	stuck := time.AfterFunc(watchdog, func() { p.signal(syscall.SIGABRT) })
	defer stuck.Stop()
	if err := p.Wait(); p.ProcessState == nil || errors.Is(err, exec.ErrWaitDelay) {
		t.Fatal(err)
	}
	return p.ProcessState.ExitCode()
}

func (p *program) want(t *testing.T, code int, out, errs string) {
	t.Helper()
	if got := p.code(t); got != code || p.out.String() != out || !strings.Contains(p.err.String(), errs) || errs == "" && p.err.Len() > 0 {
		t.Errorf("exit code %d in place of %d\nout: %s\nerr: %s", got, code, p.out.String(), p.err.String())
	}
}

func TestPrograms(t *testing.T) {
	own := filepath.Base(executable(t)) + ": multiproc_test: own\n"
	startProgram(t, "ok").want(t, 0, "", "")
	startProgram(t, "error").want(t, 1, "", own)
	startProgram(t, "goroutines").want(t, 0, "42 true\n", "")
	startProgram(t, "processes").want(t, 0, "42 false\n", "")
	startProgram(t, "stubborn daemon", addrEnv+"="+newPost(t).Addr).want(t, 0, "", "")
	startProgram(t, "late").want(t, 0, "multiproc: configured after Main or Init\n", "")
	startProgram(t, "not initialized").want(t, 0,
		"true multiproc: start double: multiproc: neither Main nor Init has been called\n", "")
}

func TestLogger(t *testing.T) {
	p := startProgram(t, "log")
	if code := p.code(t); code != 0 {
		t.Fatal(code, p.err.String())
	}
	for _, text := range []string{`level=DEBUG msg="multiproc: start" process=double-1 entry=double pid=`, `msg="multiproc: exit" process=double-1`} {
		if !strings.Contains(p.out.String(), text) {
			t.Errorf("no %s in\n%s", text, p.out.String())
		}
	}
}

func TestForeignMark(t *testing.T) {
	needProcess(t)
	for _, mark := range []string{"", "1", "1.00000000000000000000000000000000.3.0:0", "1.00000000000000000000000000000000.0.1:1", strings.Repeat("x", 1000)} {
		startProgram(t, "foreign", "MULTIPROC_CHILD="+mark).want(t, 0, "root\n", "")
	}
}

// TestWrongEntry: what may be a child leaves it to its parent to check the entries, and makes
// up for that if it is none.
func TestWrongEntry(t *testing.T) {
	for _, env := range []string{"NOTHING=1", "MULTIPROC_CHILD=1"} {
		p := startProgram(t, "wrong entry", env)
		if code := p.code(t); code != 0 || !strings.Contains(p.out.String(), `multiproc: entry "wrong", declared at `) ||
			!strings.Contains(p.out.String(), "programs_test.go") || !strings.Contains(p.out.String(), "chan int") {
			t.Errorf("%s: %d, %q, %q", env, code, p.out.String(), p.err.String())
		}
	}
}

var startForeigner = multiproc.Func("start foreigner", func(context.Context, multiproc.None) (string, error) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), programEnv+"=foreign")
	b, err := cmd.CombinedOutput()
	return string(b), err
})

func TestMarkInheritedByForeigner(t *testing.T) {
	needProcess(t)
	c, err := startForeigner.Start(t.Context(), multiproc.None{})
	if err != nil {
		t.Fatal(err)
	}
	if out, err := c.Result(patient(t)); out != "root\n" || err != nil {
		t.Errorf("%q, %v", out, err)
	}
}

func TestDeletedExecutable(t *testing.T) {
	needProcess(t)
	path := filepath.Join(t.TempDir(), "program")
	in, err := os.Open(executable(t))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o700)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(out, in)
	if err := errors.Join(err, out.Close()); err != nil {
		t.Fatal(err)
	}
	p := &program{Cmd: exec.Command(path, path)}
	p.Env = append(os.Environ(), programEnv+"=deleted")
	p.start(t)
	p.want(t, 0, "42 false\n", "")
}

func TestSignalsEndProgram(t *testing.T) {
	needProcess(t)
	for _, test := range []struct {
		signal func(*program)
		code   int
		cause  string
	}{
		{func(p *program) { p.signal(syscall.SIGINT) }, 130, "signal: interrupt"},
		{func(p *program) { syscall.Kill(p.Process.Pid, syscall.SIGINT) }, 130, "signal: interrupt"},
		{func(p *program) { syscall.Kill(p.Process.Pid, syscall.SIGTERM) }, 143, "signal: terminated"},
	} {
		post := newPost(t)
		p := startProgram(t, "interrupt", addrEnv+"="+post.Addr)
		var visits []*visit
		for range 6 {
			visits = append(visits, post.next(t))
		}
		test.signal(p)
		caused := 0
		for _, v := range visits {
			if v.text == "chain" {
				v.line(t)
				v.say(t, "go")
			}
			text := v.rest(t)
			if strings.Contains(text, test.cause) {
				caused++
			} else if text != "" && !strings.Contains(text, "leaving") {
				t.Errorf("%s ended with %q", v.text, text)
			}
		}
		if caused < 3 {
			t.Errorf("only %d children were told of the signal", caused)
		}
		p.want(t, test.code, "exit function\n", "")
	}
}

func TestSecondInterrupt(t *testing.T) {
	needProcess(t)
	post := newPost(t)
	p := startProgram(t, "stubborn", addrEnv+"="+post.Addr)
	one, two := post.next(t), post.next(t)
	p.signal(syscall.SIGINT)
	one.line(t)
	two.line(t)
	p.signal(syscall.SIGINT)
	p.want(t, 130, "", "")
	one.rest(t)
	two.rest(t)
}

func TestMainWaitsForChildren(t *testing.T) {
	post := newPost(t)
	p := startProgram(t, "leave", addrEnv+"="+post.Addr)
	daemon, other := post.next(t), post.next(t)
	if daemon.text != "linger" {
		daemon, other = other, daemon
	}
	other.say(t, "go")
	if text := daemon.rest(t); !strings.Contains(text, "leaving") {
		t.Errorf("the daemon ended with %q", text)
	}
	p.want(t, 0, "left\nexit function\n", "")
}

// The grandchildren learn of a death although their own parents live and do not
// tell them: each of the three stays until all three have been told.
func TestTreeDeath(t *testing.T) {
	needProcess(t)
	post := newPost(t)
	p := startProgram(t, "chain", addrEnv+"="+post.Addr)
	links := []*visit{post.next(t), post.next(t), post.next(t)}
	p.Process.Kill()
	for _, v := range links {
		if text := v.line(t); text != multiproc.ErrParentDied.Error() {
			t.Errorf("a link's context ended with %q", text)
		}
	}
	for _, v := range links {
		v.say(t, "go")
	}
	for _, v := range links {
		v.rest(t)
	}
	p.code(t)
}

// The same for a death in the middle: the root lives.
func TestParentDeath(t *testing.T) {
	needProcess(t)
	post := newPost(t)
	p, err := multiproc.Start(t.Context(), chain.With(chainArg{post.Addr, 0}))
	if err != nil {
		t.Fatal(err)
	}
	first := post.next(t) // alone, to know which it is
	other, err := multiproc.Start(t.Context(), chain.With(chainArg{post.Addr, 2}).WithOptions(multiproc.Options{Name: "other"}))
	if err != nil {
		t.Fatal(err)
	}
	visits := []*visit{post.next(t), post.next(t), post.next(t)}
	if err := other.Kill(); err != nil {
		t.Fatal(err)
	}
	wantSignal(t, other, syscall.SIGKILL)
	var told []*visit
	for _, v := range visits {
		// All must know before one may go, whose children would learn it from it.
		switch line, _ := v.in.ReadString('\n'); line {
		case multiproc.ErrParentDied.Error() + "\n":
			told = append(told, v)
		case "": // the one that was killed
		default:
			t.Errorf("ended with %q", line)
		}
	}
	for _, v := range told {
		v.say(t, "go")
		v.rest(t)
	}
	if len(told) != 2 {
		t.Errorf("%d of 2 descendants were told", len(told))
	}
	if err := p.Terminate(); err != nil || first.line(t) != multiproc.ErrTerminated.Error() {
		t.Errorf("the one that has nothing to do with it: %v", err)
	}
	first.say(t, "go")
	p.Wait(patient(t))
}

func TestOrphanDoesNotHeed(t *testing.T) {
	needProcess(t)
	post := newPost(t)
	p := startProgram(t, "stubborn orphan", addrEnv+"="+post.Addr)
	v := post.next(t)
	p.Process.Kill()
	v.rest(t) // it never returns
	p.code(t)
}
