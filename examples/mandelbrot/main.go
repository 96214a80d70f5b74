// Mandelbrot draws the Mandelbrot set: the workers of a pool fill one shared array, and the picture is written as a PNG.
//
//	go run ./examples/mandelbrot -out mandelbrot.png
//	MULTIPROC_MODE=goroutines go run ./examples/mandelbrot -out mandelbrot.png
//
// A task is one line of the picture. Its argument carries a handle of the array; the worker writes its line where it belongs, and nothing but the number of
// points inside of the set comes back. The array is the pixels of the image: nothing is copied.
package main

import (
	"context"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/pool"
	"github.com/multiproc-go/multiproc/shm"
)

var (
	out    = flag.String("out", "mandelbrot.png", "file to write")
	width  = flag.Int("width", 900, "pixels")
	height = flag.Int("height", 600, "pixels")
)

// depth is how many steps a point gets to leave.
const depth = 500

// A row is one line of the picture.
type row struct {
	Pixels *shm.Array[uint8] // an index into the palette for each pixel, line after line
	Y      int
	Width  int
	Height int
}

// draw fills a row and returns how many of its points are in the set.
var draw = multiproc.Func("draw", func(_ context.Context, r row) (inside int, err error) {
	line := r.Pixels.Slice()[r.Y*r.Width : (r.Y+1)*r.Width]
	scale := math.Max(3/float64(r.Width), 2/float64(r.Height))
	for x := range line {
		c := complex((float64(x)-float64(r.Width)/2)*scale-0.5, (float64(r.Y)-float64(r.Height)/2)*scale)
		line[x] = shade(c)
		if line[x] == 0 {
			inside++
		}
	}
	return inside, nil
})

// shade is 0 for a point in the set, else a colour that depends on how soon it leaves.
func shade(c complex128) uint8 {
	z := complex(0, 0)
	for i := range depth {
		z = z*z + c
		if m := real(z)*real(z) + imag(z)*imag(z); m > 64 {
			smooth := float64(i) - math.Log2(math.Log2(m)/2)
			return uint8(1 + int(math.Sqrt(max(smooth, 0))*24)%255)
		}
	}
	return 0
}

// palette runs from dark blue over white and gold; the set itself is black.
func palette() color.Palette {
	colors := color.Palette{color.Black}
	wave := func(at, shift float64) uint8 { return uint8(127.5 * (1 - math.Cos(2*math.Pi*(at+shift)))) }
	for i := range 255 {
		at := float64(i) / 255
		colors = append(colors, color.RGBA{wave(at, 0.02), wave(at, 0.08), wave(at, 0.2), 255})
	}
	return colors
}

func main() {
	flag.Parse()
	multiproc.Main(run)
}

func run(ctx context.Context) error {
	if *width < 1 || *height < 1 || *width > 1<<14 || *height > 1<<14 {
		return fmt.Errorf("%d times %d pixels: no such picture", *width, *height)
	}
	pixels, err := shm.NewArray[uint8](*width * *height)
	if err != nil {
		return err
	}
	defer pixels.Close()
	p, err := pool.New(ctx, pool.Options{})
	if err != nil {
		return err
	}
	defer p.Terminate()

	rows := make([]row, *height)
	for y := range rows {
		rows[y] = row{pixels, y, *width, *height}
	}
	counts, err := pool.Map(ctx, p, draw, rows)
	if err != nil {
		return err
	}
	p.Close()
	if err := p.Wait(ctx); err != nil {
		return err
	}
	inside := 0
	for _, n := range counts {
		inside += n
	}
	if err := write(*out, pixels.Slice()); err != nil {
		return err
	}
	fmt.Printf("%d times %d pixels, %d in the set\n", *width, *height, inside)
	return nil
}

func write(path string, pixels []uint8) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	img := &image.Paletted{Pix: pixels, Stride: *width, Rect: image.Rect(0, 0, *width, *height), Palette: palette()}
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(f, img); err != nil {
		return err
	}
	return f.Close()
}
