package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/multiproc-go/multiproc/examples/internal/expect"
)

func TestMain(m *testing.M) { expect.Main(m) }

func TestWordcount(t *testing.T) {
	program := expect.Build(t)
	expect.InBothModes(t, func(t *testing.T, mode expect.Mode) {
		program.Prints(t, "expected.txt", mode, "-check")
	})
}

func TestOtherFiles(t *testing.T) {
	program := expect.Build(t)
	path := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(path, []byte("To be, or not to be:\nthat's\n\n\nthe question. "), 0o600); err != nil {
		t.Fatal(err)
	}
	expect.InBothModes(t, func(t *testing.T, mode expect.Mode) {
		out := program.Run(t, mode, "-check", "-top", "2", path)
		if out.Code != 0 || !strings.HasPrefix(out.Stdout, "9 words, 7 different\n     2 be\n     2 to\none process") {
			t.Errorf("%+v", out)
		}
		long := filepath.Join(t.TempDir(), "long")
		if err := os.WriteFile(long, []byte(strings.Repeat("x", 1<<20)), 0o600); err != nil {
			t.Fatal(err)
		}
		for path, text := range map[string]string{path + "?": "no such file", long: "token too long"} {
			if out := program.Run(t, mode, path); out.Code != 1 || !strings.Contains(out.Stderr, text) {
				t.Errorf("%s: %+v", path, out)
			}
		}
	})
}

func TestNoRace(t *testing.T) {
	expect.BuildRace(t).Prints(t, "expected.txt", expect.Goroutines, "-check")
}
