package multiproc_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc"
)

// The tests that do not call needProcess hold in both modes.

func TestResult(t *testing.T) {
	c, err := double.Start(t.Context(), 21)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // again and again the same
		if n, err := c.Result(patient(t)); n != 42 || err != nil {
			t.Fatalf("got %v, %v", n, err)
		}
	}
	if code, ok := c.ExitCode(); code != 0 || !ok || c.Alive() {
		t.Errorf("exit code %v, %v, alive %v", code, ok, c.Alive())
	}
}

func TestArgumentTravels(t *testing.T) {
	in := parcel{
		Name:  "böx\x00\xff",
		Sizes: map[string][]int{"": nil, "none": {}, "some": {1, -1 << 63}},
		At:    time.Date(2026, 2, 3, 4, 5, 6, 789, time.UTC),
		Next:  &parcel{Name: "inner"},
	}
	c, err := mirror.Start(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.Result(patient(t))
	if err != nil {
		t.Fatal(err)
	}
	if !out.At.Equal(in.At) {
		t.Errorf("time %v became %v", in.At, out.At)
	}
	out.At = in.At
	if !reflect.DeepEqual(in, out) {
		t.Errorf("%+v became %+v", in, out)
	}
	if out.Next == in.Next {
		t.Error("the memory is shared")
	}
}

func TestLargeArgumentAndResult(t *testing.T) {
	in := bytes.Repeat([]byte("0123456789abcdef"), 64<<20/16)
	in[0], in[len(in)-1] = 'a', 'z'
	c, err := swapEnds.Start(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.Result(patient(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(out) != len(in) || in[0] != 'a' || out[0] != 'z' || out[len(out)-1] != 'a' || !bytes.Equal(in[1:len(in)-1], out[1:len(out)-1]) {
		t.Error("not what was sent")
	}
}

// The tests that do not call needProcess hold in both modes.

func TestResultThatCannotTravel(t *testing.T) {
	c, err := far.Start(t.Context(), multiproc.None{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Result(patient(t))
	if _, ok := errors.AsType[*multiproc.ChildError](err); !ok || !strings.Contains(err.Error(), "the result") {
		t.Errorf("%T: %v", err, err)
	}
}

func TestValuesDoNotTravel(t *testing.T) {
	type key struct{}
	ctx := context.WithValue(t.Context(), key{}, "value")
	p, err := multiproc.Start(ctx, nothing.With(multiproc.None{}))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(patient(t)); err != nil {
		t.Error(err)
	}
}

func TestWaitByMany(t *testing.T) {
	post := newPost(t)
	p, err := multiproc.Start(t.Context(), released.With(post.Addr))
	if err != nil {
		t.Fatal(err)
	}
	v := post.next(t)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if err := p.Wait(patient(t)); err != nil {
				t.Error(err)
			}
			<-p.Done()
			if p.Alive() {
				t.Error("alive after Done")
			}
		})
	}
	v.say(t, "go")
	wg.Wait()
}

func TestManyAtOnce(t *testing.T) {
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			c, err := double.Start(t.Context(), i)
			if err != nil {
				t.Error(err)
				return
			}
			if n, err := c.Result(patient(t)); n != 2*i || err != nil {
				t.Error(n, err)
			}
		})
	}
	wg.Wait()
}

func TestTree(t *testing.T) {
	c, err := tree.Start(t.Context(), branch{Depth: 2, Width: 3})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := c.Result(patient(t)); n != 13 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

func TestOptionsInGoroutineMode(t *testing.T) {
	for name, o := range map[string]multiproc.Options{
		"Dir":    {Dir: "/"},
		"Env":    {Env: []string{}},
		"Stdin":  {Stdin: os.Stdin},
		"Stdout": {Stdout: os.Stdout},
		"Stderr": {Stderr: os.Stderr},
		"Limits": {Limits: multiproc.Limits{Core: -1}},
	} {
		c, err := double.StartWith(t.Context(), 1, o)
		if !inGoroutineMode() {
			if err != nil {
				t.Error(err)
			} else if err := c.Wait(patient(t)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if _, ok := errors.AsType[*multiproc.StartError](err); !ok || !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	p, err := multiproc.Start(t.Context(), linger.With(newPost(t).Addr))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Signal(os.Interrupt); inGoroutineMode() != errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
	p.Kill()
	p.Wait(patient(t))
}

func inGoroutineMode() bool {
	return runtime.GOOS != "linux" || os.Getenv("MULTIPROC_MODE") == "goroutines"
}
