package shm_test

import (
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/multiproctest"
	"github.com/multiproc-go/multiproc/shm"
)

// programEnv makes this test binary be one of the programs instead.
const programEnv = "SHM_TEST_PROGRAM"

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
	if name := os.Getenv(programEnv); name != "" {
		if err := programs[name](); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	multiproctest.Main(m)
}

// program is this binary as one of the programs.
func program(t testing.TB, name string, env ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(append(os.Environ(), programEnv+"="+name), env...)
	return cmd
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

// panicOf is what f panics with.
func panicOf(f func()) (p any) {
	defer func() { p = recover() }()
	f()
	return nil
}
