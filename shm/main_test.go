package shm_test

import (
	"fmt"
	"testing"

	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/multiproctest"
	"github.com/multiproc-go/multiproc/shm"
)

// programs are main functions of families of their own.
var programs = map[string]func() error{
	"handle": func() error { // prints a handle that means nothing elsewhere
		v, err := shm.NewValue[int64](7)
		if err != nil {
			return err
		}
		text, err := v.MarshalText()
		fmt.Println(string(text))
		return err
	},
}

func TestMain(m *testing.M) {
	modetest.RunProgram(programs)
	multiproctest.Main(m)
}

func TestInOtherModes(t *testing.T) { modetest.RunInOtherModes(t, "^TestInOtherModes$") }

// newValue makes a value that is closed at the end of the test.
func newValue[T any](t testing.TB, x T) *shm.Value[T] {
	t.Helper()
	v, err := shm.NewValue(x)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

func newArray[T any](t testing.TB, n int) *shm.Array[T] {
	t.Helper()
	a, err := shm.NewArray[T](n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}
