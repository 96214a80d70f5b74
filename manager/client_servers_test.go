package manager_test

import (
	"context"
	"errors"
	"testing"

	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/manager"
)

// everyServer runs test as a subtest for our server and for managers of CPython of each age, over both
// networks.
func everyServer(t *testing.T, test func(t *testing.T, ctx context.Context, c *manager.Client)) {
	t.Run("ours", func(t *testing.T) { test(t, modetest.Patient(t), dialOurs(t, manager.Options{})) })
	everyPython(t, test)
}

func everyPython(t *testing.T, test func(t *testing.T, ctx context.Context, c *manager.Client)) {
	t.Run("python", func(t *testing.T) {
		eachAge(t, func(t *testing.T, p pyVersion) {
			network := "unix"
			if p.Minor == 13 {
				network = "tcp"
			}
			test(t, modetest.Patient(t), p.serve(t, network).dial(t))
		})
	})
}

// dialOurs runs one of our servers in this process until the end of the test.
func dialOurs(t testing.TB, o manager.Options) *manager.Client {
	t.Helper()
	s := serveOurs(t, o)
	return dial(t, s.Addr().Network(), s.Addr().String(), s.Authkey())
}

func serveOurs(t testing.TB, o manager.Options) *manager.Server {
	t.Helper()
	s, err := manager.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background()) }()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := modetest.Receive(t, served, "end of Serve"); err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return s
}

func dial(t testing.TB, network, address string, key []byte) *manager.Client {
	t.Helper()
	c, err := manager.Dial(modetest.Patient(t), network, address, manager.DialOptions{Authkey: key})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// ok fails the test if there is an error.
func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// must returns what a call that has to succeed has returned.
func must[T any](v T, err error) func(t testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		ok(t, err)
		return v
	}
}

// fails fails the test unless err is the one that is wanted.
func fails(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("got %v, want %v", err, want)
	}
}
