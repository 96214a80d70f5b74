package pickle_test

import (
	"strconv"
	"testing"

	"github.com/multiproc-go/multiproc/pickle"
)

// benchmarks are values by name: what a Manager's client sends and gets, and larger ones.
func benchmarks(b *testing.B, run func(b *testing.B, graph any)) {
	numbers, texts, rows, dict := pickle.NewList(), pickle.NewList(), pickle.NewList(), pickle.NewDict()
	for i := range 1000 {
		numbers.Items = append(numbers.Items, int64(i))
		texts.Items = append(texts.Items, "item "+strconv.Itoa(i))
		rows.Items = append(rows.Items, pickle.NewTuple(int64(i), "row "+strconv.Itoa(i), float64(i)/3))
		if err := dict.Set("key "+strconv.Itoa(i), int64(i)); err != nil {
			b.Fatal(err)
		}
	}
	for _, c := range []struct {
		name  string
		graph any
	}{
		{"request", pickle.NewTuple("7f2c6b0a8d10", "__setitem__", pickle.NewTuple("a", int64(1)), pickle.NewDict())},
		{"reply", pickle.NewTuple("#RETURN", nil)},
		{"ints", numbers},
		{"strs", texts},
		{"rows", rows},
		{"dict", dict},
	} {
		b.Run(c.name, func(b *testing.B) { run(b, c.graph) })
	}
}

func BenchmarkDecode(b *testing.B) {
	benchmarks(b, func(b *testing.B, graph any) {
		data, err := pickle.Append(nil, graph, pickle.DefaultProtocol)
		if err != nil {
			b.Fatal(err)
		}
		var d pickle.Decoder
		b.ReportAllocs()
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			if _, err := d.DecodeBytes(data); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	benchmarks(b, func(b *testing.B, graph any) {
		e := pickle.Encoder{Protocol: pickle.DefaultProtocol}
		var data []byte
		b.ReportAllocs()
		for b.Loop() {
			var err error
			if data, err = e.Append(data[:0], graph); err != nil {
				b.Fatal(err)
			}
		}
		b.SetBytes(int64(len(data)))
	})
}

func BenchmarkRepr(b *testing.B) {
	benchmarks(b, func(b *testing.B, graph any) {
		var text []byte
		for b.Loop() {
			var err error
			if text, err = pickle.AppendRepr(text[:0], graph, 0); err != nil {
				b.Fatal(err)
			}
		}
		b.SetBytes(int64(len(text)))
	})
}

func BenchmarkDictGet(b *testing.B) {
	d := pickle.NewDict()
	for i := range 1000 {
		if err := d.Set("key "+strconv.Itoa(i), nil); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if _, ok, err := d.Get("key 500"); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}

type point struct {
	X, Y int
	Name string `pickle:"name"`
}

func BenchmarkMarshal(b *testing.B) {
	p := &point{1, 2, "three"}
	for b.Loop() {
		if _, err := pickle.Marshal(p); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUnmarshal(b *testing.B) {
	data, err := pickle.Marshal(&point{1, 2, "three"})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		var p point
		if err := pickle.Unmarshal(data, &p); err != nil {
			b.Fatal(err)
		}
	}
}
