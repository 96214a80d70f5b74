package queue_test

import (
	"fmt"
	"testing"

	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/multiproctest"
	"github.com/multiproc-go/multiproc/queue"
)

// programs are main functions of families of their own.
var programs = map[string]func() error{
	"handle": func() error { // prints a handle that means nothing elsewhere
		q, err := queue.New[int](queue.Options{})
		if err != nil {
			return err
		}
		text, err := q.MarshalText()
		fmt.Println(string(text))
		return err
	},
}

func TestMain(m *testing.M) {
	modetest.RunProgram(programs)
	multiproctest.Main(m)
}

func TestInOtherModes(t *testing.T) { modetest.RunInOtherModes(t, "^TestInOtherModes$") }

// newQueue makes a queue that is closed at the end of the test.
func newQueue[T any](t testing.TB, o queue.Options) *queue.Queue[T] {
	t.Helper()
	q, err := queue.New[T](o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { q.Close() })
	return q
}
