package multiproc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"syscall"
	"testing"

	"github.com/multiproc-go/multiproc"
)

var copyStdio = multiproc.Proc("copy stdio", func(context.Context, multiproc.None) error {
	n, err := io.Copy(os.Stdout, os.Stdin)
	fmt.Fprintf(os.Stderr, "%d bytes", n)
	return err
})

func TestStdio(t *testing.T) {
	needProcess(t)
	for _, input := range []string{"hello", ""} {
		o := multiproc.Options{Stdout: tempFile(t), Stderr: tempFile(t)}
		if input != "" {
			o.Stdin = tempFile(t)
			o.Stdin.WriteString(input)
			o.Stdin.Seek(0, io.SeekStart)
		}
		c, err := copyStdio.StartWith(t.Context(), multiproc.None{}, o)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Wait(patient(t)); err != nil {
			t.Error(err)
		}
		if out, errs := contents(t, o.Stdout), contents(t, o.Stderr); out != input || errs != fmt.Sprintf("%d bytes", len(input)) {
			t.Errorf("%q: %q and %q", input, out, errs)
		}
	}
}

func tempFile(t *testing.T) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func contents(t *testing.T, f *os.File) string {
	t.Helper()
	b, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

type surroundings struct {
	Dir, Variable, Mark string
	Variables           int
	Args                []string
}

var lookAround = multiproc.Func("look around", func(context.Context, multiproc.None) (s surroundings, err error) {
	s.Dir, err = os.Getwd()
	s.Variable = os.Getenv("VARIABLE")
	s.Mark = os.Getenv("MULTIPROC_CHILD")
	s.Variables = len(os.Environ())
	s.Args = os.Args
	return s, err
})

func TestDirAndEnv(t *testing.T) {
	needProcess(t)
	t.Setenv("VARIABLE", "inherited")
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		o    multiproc.Options
		want surroundings
	}{
		{multiproc.Options{}, surroundings{Dir: here, Variable: "inherited", Variables: len(os.Environ())}},
		{multiproc.Options{Dir: "/"}, surroundings{Dir: "/", Variable: "inherited", Variables: -1}},
		{multiproc.Options{Env: []string{"VARIABLE=own", "MULTIPROC_CHILD=other"}}, surroundings{Dir: here, Variable: "own", Variables: 1}},
		{multiproc.Options{Env: []string{}}, surroundings{Dir: here, Variables: 0}},
	} {
		c, err := lookAround.StartWith(t.Context(), multiproc.None{}, test.o)
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.Result(patient(t))
		if err != nil {
			t.Fatal(err)
		}
		if test.want.Variables < 0 {
			got.Variables = -1
		}
		got.Args = nil
		if !reflect.DeepEqual(got, test.want) {
			t.Errorf("%+v: %+v", test.o, got)
		}
	}
	_, err = lookAround.StartWith(t.Context(), multiproc.None{}, multiproc.Options{Dir: "/nowhere"})
	if _, ok := errors.AsType[*multiproc.StartError](err); !ok || !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func TestChildArguments(t *testing.T) {
	needProcess(t)
	c, err := lookAround.Start(t.Context(), multiproc.None{})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := c.Result(patient(t)); err != nil || !reflect.DeepEqual(got.Args, os.Args) {
		t.Errorf("%q, %v", got.Args, err)
	}
}

var consume = multiproc.Func("consume", func(ctx context.Context, what string) (int, error) {
	switch what {
	case "files":
		for n := 0; ; n++ {
			if _, err := os.Open("/"); err != nil {
				return n, err
			}
		}
	case "memory":
		b := make([]byte, 4<<30)
		return len(b), nil
	case "core":
		var r syscall.Rlimit
		err := syscall.Getrlimit(syscall.RLIMIT_CORE, &r)
		return int(r.Cur), err
	}
	for n := 0; ; n++ {
		if ctx.Err() != nil {
			return n, context.Cause(ctx)
		}
	}
})

func TestLimits(t *testing.T) {
	needProcess(t)
	start := func(what string, l multiproc.Limits) (int, error) {
		t.Helper()
		c, err := consume.StartWith(t.Context(), what, multiproc.Options{Limits: l, Stderr: tempFile(t)})
		if err != nil {
			t.Fatal(err)
		}
		return c.Result(patient(t))
	}
	if _, err := start("files", multiproc.Limits{OpenFiles: 40}); !errors.Is(err, syscall.EMFILE) {
		t.Errorf("files: %v", err)
	}
	if n, err := start("core", multiproc.Limits{Core: -1}); n != 0 || err != nil {
		t.Errorf("core: %d, %v", n, err)
	}
	_, err := start("memory", multiproc.Limits{Memory: 1 << 30})
	if e, ok := errors.AsType[*multiproc.ExitError](err); !ok || e.Code != 2 {
		t.Errorf("memory: %v", err)
	}
	if n, err := start("core", multiproc.Limits{Memory: 1 << 30, OpenFiles: 40, CPU: 10}); err != nil {
		t.Errorf("within limits: %d, %v", n, err)
	}
}

func TestCPULimit(t *testing.T) {
	needProcess(t)
	c, err := consume.StartWith(t.Context(), "time", multiproc.Options{Limits: multiproc.Limits{CPU: 1}})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(patient(t)); !errors.Is(err, multiproc.ErrCPULimit) {
		t.Errorf("%T: %v", err, err)
	}
}

var listDescriptors = multiproc.Func("list descriptors", func(context.Context, multiproc.None) ([]string, error) {
	var list []string
	fds, err := os.ReadDir("/proc/self/fd")
	for _, fd := range fds {
		if target, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil {
			list = append(list, target)
		}
	}
	inherited, err2 := inheritable()
	return append(list, inherited), errors.Join(err, err2)
})

// inheritable is what a program has open that this process executes.
func inheritable() (string, error) {
	b, err := exec.Command("/bin/sh", "-c", "echo /proc/self/fd/*").Output()
	return string(b), err
}

func TestDescriptorsOfChild(t *testing.T) {
	needProcess(t)
	file := tempFile(t)
	c, err := listDescriptors.Start(t.Context(), multiproc.None{})
	if err != nil {
		t.Fatal(err)
	}
	list, err := c.Result(patient(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range list {
		if target == file.Name() {
			t.Errorf("the child has got %s", target)
		}
	}
	want, err := inheritable()
	if got := list[len(list)-1]; got != want || err != nil {
		t.Errorf("what the child executes has got %swhat the parent executes has got %s%v", got, want, err)
	}
}
