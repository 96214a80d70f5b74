package handoff

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

type hold struct {
	F  *file
	mu sync.Mutex `cbor:"-"` // held meanwhile
}

// cargo has Files wherever they can be.
type cargo struct {
	hold
	*Hold
	One    *file
	Nil    *file
	List   []*file
	Empty  []*file
	Array  [2]*file
	Map    map[string]*file
	NilMap map[string]*file
	Deep   map[int][]struct{ P *hold }
	Big    []byte
	H      *handle
	Next   *cargo
}

// Hold is embedded by pointer.
type Hold struct {
	Held *file
	Text string
}

// all is in the order of the walk.
func (c *cargo) all() []*file {
	return []*file{c.F, c.Held, c.One, c.List[0], c.Array[1], c.Map["a"], c.Deep[1][0].P.F, c.Next.One}
}

func sampleCargo(files []*os.File) *cargo {
	f := func(i int) *file { return newFile(files[i]) }
	return &cargo{
		hold:  hold{F: f(0)},
		Hold:  &Hold{f(1), "text"},
		One:   f(2),
		List:  []*file{f(3), nil},
		Empty: []*file{},
		Array: [2]*file{nil, f(4)},
		Map:   map[string]*file{"a": f(5), "nil": nil},
		Deep:  map[int][]struct{ P *hold }{1: {{&hold{F: f(6)}}, {}}},
		Big:   []byte("big"),
		H:     &handle{id: 3},
		Next:  &cargo{Hold: &Hold{}, One: f(7)},
	}
}

func mustContain(t *testing.T, f *os.File, want string) {
	t.Helper()
	content := make([]byte, 100)
	if n, err := f.ReadAt(content, 0); err != io.EOF || string(content[:n]) != want {
		t.Errorf("%s contains %q, %v; want %q", f.Name(), content[:n], err, want)
	}
}

func mustCloseOnExec(t *testing.T, f *os.File) {
	t.Helper()
	flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFD, 0)
	if err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("%s is not closed on exec: %v", f.Name(), err)
	}
}

func TestFilesAnywhere(t *testing.T) {
	files := openFiles(t, 8)
	before := countDescriptors(t)
	in := sampleCargo(files)
	in.mu.Lock()
	defer in.mu.Unlock()
	p, err := Encode(in)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Files) != 8 {
		t.Fatalf("%d files", len(p.Files))
	}
	for i, f := range p.Files {
		mustContain(t, f, fmt.Sprint(i))
		mustCloseOnExec(t, f)
	}
	for _, f := range files {
		f.Close() // what travels is the receiver's
	}
	var out *cargo
	arrivals, err := Decode(p, &out, nil)
	if err != nil || len(arrivals) != 8 {
		t.Fatal(len(arrivals), err)
	}
	for i, f := range out.all() {
		if got, want := f.d.Name(), files[i].Name(); got != want {
			t.Errorf("name %s, want %s", got, want)
		}
		got, err := f.d.Take("open")
		if err != nil {
			t.Fatal(err)
		}
		mustContain(t, got, fmt.Sprint(i))
		if got.Close() != nil || got.Name() != files[i].Name() {
			t.Errorf("file %d is called %s", i, got.Name())
		}
		if _, err := f.d.Take("open"); !errors.Is(err, os.ErrClosed) {
			t.Errorf("taken out twice: %v", err)
		}
		if _, err := Encode(f); !errors.Is(err, os.ErrClosed) {
			t.Errorf("sent after it was taken out: %v", err)
		}
		if err := f.d.Close(); err != nil {
			t.Error(err)
		}
	}
	if out.Nil != nil || out.List[1] != nil || out.Array[0] != nil || out.Map["nil"] != nil || len(out.Map) != 2 ||
		out.Empty == nil || out.NilMap != nil || out.Text != "text" || string(out.Big) != "big" || out.H.id != 3 {
		t.Errorf("what is no File has changed: %+v", out)
	}
	arrivals.Close()
	if after := countDescriptors(t); after != before-8 {
		t.Errorf("%d descriptors with 8 open files, %d with none", before, after)
	}
}

// One File in two places is two descriptors, and encoding changes nothing.
func TestFileTwice(t *testing.T) {
	f := newFile(openFiles(t, 1)[0])
	in := []*file{f, f}
	for range 2 {
		p, err := Encode(in)
		if err != nil || len(p.Files) != 2 {
			t.Fatal(len(p.Files), err)
		}
		var out []*file
		arrivals, err := Decode(p, &out, nil)
		if err != nil || len(arrivals) != 2 || out[0] == out[1] {
			t.Fatal(out, err)
		}
		if err := out[0].d.Close(); err != nil {
			t.Error(err)
		}
		got, err := out[1].d.Take("open")
		if err != nil {
			t.Fatal(err)
		}
		mustContain(t, got, "0")
		got.Close()
	}
}

// What has arrived can be sent on, until it is taken out; so can a File of a File.
func TestFileIsForwarded(t *testing.T) {
	before := countDescriptors(t)
	source, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	f := newFile(newFile(source))
	for range 3 {
		p, err := Encode(f)
		if err != nil {
			t.Fatal(err)
		}
		f.d.Close()
		f = nil
		if _, err := Decode(p, &f, nil); err != nil {
			t.Fatal(err)
		}
	}
	f.d.Close()
	if _, err := source.Stat(); err != nil {
		t.Errorf("the sender's own: %v", err)
	}
	source.Close()
	if after := countDescriptors(t); after != before {
		t.Errorf("%d descriptors, then %d", before, after)
	}
}

// A type with a File method alone is as good; what it returns is not kept.
type lender struct{ f *os.File }

func (l lender) File() (*os.File, error) {
	fd, err := unix.Dup(int(l.f.Fd()))
	return os.NewFile(uintptr(fd), "lent"), err
}

func TestFileMethod(t *testing.T) {
	files := openFiles(t, 1)
	before := countDescriptors(t)
	p, err := Encode(newFile(lender{files[0]}))
	if err != nil {
		t.Fatal(err)
	}
	mustContain(t, p.Files[0], "0")
	mustCloseOnExec(t, p.Files[0])
	p.Close()
	p.Close()
	if after := countDescriptors(t); after != before {
		t.Errorf("%d descriptors, then %d", before, after)
	}
}

func TestUse(t *testing.T) {
	ln, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	f := newFile(ln)
	errNo := errors.New("no")
	before := countDescriptors(t)
	for range 2 { // lent, then arrived
		if err := f.d.Use("listen", func(*os.File) error { return errNo }); !errors.Is(err, errNo) {
			t.Error(err)
		}
		var got net.Listener
		if f.d.state == lent {
			if err := f.d.Use("listen", func(f *os.File) (err error) { got, err = net.FileListener(f); return err }); err != nil {
				t.Fatal(err)
			}
			got.Close()
		}
		p, err := Encode(f)
		if err != nil {
			t.Fatal(err)
		}
		f.d.Close()
		f = nil
		if _, err := Decode(p, &f, nil); err != nil {
			t.Fatal(err)
		}
	}
	var got net.Listener
	if err := f.d.Use("listen", func(f *os.File) (err error) { got, err = net.FileListener(f); return err }); err != nil {
		t.Fatal(err)
	}
	if err := f.d.Use("listen", func(*os.File) error { return nil }); !errors.Is(err, errTaken) {
		t.Error(err)
	}
	got.Close()
	if after := countDescriptors(t); after != before {
		t.Errorf("%d descriptors, then %d", before, after)
	}
	if name := f.d.Name(); !strings.HasPrefix(name, "unix /") {
		t.Errorf("name %q", name)
	}
}

// An Encode that fails has duplicated nothing.
func TestFailedEncode(t *testing.T) {
	files := openFiles(t, 3)
	before := countDescriptors(t)
	closed := newFile(files[2])
	closed.d.Close()
	if _, err := Encode([]*file{newFile(files[0]), newFile(files[1]), closed}); !errors.Is(err, os.ErrClosed) {
		t.Error(err)
	}
	if _, err := Encode(struct {
		F *file
		H *freed
	}{newFile(files[0]), &freed{}}); !errors.Is(err, errFreed) {
		t.Error(err)
	}
	if after := countDescriptors(t); after != before {
		t.Errorf("%d descriptors, then %d", before, after)
	}
}

func TestNoDescriptorsLeft(t *testing.T) {
	files := openFiles(t, 1)
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	// A duplicate has the lowest number that is free.
	var taken []*os.File
	defer func() { closeFiles(taken) }()
	low := old
	low.Cur = uint64(files[0].Fd()) + 10
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &low); err != nil {
		t.Fatal(err)
	}
	defer unix.Setrlimit(unix.RLIMIT_NOFILE, &old)
	in := make([]*file, 100)
	for i := range in {
		in[i] = newFile(files[0])
	}
	_, err := Encode(in)
	if !errors.Is(err, unix.EMFILE) {
		t.Error(err)
	}
	for {
		f, err := os.Open("/dev/null")
		if err != nil {
			break
		}
		taken = append(taken, f)
	}
	if len(taken) == 0 {
		t.Error("the Encode that failed has kept the descriptors")
	}
}

// Whatever the bytes say, the descriptors are given away once each or closed.
func TestHostileIndexes(t *testing.T) {
	bytesOf := func(s string) []byte { return unhex(t, s) }
	for name, tt := range map[string]struct {
		data []byte
		n    int
	}{
		"beyond the end":   {bytesOf("82 41 00 41 02"), 2},
		"none came":        {bytesOf("81 41 00"), 0},
		"twice":            {bytesOf("82 41 00 41 00"), 2},
		"one left over":    {bytesOf("81 41 00"), 2},
		"all left over":    {bytesOf("80"), 2},
		"nil":              {bytesOf("f6"), 1},
		"large":            {bytesOf("81 45 ff ff ff ff 7f"), 1},
		"larger":           {bytesOf("81 4a ff ff ff ff ff ff ff ff ff 01"), 1},
		"too large to be":  {bytesOf("81 4b ff ff ff ff ff ff ff ff ff ff 01"), 1},
		"no index":         {bytesOf("81 40"), 1},
		"a text":           {bytesOf("81 61 30"), 1},
		"a number":         {bytesOf("81 00"), 1},
		"truncated":        {bytesOf("82 41 00"), 1},
		"something behind": {bytesOf("81 41 00 00"), 1},
	} {
		before := countDescriptors(t)
		p := Payload{Data: tt.data}
		for range tt.n {
			f, err := os.Open("/dev/null")
			if err != nil {
				t.Fatal(err)
			}
			p.Files = append(p.Files, f)
		}
		out := []*file{nil}
		arrivals, err := Decode(p, &out, nil)
		var decodeErr *DecodeError
		if !errors.As(err, &decodeErr) || arrivals != nil || out != nil {
			t.Errorf("%s: %v, %v, %v", name, out, arrivals, err)
		}
		if after := countDescriptors(t); after != before {
			t.Errorf("%s: %d descriptors, then %d", name, before, after)
		}
	}
	// A type without Files has none to give them to.
	f, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	var n int
	if _, err := Decode(Payload{Data: []byte{1}, Files: []*os.File{f}}, &n, nil); err == nil || n != 0 || f.Close() == nil {
		t.Errorf("%d, %v", n, err)
	}
}

// Arguments with the same File may be encoded at the same time, and while it is closed.
func TestFileConcurrently(t *testing.T) {
	f := newFile(openFiles(t, 1)[0])
	in := map[int][]*file{}
	for i := range 20 {
		in[i] = slices.Repeat([]*file{f}, i)
	}
	before := countDescriptors(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 20 {
				p, err := Encode(in)
				if err != nil {
					if !errors.Is(err, os.ErrClosed) {
						t.Error(err)
					}
					return
				}
				var out map[int][]*file
				arrivals, err := Decode(p, &out, nil)
				if err != nil || !reflect.DeepEqual(len(out), len(in)) {
					t.Error(err)
				}
				arrivals.Close()
			}
		})
	}
	wg.Wait()
	wg.Go(func() { f.d.Close() })
	wg.Go(func() {
		if p, err := Encode(in); err == nil {
			p.Close()
		}
	})
	wg.Wait()
	if after := countDescriptors(t); after != before {
		t.Errorf("%d descriptors, then %d", before, after)
	}
}
