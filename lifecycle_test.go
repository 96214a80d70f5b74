package multiproc_test

import (
	"context"
	"errors"
	"os"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/lease"
)

func TestCancelCauses(t *testing.T) {
	for name, test := range map[string]struct {
		end func(p *multiproc.Process, cancel context.CancelCauseFunc)
		is  []error
	}{
		"cancel":    {func(_ *multiproc.Process, cancel context.CancelCauseFunc) { cancel(nil) }, []error{context.Canceled}},
		"own cause": {func(_ *multiproc.Process, cancel context.CancelCauseFunc) { cancel(errOwn) }, []error{context.Canceled, errOwn}},
		"deadline": {func(_ *multiproc.Process, cancel context.CancelCauseFunc) { cancel(context.DeadlineExceeded) },
			[]error{context.Canceled, context.DeadlineExceeded}},
		"terminate": {func(p *multiproc.Process, _ context.CancelCauseFunc) {
			if err := p.Terminate(); err != nil {
				t.Error(err)
			}
		}, []error{multiproc.ErrTerminated}},
		"signal": {func(p *multiproc.Process, _ context.CancelCauseFunc) {
			if err := p.Signal(syscall.SIGTERM); err != nil {
				t.Error(err)
			}
		}, []error{multiproc.ErrTerminated}},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			post := newPost(t)
			p, err := multiproc.Start(ctx, linger.With(post.Addr).WithOptions(multiproc.Options{Grace: watchdog}))
			if err != nil {
				t.Fatal(err)
			}
			v := post.next(t)
			if err := p.Wait(ended()); err != context.Canceled || !p.Alive() {
				t.Fatalf("Wait with an ended context: %v, alive %v", err, p.Alive())
			}
			if code, ok := p.ExitCode(); ok {
				t.Fatalf("exit code %d of a live process", code)
			}
			if s := p.String(); !strings.Contains(s, "running") {
				t.Error(s)
			}
			test.end(p, cancel)
			v.rest(t)
			err = p.Wait(patient(t))
			if _, ok := errors.AsType[*multiproc.ChildError](err); !ok {
				t.Fatalf("%T: %v", err, err)
			}
			for _, is := range test.is {
				if !errors.Is(err, is) {
					t.Errorf("%v is not %v", err, is)
				}
			}
			if err := p.Wait(ended()); err != p.Wait(patient(t)) {
				t.Errorf("Wait looks at its context after the end: %v", err)
			}
			if err := p.Terminate(); !errors.Is(err, os.ErrProcessDone) {
				t.Errorf("Terminate after the end: %v", err)
			}
			if err := p.Kill(); !errors.Is(err, os.ErrProcessDone) {
				t.Errorf("Kill after the end: %v", err)
			}
			if s := p.String(); !strings.Contains(s, "exited with code 1") {
				t.Error(s)
			}
		})
	}
}

func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func TestNames(t *testing.T) {
	post := newPost(t)
	c, err := whoami.StartWith(t.Context(), post.Addr, multiproc.Options{Name: "me"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Name() != "me" || c.Entry() != "whoami" || c.Daemon() {
		t.Errorf("%s, %s, %v", c.Name(), c.Entry(), c.Daemon())
	}
	post.next(t)
	a, err := c.Result(patient(t))
	if err != nil {
		t.Fatal(err)
	}
	me := multiproc.Self(t.Context())
	if me.Pid != os.Getpid() || me.Name != "main" || me.Entry != "" {
		t.Errorf("self: %+v", me)
	}
	if a.Parent != me {
		t.Errorf("the child's parent is %+v, not %+v", a.Parent, me)
	}
	if a.Self.Name != "me" || a.Self.Entry != "whoami" || a.Self.Pid != c.Pid() || a.Self.ID == me.ID || a.Self.ID == 0 {
		t.Errorf("the child is %+v", a.Self)
	}
	if !reflect.DeepEqual(a.Children, []string{"kid"}) {
		t.Errorf("its children are %v", a.Children)
	}
	if _, ok := multiproc.Parent(t.Context()); ok {
		t.Error("the root has a parent")
	}

	one, err := double.Start(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	two, err := double.Start(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	if one.Name() == two.Name() || !strings.HasPrefix(one.Name(), "double-") {
		t.Errorf("default names %q and %q", one.Name(), two.Name())
	}
	one.Wait(patient(t))
	two.Wait(patient(t))
}

func TestChildrenList(t *testing.T) {
	post := newPost(t)
	var want []*multiproc.Process
	for range 3 {
		p, err := multiproc.Start(t.Context(), released.With(post.Addr))
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, p)
	}
	if got := multiproc.Children(t.Context()); !reflect.DeepEqual(got, want) {
		t.Errorf("%v in place of %v", got, want)
	}
	for range want {
		post.next(t).say(t, "go")
	}
	for _, p := range want {
		p.Wait(patient(t))
	}
	if got := multiproc.Children(t.Context()); len(got) != 0 {
		t.Errorf("%v after their end", got)
	}
}

func TestChildWaitsForItsChildren(t *testing.T) {
	for _, failing := range []bool{false, true} {
		post := newPost(t)
		p, err := multiproc.Start(t.Context(), brood.With(broodArg{Addr: post.Addr, Options: []string{"", ""}, Fail: failing}))
		if err != nil {
			t.Fatal(err)
		}
		one, two := post.next(t), post.next(t)
		one.say(t, "go")
		one.rest(t)
		if !p.Alive() {
			t.Error("ended before its second child")
		}
		two.say(t, "go")
		if err := p.Wait(patient(t)); errors.Is(err, errOwn) != failing || (err != nil) != failing {
			t.Error(err)
		}
	}
}

func TestChildEndsItsDaemons(t *testing.T) {
	post := newPost(t)
	p, err := multiproc.Start(t.Context(), brood.With(broodArg{Addr: post.Addr, Options: []string{"daemon", "", "daemon"}}))
	if err != nil {
		t.Fatal(err)
	}
	var daemons []*visit
	var other *visit
	for range 3 {
		if v := post.next(t); v.text == "linger" {
			daemons = append(daemons, v)
		} else {
			other = v
		}
	}
	other.say(t, "go") // until then it waits, and the daemons live
	if err := p.Wait(patient(t)); err != nil {
		t.Error(err)
	}
	for _, v := range daemons {
		if text := v.rest(t); !strings.Contains(text, "leaving") {
			t.Errorf("a daemon ended with %q", text)
		}
	}
}

// A child whose own context has ended does not wait for its children's pleasure.
func TestCancelReachesGrandchildren(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	post := newPost(t)
	p, err := multiproc.Start(ctx, stubbornBrood.With(post.Addr).WithOptions(multiproc.Options{Grace: watchdog}))
	if err != nil {
		t.Fatal(err)
	}
	v := post.next(t)
	cancel()
	if err := p.Wait(patient(t)); err != nil {
		t.Error(err)
	}
	if text := v.rest(t); !strings.Contains(text, "leaving") {
		t.Errorf("the grandchild ended with %q", text)
	}
}

var stubbornBrood = multiproc.Proc("stubborn brood", func(ctx context.Context, addr string) error {
	_, err := linger.Start(context.WithoutCancel(ctx), addr)
	return err
})

func TestAtExit(t *testing.T) {
	for _, panics := range []bool{false, true} {
		post := newPost(t)
		p, err := multiproc.Start(t.Context(), atExit.With(exitArg{post.Addr, panics}))
		if err != nil {
			t.Fatal(err)
		}
		if text := post.next(t).rest(t); text != "last\nfirst" {
			t.Errorf("ran %q", text)
		}
		err = p.Wait(patient(t))
		if !panics {
			if err != nil {
				t.Error(err)
			}
			continue
		}
		if e, ok := errors.AsType[*multiproc.ExitError](err); !ok || e.Code != 2 {
			t.Errorf("%T: %v", err, err)
		}
	}
}

func TestKillInGoroutineMode(t *testing.T) {
	post := newPost(t)
	p, err := multiproc.Start(t.Context(), linger.With(post.Addr))
	if err != nil {
		t.Fatal(err)
	}
	post.next(t)
	err = p.Kill()
	if inGoroutineMode() != errors.Is(err, errors.ErrUnsupported) || inGoroutineMode() != errors.Is(err, multiproc.ErrUnsupported) {
		t.Error(err)
	}
	err = p.Wait(patient(t))
	if inGoroutineMode() && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

var whatID = multiproc.Func("what id", func(ctx context.Context, _ multiproc.None) (uint32, error) {
	return multiproc.Self(ctx).ID, nil
})

// Once Wait returns, nobody waits for what the child held.
func TestEndIsADeath(t *testing.T) {
	c, err := whatID.Start(t.Context(), multiproc.None{})
	if err != nil {
		t.Fatal(err)
	}
	id, err := c.Result(patient(t))
	if err != nil {
		t.Fatal(err)
	}
	m, err := family.Current()
	if err != nil {
		t.Fatal(err)
	}
	if state := m.Table.State(lease.ID(id)); state != lease.Gone {
		t.Errorf("the family takes it for %d", state)
	}
}
