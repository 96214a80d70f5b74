package manager_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/multiproc-go/multiproc/internal/pythons"
	"github.com/multiproc-go/multiproc/manager"
	"github.com/multiproc-go/multiproc/manager/internal/wire"
	"github.com/multiproc-go/multiproc/pickle"
)

// makeSegment makes a segment, as shm_open does, for as long as the test.
func makeSegment(t *testing.T, name string) (path string) {
	t.Helper()
	path = filepath.Join("/dev/shm", name)
	ok(t, os.WriteFile(path, []byte("segment"), 0o600))
	t.Cleanup(func() { os.Remove(path) })
	return path
}

func wantFile(t *testing.T, path string, there bool) {
	t.Helper()
	if _, err := os.Lstat(path); there != (err == nil) || err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s: %v", path, err)
	}
}

// TestSharedMemoryManager: Python's, of each age. The segments that its client leaves are unlinked when the server ends.
func TestSharedMemoryManager(t *testing.T) {
	eachClient(t, func(t *testing.T, p pythons.Interpreter) {
		s := serve(t, manager.Options{})
		check(t, p.Path, s, "segments")
		_, result := ask(t, s, wire.FuncListSegments)
		list, isList := result.(*pickle.List)
		if !isList || len(list.Items) != 2 {
			t.Fatalf("segments: %v", pickle.Repr(result))
		}
		var paths []string
		for _, name := range list.Items {
			paths = append(paths, filepath.Join("/dev/shm", name.(string)))
			wantFile(t, paths[len(paths)-1], true)
		}
		if p.Minor%2 == 0 { // by the end of the server, or by a client's request
			ok(t, s.Close())
		} else {
			f := dialRaw(t, s)
			send(t, f, wire.NewRequest("", wire.FuncShutdown).Graph())
			receive(t, f)
		}
		for _, path := range paths { // also by the request: it is told when it is done
			wantFile(t, path, false)
		}
	})
}

// TestSegments: the server unlinks what it was told of, and nothing else.
func TestSegments(t *testing.T) {
	name := func(i int) string { return fmt.Sprintf("mptest-%d-%d", os.Getpid(), i) }
	s := serve(t, manager.Options{})
	untold, told, gone, replaced := makeSegment(t, name(0)), makeSegment(t, name(1)), makeSegment(t, name(2)), makeSegment(t, name(3))
	wants := func(kind, function string, args ...any) {
		t.Helper()
		if got, result := ask(t, s, function, args...); got != kind {
			t.Errorf("%s%v: %s %v", function, args, got, result)
		}
	}
	wants(wire.KindTraceback, wire.FuncReleaseSegment, name(0))
	wantFile(t, untold, true)
	for i := 1; i < 4; i++ {
		wants(wire.KindReturn, wire.FuncTrackSegment, name(i))
	}
	wants(wire.KindTraceback, wire.FuncTrackSegment, "../shm/"+name(0))
	ok(t, os.Remove(gone)) // by the tracker of its client, it may be
	ok(t, os.Remove(replaced))
	ok(t, os.WriteFile(filepath.Join(t.TempDir(), "x"), nil, 0o600)) // so that the number of the file is another's
	makeSegment(t, name(3))
	wants(wire.KindReturn, wire.FuncReleaseSegment, name(2))
	ok(t, s.Close())
	wantFile(t, untold, true)
	wantFile(t, told, false)
	wantFile(t, replaced, true)
}

// TestSegmentsOfACallConnection: our clients ask on one that is there.
func TestSegmentsOfACallConnection(t *testing.T) {
	s := serve(t, manager.Options{})
	f := open(t, s)
	path := makeSegment(t, fmt.Sprintf("mptest-%d", os.Getpid()))
	want(t, f, nil, "0", wire.FuncTrackSegment, filepath.Base(path))
	want(t, f, pickle.NewList(filepath.Base(path)), "0", wire.FuncListSegments)
	want(t, f, nil, "0", wire.FuncReleaseSegment, filepath.Base(path))
	wantFile(t, path, false)
}
