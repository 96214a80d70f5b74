package main

import (
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/multiproc-go/multiproc/examples/internal/expect"
)

func TestMain(m *testing.M) { expect.Main(m) }

func TestMandelbrot(t *testing.T) {
	program := expect.Build(t)
	expect.InBothModes(t, func(t *testing.T, mode expect.Mode) {
		path := filepath.Join(t.TempDir(), "out.png")
		program.Prints(t, "expected.txt", mode, "-width", "300", "-height", "200", "-out", path)
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		img, err := png.Decode(f)
		if err != nil {
			t.Fatal(err)
		}
		drawn, ok := img.(*image.Paletted)
		if !ok || drawn.Rect != image.Rect(0, 0, 300, 200) {
			t.Fatalf("%T of %v", img, img.Bounds())
		}
		for y := range 200 { // each pixel, against one process
			for x := range 300 {
				c := complex((float64(x)-150)*0.01-0.5, (float64(y)-100)*0.01)
				if got := drawn.ColorIndexAt(x, y); got != shade(c) {
					t.Fatalf("pixel %d, %d is %d, want %d", x, y, got, shade(c))
				}
			}
		}
	})
}

func TestMistakes(t *testing.T) {
	program := expect.Build(t)
	for args, text := range map[string]string{
		"-width=0":                "no such picture",
		"-height=100000":          "no such picture",
		"-out=/nowhere/there.png": "no such file",
	} {
		out := program.Run(t, expect.Goroutines, args)
		if out.Code != 1 || !strings.Contains(out.Stderr, text) {
			t.Errorf("%s: %+v", args, out)
		}
	}
}

func TestNoRace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.png")
	expect.BuildRace(t).Prints(t, "expected.txt", expect.Goroutines, "-width", "300", "-height", "200", "-out", path)
}
