package psync_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/psync"
	"github.com/multiproc-go/multiproc/shm"
)

type keyring struct {
	One    *psync.Mutex
	Nil    *psync.Mutex
	Nested struct{ Deep []*psync.Mutex }
	ByName map[string]*psync.Mutex
	Inner  *keyring
}

func (k keyring) all() []*psync.Mutex {
	return append([]*psync.Mutex{k.One, k.ByName["a"], k.Inner.One}, k.Nested.Deep...)
}

// lockAll finds every lock of its argument held, which only sharing can explain.
var lockAll = multiproc.Func("lockAll", func(ctx context.Context, k keyring) (keyring, error) {
	if k.Nil != nil {
		return k, errors.New("nil became a handle")
	}
	for i, mu := range k.all() {
		if _, ok := mu.TryLock(); ok {
			return k, fmt.Errorf("lock %d is free", i)
		}
	}
	return k, nil
})

func TestHandlesInArguments(t *testing.T) {
	k := keyring{One: newMutex(t), ByName: map[string]*psync.Mutex{"a": newMutex(t)}, Inner: &keyring{One: newMutex(t)}}
	k.Nested.Deep = []*psync.Mutex{newMutex(t), newMutex(t)}
	for _, mu := range k.all() {
		g := mustLock(t, mu)
		defer g.Unlock()
	}
	c, err := lockAll.Start(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	back, err := c.Result(modetest.Patient(t))
	if err != nil {
		t.Fatal(err)
	}
	for i, mu := range back.all() {
		if !mu.Equal(k.all()[i]) {
			t.Errorf("lock %d came back as %v", i, mu)
		}
		if _, ok := mu.TryLock(); ok {
			t.Errorf("lock %d came back free", i)
		}
	}
}

const handleVariable = "PSYNC_TEST_HANDLE"

var fromEnvironment = multiproc.Proc("fromEnvironment", func(ctx context.Context, total *shm.Value[int64]) error {
	var mu psync.Mutex
	if err := mu.UnmarshalText([]byte(os.Getenv(handleVariable))); err != nil {
		return err
	}
	for range 500 {
		if err := mu.Do(ctx, func() error { total.Store(total.Load() + 1); return nil }); err != nil {
			return err
		}
	}
	return nil
})

func TestHandlesInEnvironment(t *testing.T) {
	mu := newMutex(t)
	total, err := shm.NewValue[int64](0)
	if err != nil {
		t.Fatal(err)
	}
	defer total.Close()
	text, err := mu.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	if bytes.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		t.Errorf("%q is not one word", text)
	}
	run := func(t *testing.T, o multiproc.Options) {
		total.Store(0)
		var children []*multiproc.Process
		for range 3 {
			c, err := fromEnvironment.StartWith(t.Context(), total, o)
			if err != nil {
				t.Fatal(err)
			}
			children = append(children, c.Process)
		}
		for _, c := range children {
			if err := c.Wait(modetest.Patient(t)); err != nil {
				t.Error(err)
			}
		}
		if n := total.Load(); n != 1500 {
			t.Errorf("%d", n)
		}
	}
	t.Run("inherited", func(t *testing.T) {
		t.Setenv(handleVariable, string(text))
		run(t, multiproc.Options{})
	})
	t.Run("given", func(t *testing.T) {
		modetest.NeedProcess(t, "a goroutine has no environment of its own")
		run(t, multiproc.Options{Env: append(os.Environ(), handleVariable+"="+string(text))})
	})
}

func TestHandlesAsJSON(t *testing.T) {
	in := map[string]*psync.Mutex{"mu": newMutex(t), "none": nil}
	b, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]*psync.Mutex
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	if !out["mu"].Equal(in["mu"]) || out["none"] != nil {
		t.Errorf("%s", b)
	}
	g := mustLock(t, out["mu"])
	if _, ok := in["mu"].TryLock(); ok {
		t.Error("two locks")
	}
	g.Unlock()
}

func TestRefusedHandles(t *testing.T) {
	foreign, err := modetest.Program(t, "handle").Output()
	if err != nil {
		t.Fatal(err)
	}
	foreign = bytes.TrimSpace(foreign)
	mu := newMutex(t)
	good, err := mu.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	value, err := shm.NewValue[int64](0)
	if err != nil {
		t.Fatal(err)
	}
	defer value.Close()
	other, err := value.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	into := newMutex(t)
	before := into.String()
	for name, test := range map[string]struct {
		text string
		want error
	}{
		"foreign":     {string(foreign), psync.ErrForeign},
		"empty":       {"", psync.ErrHandle},
		"its kind":    {"mutex:", psync.ErrHandle},
		"cut":         {string(good[:len(good)-1]), psync.ErrHandle},
		"longer":      {string(good) + "A", psync.ErrHandle},
		"padded":      {string(good) + "=", psync.ErrHandle},
		"upper case":  {strings.ToUpper(string(good)), psync.ErrHandle},
		"a value":     {string(other), psync.ErrHandle},
		"as a mutex":  {"mutex:" + strings.TrimPrefix(string(other), "value:"), psync.ErrKind},
		"bad base 64": {"mutex:" + strings.Repeat("!", len(good)-6), psync.ErrHandle},
	} {
		err := into.UnmarshalText([]byte(test.text))
		e, ok := errors.AsType[*psync.HandleError](err)
		if !ok || e.Err != test.want || !errors.Is(err, test.want) || e.Kind != "mutex" || !strings.Contains(e.Error(), "mutex") {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
	for n := range 50 {
		if err := into.UnmarshalBinary(make([]byte, n)); !errors.Is(err, psync.ErrHandle) {
			t.Errorf("%d zeros: %v", n, err)
		}
	}
	if into.String() != before {
		t.Error("a refused handle has changed the one that it was to replace")
	}
}
