package memory

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestOpenRefuses(t *testing.T) {
	m := mapped(t, 0)
	family := m.Header().Family
	reopen := func(f *os.File, family [16]byte) error {
		o, err := Open(f, family)
		if err == nil {
			o.Close()
		}
		return err
	}
	dup := func() *os.File {
		fd, err := syscall.Dup(int(m.File().Fd()))
		if err != nil {
			t.Fatal(err)
		}
		return os.NewFile(uintptr(fd), "arena")
	}
	if err := reopen(dup(), family); err != nil {
		t.Errorf("the arena itself: %v", err)
	}
	other := family
	other[0]++
	h := m.Header()
	for name, test := range map[string]struct {
		spoil, mend func()
		family      [16]byte
	}{
		"family":    {family: other},
		"magic":     {func() { h.Magic++ }, func() { h.Magic-- }, family},
		"version":   {func() { h.Version++ }, func() { h.Version-- }, family},
		"signature": {func() { h.Signature++ }, func() { h.Signature-- }, family},
		"size":      {func() { h.Size++ }, func() { h.Size-- }, family},
	} {
		f := dup()
		if test.spoil != nil {
			test.spoil()
		}
		err := reopen(f, test.family)
		var open *OpenError
		if !errors.As(err, &open) || !errors.Is(err, ErrForeign) || open.Reason == "" {
			t.Errorf("%s: %v; want an OpenError with ErrForeign", name, err)
		}
		if test.mend != nil {
			test.mend()
		}
		f.Close()
	}

	path := filepath.Join(t.TempDir(), "file")
	for name, size := range map[string]int64{"empty": 0, "short": 100, "long but sparse": 1 << 30} {
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		f.Truncate(size)
		if err := reopen(f, family); !errors.Is(err, ErrForeign) {
			t.Errorf("%s file: %v; want ErrForeign", name, err)
		}
		f.Close()
	}
}
