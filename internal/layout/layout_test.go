package layout

import (
	"bytes"
	"flag"
	"os"
	"reflect"
	"testing"
	"unsafe"
)

var update = flag.Bool("update", false, "rewrite the golden file")

// TestGolden holds every size and offset. The file is the same for every
// architecture: CI builds this test for arm64 too, and asserts below fail to
// compile where a size differs.
func TestGolden(t *testing.T) {
	var got bytes.Buffer
	describe(&got)
	const golden = "testdata/layout.golden"
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("the layout changed; if on purpose, raise Version and run with -update.\ngot:\n%s", got.Bytes())
	}
}

func TestNoGoPointers(t *testing.T) {
	for _, typ := range structs() {
		noPointers(t, typ, typ.Name())
	}
}

func noPointers(t *testing.T, typ reflect.Type, path string) {
	switch typ.Kind() {
	case reflect.Struct:
		for f := range typ.Fields() {
			noPointers(t, f.Type, path+"."+f.Name)
		}
	case reflect.Array:
		noPointers(t, typ.Elem(), path+"[]")
	case reflect.Uint8, reflect.Uint32, reflect.Uint64:
	default:
		t.Errorf("%s: a %s must not lie in shared memory", path, typ)
	}
}

// TestNoHiddenPadding: what the compiler would pad, the layout names.
func TestNoHiddenPadding(t *testing.T) {
	for _, typ := range structs() {
		end := uintptr(0)
		for f := range typ.Fields() {
			if f.Offset != end {
				t.Errorf("%s.%s: %d bytes of padding before it", typ.Name(), f.Name, f.Offset-end)
			}
			end = f.Offset + f.Type.Size()
		}
		if end != typ.Size() {
			t.Errorf("%s: %d bytes of padding at its end", typ.Name(), typ.Size()-end)
		}
	}
}

func TestCacheLines(t *testing.T) {
	var h Header
	for name, off := range map[string]uintptr{
		"Epoch": unsafe.Offsetof(h.Epoch), "Cursor": unsafe.Offsetof(h.Cursor),
		"Reserved": unsafe.Offsetof(h.Reserved), "Alloc": unsafe.Offsetof(h.Alloc),
		"Alloc.Redo": unsafe.Offsetof(h.Alloc) + unsafe.Offsetof(h.Alloc.Redo),
	} {
		if off%64 != 0 {
			t.Errorf("%s begins at %d, inside a cache line", name, off)
		}
	}
	if unsafe.Offsetof(h.Alloc) != AllocAt {
		t.Errorf("the allocator's state lies at %d, not at AllocAt", unsafe.Offsetof(h.Alloc))
	}
	for name, off := range map[string]uintptr{
		"Value": unsafe.Offsetof(Value{}.Lock), "BigValue": unsafe.Offsetof(BigValue{}.Lock), "Array": unsafe.Offsetof(Array{}.Lock),
	} {
		if off != ObjectLockAt {
			t.Errorf("the lock of a %s lies at %d, not at ObjectLockAt", name, off)
		}
	}
	if unsafe.Offsetof(CondNode{}.Bell) != CondBellAt {
		t.Errorf("the bell of a CondNode lies at %d, not at CondBellAt", unsafe.Offsetof(CondNode{}.Bell))
	}
	if unsafe.Offsetof(Barrier{}.Bell) != BarrierBellAt || unsafe.Offsetof(Barrier{}.Lock) != BarrierLockAt {
		t.Error("the bell or the lock of a Barrier lies elsewhere")
	}
	for name, off := range map[string][2]uintptr{
		"RWMutex": {unsafe.Offsetof(RWMutex{}.Holds), RWMutexHoldsAt}, "HoldChunk": {unsafe.Offsetof(HoldChunk{}.Holds), ChunkHoldsAt},
		"Semaphore": {unsafe.Offsetof(Semaphore{}.Holds), SemaphoreHoldsAt}, "Semaphore, Pool": {unsafe.Offsetof(Semaphore{}.Pool), SemaphorePoolAt},
	} {
		if off[0] != off[1] || (BlockHeader+off[0])%64 != 0 {
			t.Errorf("the holds of a %s lie at %d, inside a cache line or not where they should", name, off[0])
		}
	}
	if unsafe.Offsetof(Semaphore{}.Books) != SemaphoreBooksAt || unsafe.Offsetof(Semaphore{}.Freed) != SemaphoreFreedAt {
		t.Error("the books or Freed of a Semaphore lie elsewhere")
	}
	if unsafe.Offsetof(Slot{}.Blocked) != SlotBlockedAt {
		t.Errorf("the block of a row's waits is named at %d, not at SlotBlockedAt", unsafe.Offsetof(Slot{}.Blocked))
	}
	if BlocksAt%PageSize != 0 {
		t.Errorf("the blocks begin at %d, inside a page", BlocksAt)
	}
}

// A size that differs on some architecture does not compile there.
var (
	_ [1]struct{} = [unsafe.Sizeof(Slot{}) / SlotSize]struct{}{}
	_ [1]struct{} = [unsafe.Sizeof(Block{}) / BlockHeader]struct{}{}
	_ [1]struct{} = [unsafe.Sizeof(Lock{}) / 8]struct{}{}
	_ [1]struct{} = [unsafe.Sizeof(Value{}) / 40]struct{}{}
	_ [1]struct{} = [unsafe.Sizeof(BigValue{}) / 32]struct{}{}
	_ [1]struct{} = [unsafe.Sizeof(Array{}) / 32]struct{}{}
	_ [1]struct{} = [unsafe.Sizeof(Cond{}) / 32]struct{}{}
	_ [1]struct{} = [unsafe.Sizeof(CondNode{}) / 32]struct{}{}
	_ [1]struct{} = [unsafe.Sizeof(Barrier{}) / BarrierSeatsAt]struct{}{}
	_ [1]struct{} = [unsafe.Sizeof(Hold{}) / 128]struct{}{}
	_ [1]struct{} = [unsafe.Sizeof(Wait{}) / 64]struct{}{}
	_ [1]struct{} = [1 + (unsafe.Sizeof(Header{})-1)/PageSize]struct{}{}
)
