package manager_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/multiproc-go/multiproc/manager"
)

// TestSentinelsOfExceptions: as Python's except has it, as far as its own classes go.
func TestSentinelsOfExceptions(t *testing.T) {
	all := []error{
		manager.ErrKey, manager.ErrIndex, manager.ErrValue, manager.ErrType, manager.ErrAttribute, manager.ErrStopIteration,
		manager.ErrRuntime, manager.ErrMemory, manager.ErrEmpty, manager.ErrFull, manager.ErrShutDown, manager.ErrBrokenBarrier,
	}
	for name, want := range map[string]error{
		"builtins.KeyError": manager.ErrKey, "builtins.IndexError": manager.ErrIndex, "builtins.ValueError": manager.ErrValue,
		"builtins.TypeError": manager.ErrType, "builtins.AttributeError": manager.ErrAttribute, "builtins.StopIteration": manager.ErrStopIteration,
		"builtins.RuntimeError": manager.ErrRuntime, "builtins.MemoryError": manager.ErrMemory, "queue.Empty": manager.ErrEmpty,
		"_queue.Empty": manager.ErrEmpty, "queue.Full": manager.ErrFull, "queue.ShutDown": manager.ErrShutDown,
		"threading.BrokenBarrierError": manager.ErrBrokenBarrier,
		"builtins.UnicodeDecodeError":  manager.ErrValue, "builtins.RecursionError": manager.ErrRuntime, "builtins.NotImplementedError": manager.ErrRuntime,
		"builtins.LookupError": nil, "mine.KeyError": nil, "builtins.Empty": nil,
	} {
		module, class, _ := strings.Cut(name, ".")
		err := error(&manager.Exception{Module: module, Name: class})
		for _, sentinel := range all {
			if errors.Is(err, sentinel) != (sentinel == want) {
				t.Errorf("%s is %v: %v", name, sentinel, errors.Is(err, sentinel))
			}
		}
	}
}
