package handoff

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"net"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
)

// file is a Carrier as multiproc.File is one.
type file struct{ d Descriptor }

func newFile(x any) *file {
	f := &file{}
	f.d.Lend(x)
	return f
}

func (f *file) HandOff() *Descriptor           { return &f.d }
func (f *file) MarshalBinary() ([]byte, error) { return f.d.MarshalBinary() }
func (f *file) UnmarshalBinary(b []byte) error { return f.d.UnmarshalBinary(b) }
func (f *file) MarshalText() ([]byte, error)   { return f.d.MarshalText() }
func (f *file) UnmarshalText(b []byte) error   { return f.d.UnmarshalText(b) }

// lameFile has no encoding.
type lameFile struct{ d Descriptor }

func (f *lameFile) HandOff() *Descriptor { return &f.d }

func TestFileTypes(t *testing.T) {
	type embeds struct {
		*file
		Name string
	}
	for _, typ := range []reflect.Type{
		reflect.TypeFor[*file](), reflect.TypeFor[[]*file](), reflect.TypeFor[map[string][2]*file](),
		reflect.TypeFor[struct{ F *file }](), reflect.TypeFor[struct{ P *struct{ F *file } }](),
	} {
		if err := Check(typ); err != nil {
			t.Error(err)
		}
	}
	for typ, reason := range map[reflect.Type]string{
		reflect.TypeFor[file]():                         "use *handoff.file",
		reflect.TypeFor[struct{ F file }]():             "use *handoff.file",
		reflect.TypeFor[map[*file]int]():                "map key",
		reflect.TypeFor[**file]():                       "pointer to nil",
		reflect.TypeFor[*lameFile]():                    "needs MarshalBinary",
		reflect.TypeFor[embeds]():                       "Name would be lost",
		reflect.TypeFor[*os.File]():                     "multiproc.NewFile",
		reflect.TypeFor[struct{ L net.Listener }]():     "multiproc.NewFile",
		reflect.TypeFor[net.Conn]():                     "multiproc.NewFile",
		reflect.TypeFor[[]net.PacketConn]():             "multiproc.NewFile",
		reflect.TypeFor[struct{ C *net.TCPConn }]():     "multiproc.NewFile",
		reflect.TypeFor[map[string]*net.UDPConn]():      "multiproc.NewFile",
		reflect.TypeFor[struct{ A net.Addr }]():         "concrete type",
		reflect.TypeFor[struct{ L *net.TCPListener }](): "multiproc.NewFile",
	} {
		if err := Check(typ); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%v: %v, want %s", typ, err, reason)
		}
	}
}

// A File that is encoded by itself would arrive as a number that means nothing.
func TestFileInOtherEncodings(t *testing.T) {
	f := newFile(os.Stdout)
	nested := struct{ F *file }{f}
	for name, encode := range map[string]func() error{
		"method": func() error { _, err := f.MarshalBinary(); return err },
		"json":   func() error { _, err := json.Marshal(nested); return err },
		"gob":    func() error { return gob.NewEncoder(new(bytes.Buffer)).Encode(nested) },
		"xml":    func() error { _, err := xml.Marshal(f); return err },
		"cbor":   func() error { _, err := cbor.Marshal(nested); return err },
		"from json": func() error {
			return json.Unmarshal([]byte(`{"F": "x"}`), &nested)
		},
		"its own bytes": func() error { return new(file).UnmarshalBinary(nil) },
		"not empty":     func() error { return f.UnmarshalBinary([]byte{1}) },
		"large index":   func() error { return new(file).UnmarshalBinary([]byte{0xff, 0xff, 0xff, 0xff, 0x7f}) },
	} {
		if err := encode(); err == nil || !strings.Contains(err.Error(), errOutside.Error()) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := newFile(os.Stdout).d.Close(); err != nil {
		t.Error(err)
	}

	// Bytes that were made up lead to no descriptor.
	stray := &file{}
	if err := stray.UnmarshalBinary([]byte{0, 1, 'x'}); err != nil {
		t.Fatal(err)
	}
	if _, err := stray.d.Take("open"); !errors.Is(err, errOutside) {
		t.Error(err)
	}
	if _, err := Encode(stray); !errors.Is(err, errOutside) {
		t.Error(err)
	}
}

func TestFileWithoutDescriptor(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	closed, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	detached := newFile(os.Stdout)
	detached.d.Close()
	for _, tt := range []struct {
		f    *file
		want error
	}{
		{newFile(nil), errNoDescriptor},
		{newFile(a), errNoDescriptor},
		{newFile("/etc/passwd"), errNoDescriptor},
		{newFile((*os.File)(nil)), errNoDescriptor},
		{newFile((*net.TCPListener)(nil)), errNoDescriptor},
		{newFile(newFile(nil)), errNoDescriptor},
		{new(file), errEmpty},
		{newFile(closed), os.ErrClosed},
		{newFile(newFile(closed)), os.ErrClosed},
		{detached, os.ErrClosed},
		{newFile(detached), os.ErrClosed},
	} {
		_, err := Encode(map[string][]*file{"a": {nil, tt.f}})
		var valueErr *ValueError
		if !errors.As(err, &valueErr) || !errors.Is(err, tt.want) {
			t.Errorf("%v: %v, want %v", tt.f.d.Name(), err, tt.want)
		} else if want := `map[string][]*handoff.file["a"][1]`; valueErr.Path != want {
			t.Errorf("path %s, want %s", valueErr.Path, want)
		}
		var pathErr *os.PathError
		if _, err := tt.f.d.Take("open"); !errors.As(err, &pathErr) || !errors.Is(err, tt.want) {
			t.Errorf("%v: %v, want %v", tt.f.d.Name(), err, tt.want)
		}
	}
}
