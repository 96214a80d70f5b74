package shm_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"unsafe"

	"github.com/multiproc-go/multiproc/shm"
)

type (
	empty struct{}
	node  struct {
		Value int
		Next  *node
	}
	record struct {
		ID    int64
		Names [3]string
	}
	deep struct {
		Rows [2]struct {
			Cells [4]struct{ Value any }
		}
	}
	embedded struct {
		record
		Late uintptr
	}
	generic[T any] struct{ X T }
)

func TestRefusedTypes(t *testing.T) {
	refused[*int](t, "*int", "pointer")
	refused[string](t, "string", "string")
	refused[[]byte](t, "[]uint8", "slice")
	refused[map[int]int](t, "map[int]int", "map")
	refused[func()](t, "func()", "func")
	refused[chan int](t, "chan int", "chan")
	refused[any](t, "interface {}", "interface")
	refused[error](t, "error", "interface")
	refused[uintptr](t, "uintptr", "address")
	refused[unsafe.Pointer](t, "Pointer", "unsafe.Pointer")
	refused[[2]string](t, "[2]string[]", "string")
	refused[[2][3]*int](t, "[2][3]*int[][]", "pointer")
	refused[node](t, "node.Next", "pointer")
	refused[record](t, "record.Names[]", "string")
	refused[[7]record](t, "[7]shm_test.record[].Names[]", "string")
	refused[deep](t, "deep.Rows[].Cells[].Value", "interface")
	refused[embedded](t, "embedded.record.Names[]", "string")
	refused[generic[map[string]int]](t, "generic[map[string]int].X", "map")
	refused[struct{ Err error }](t, "struct { Err error }.Err", "interface")
	refused[struct{ _ []int }](t, "struct { _ []int }._", "slice")
	refused[empty](t, "empty", "no bytes")
	refused[[0]int](t, "[0]int", "no bytes")
	refused[[3]empty](t, "[3]shm_test.empty", "no bytes")
	refused[[0]string](t, "[0]string[]", "string")
}

// refused tries every way to get a shared T.
func refused[T any](t *testing.T, path, reason string) {
	t.Helper()
	var zero T
	text := newValue(t, int64(0))
	handle, err := text.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	_, valueErr := shm.NewValue(zero)
	_, arrayErr := shm.NewArray[T](3)
	_, noneErr := shm.NewArray[T](0)
	_, ofErr := shm.NewArrayOf([]T{zero})
	for how, err := range map[string]error{
		"NewValue": valueErr, "NewArray": arrayErr, "NewArray of none": noneErr, "NewArrayOf": ofErr,
		"decoding a value":  new(shm.Value[T]).UnmarshalText(handle),
		"decoding an array": new(shm.Array[T]).UnmarshalText(handle),
	} {
		e, ok := errors.AsType[*shm.TypeError](err)
		if !ok || !errors.Is(err, shm.ErrType) {
			t.Errorf("%s of %s: %v", how, reflect.TypeFor[T](), err)
			continue
		}
		if e.Path != path || !strings.Contains(e.Reason, reason) || e.Type != reflect.TypeFor[T]() {
			t.Errorf("%s: path %q, want %q; reason %q, want %q", how, e.Path, path, e.Reason, reason)
		}
		if !strings.Contains(e.Error(), path) || !strings.Contains(e.Error(), reason) {
			t.Errorf("%s: the text is %q", how, e)
		}
	}
}
