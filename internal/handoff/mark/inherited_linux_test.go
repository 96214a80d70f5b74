package mark

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/multiproc-go/multiproc/internal/sys"
)

// partEnv says which part this test binary plays when a test has started it.
const partEnv = "MARK_TEST_PART"

var parts = map[string]func(){
	"report":      report,
	"nested":      nested,
	"nestedLater": nestedLater,
	"parent":      dyingParent,
}

func TestMain(m *testing.M) {
	if part := os.Getenv(partEnv); part != "" {
		play, ok := parts[part]
		if !ok {
			fmt.Println("unknown part", part)
			os.Exit(2)
		}
		play()
		os.Exit(0)
	}
	// A race-enabled binary sleeps a second at its end, in each part.
	os.Setenv("GORACE", "atexit_sleep_ms=0 "+os.Getenv("GORACE"))
	os.Exit(m.Run())
}

// verdict asks Inherited and puts the answer into words.
func verdict() string {
	_, inEnv := os.LookupEnv(EnvName)
	m, hello, err := Inherited()
	if _, still := os.LookupEnv(EnvName); still {
		return "mark still in the environment"
	}
	m2, hello2, err2 := Inherited()
	if m != m2 || hello != hello2 || err != err2 {
		return "the second answer differs"
	}
	switch {
	case err != nil:
		if errors.Is(err, ErrOrphan) {
			return "orphan"
		}
		return err.Error()
	case m == nil && hello == nil:
		return "stranger " + strconv.FormatBool(inEnv)
	}
	flags, err := unix.FcntlInt(uintptr(m.FD), unix.F_GETFD, 0)
	if err != nil || flags&unix.FD_CLOEXEC == 0 {
		return "descriptor is not closed on exec"
	}
	if int(hello.PID) != os.Getpid() || hello.Version != helloVersion {
		return fmt.Sprintf("wrong hello %+v", hello)
	}
	rest, err := io.ReadAll(hello.Conn)
	if err != nil {
		return err.Error()
	}
	return "child, then " + string(rest)
}

func report() { fmt.Println(verdict()) }

// self is a command of this binary in another part, with this process's mark and
// control stream as a fork in an init function would pass them on.
func self(part string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), partEnv+"="+part)
	cmd.ExtraFiles = []*os.File{os.NewFile(3, "inherited")}
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd
}

// nested starts the same program before it has asked itself.
func nested() {
	if err := self("report").Run(); err != nil {
		fmt.Println(err)
	}
	report()
}

// nestedLater has consumed the hello when the other process asks.
func nestedLater() {
	cmd := self("report") // with the mark, which Inherited is about to remove
	// Another name for the same socket: Inherited owns descriptor 3.
	fd, err := unix.Dup(3)
	if err != nil {
		fmt.Println(err)
		return
	}
	cmd.ExtraFiles = []*os.File{os.NewFile(uintptr(fd), "inherited")}
	m, hello, err := Inherited()
	if m == nil || hello == nil || err != nil {
		fmt.Println("not a child", err)
		return
	}
	if err := cmd.Run(); err != nil {
		fmt.Println(err)
	}
	rest, err := io.ReadAll(hello.Conn)
	fmt.Println("child, then "+string(rest), err)
}

// dyingParent starts a child and dies before it says hello.
func dyingParent() {
	ours, theirs, err := sys.Socketpair()
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := NewMark()
	if err != nil {
		fmt.Println(err)
		return
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), partEnv+"=report", m.Env())
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		fmt.Println(err)
	}
	_ = ours // closed by death
	unix.Kill(os.Getpid(), unix.SIGKILL)
}

// A launch is one start of the test binary with a mark.
type launch struct {
	part   string
	change func(*Mark)                          // before the mark is put into the environment
	env    string                               // instead of the mark
	send   func(*os.File, Mark, int)            // instead of SendHello
	end    func(t *testing.T) (theirs *os.File) // instead of our socket
}

func (l launch) run(t *testing.T) string {
	t.Helper()
	ours, theirs, err := sys.Socketpair()
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	m, err := NewMark()
	if err != nil {
		t.Fatal(err)
	}
	sent := m
	if l.change != nil {
		l.change(&sent)
	}
	given := theirs
	if l.end != nil {
		given = l.end(t)
		defer given.Close()
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), partEnv+"="+l.part, sent.Env())
	if l.env != "" {
		cmd.Env[len(cmd.Env)-1] = EnvName + "=" + l.env
	}
	cmd.ExtraFiles = []*os.File{given}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	watchdog := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	defer watchdog.Stop()
	if l.send != nil {
		l.send(ours, m, cmd.Process.Pid)
	} else if err := SendHello(ours, m, cmd.Process.Pid); err != nil && l.end == nil {
		t.Error(err)
	}
	ours.Write([]byte("more"))
	unix.Shutdown(int(descriptor(t, ours)), unix.SHUT_WR)
	theirs.Close() // not before: a stranger may have ended by now, and there would be nobody to write to

	var lines []string
	for s := bufio.NewScanner(out); s.Scan(); {
		lines = append(lines, s.Text())
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v", err)
	}
	return strings.Join(lines, "; ")
}

func descriptor(t *testing.T, f *os.File) (fd uintptr) {
	raw, err := f.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(d uintptr) { fd = d })
	return fd
}

func TestInherited(t *testing.T) {
	const stranger = "stranger true"
	tests := []struct {
		name string
		launch
		want string
	}{
		{"child", launch{}, "child, then more"},
		{"hello comes late and in pieces", launch{send: func(f *os.File, m Mark, pid int) {
			b := encodeHello(m, uint32(pid))
			for i := range b {
				f.Write(b[i : i+1])
				time.Sleep(time.Millisecond)
			}
		}}, "child, then more"},
		{"stream closed without hello", launch{send: func(f *os.File, _ Mark, _ int) { f.Close() }}, "orphan"},
		{"half a hello", launch{send: func(f *os.File, m Mark, pid int) {
			b := encodeHello(m, uint32(pid))
			f.Write(b[:20])
			f.Close()
		}}, "orphan"},
		{"hello for another pid", launch{send: func(f *os.File, m Mark, pid int) { SendHello(f, m, pid+1) }}, stranger},
		{"other nonce", launch{change: func(m *Mark) { m.Nonce[3]++ }}, stranger},
		{"other device", launch{change: func(m *Mark) { m.Dev++ }}, stranger},
		{"other program", launch{change: func(m *Mark) { m.Ino++ }}, stranger},
		{"no such descriptor", launch{change: func(m *Mark) { m.FD = 99 }}, stranger},
		{"descriptor of something else", launch{change: func(m *Mark) { m.FD = 0 }}, stranger},
		{"malformed mark", launch{env: "true"}, stranger},
		{"a pipe", launch{end: func(t *testing.T) *os.File {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { w.Close() })
			return r
		}}, stranger},
		{"same program started before asking", launch{part: "nested"}, stranger + "; child, then more"},
		{"same program started after asking", launch{part: "nestedLater"}, stranger + "; child, then more <nil>"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := tt.launch
			if l.part == "" {
				l.part = "report"
			}
			if got := l.run(t); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestOrphanOfKilledParent(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), partEnv+"=parent")
	cmd.Stdout, cmd.Stderr = w, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	// The grandchild holds the pipe: its end is the end of all.
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	if string(out) != "orphan\n" {
		t.Errorf("the child of a killed parent says %q", out)
	}
}

func TestNoMark(t *testing.T) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), partEnv+"=report")
	out, err := cmd.Output()
	if err != nil || string(out) != "stranger false\n" {
		t.Errorf("%q, %v", out, err)
	}
}
