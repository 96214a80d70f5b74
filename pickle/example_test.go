package pickle_test

import (
	"bytes"
	"errors"
	"fmt"
	"log"

	"github.com/multiproc-go/multiproc/pickle"
)

func Example() {
	type Point struct {
		X, Y int
		Name string `pickle:"name,omitempty"`
	}
	data, err := pickle.Marshal([]Point{{1, 2, "start"}, {X: 3}})
	if err != nil {
		log.Fatal(err)
	}
	graph, err := pickle.Decode(data)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(pickle.Repr(graph))

	var points []Point
	if err := pickle.Unmarshal(data, &points); err != nil {
		log.Fatal(err)
	}
	fmt.Println(points[0].Name, points[1].X)
	// Output:
	// [{'X': 1, 'Y': 2, 'name': 'start'}, {'X': 3, 'Y': 0}]
	// start 3
}

// What CPython writes for (KeyError('zz'), datetime.date(2020, 1, 2)).
const twoObjects = "\x80\x04\x95C\x00\x00\x00\x00\x00\x00\x00\x8c\x08builtins\x94\x8c\x08KeyError\x94\x93\x94\x8c\x02zz\x94\x85\x94R\x94" +
	"\x8c\x08datetime\x94\x8c\x04date\x94\x93\x94C\x04\x07\xe4\x01\x02\x94\x85\x94R\x94\x86\x94."

func ExampleDecode() {
	v, err := pickle.Decode([]byte(twoObjects))
	if err != nil {
		log.Fatal(err)
	}
	for _, item := range v.(*pickle.Tuple).Items {
		o := item.(*pickle.Object)
		module, name, _ := o.Class()
		fmt.Println(module, name, pickle.Repr(o.Args), pickle.Repr(o))
	}
	again, err := pickle.Append(nil, v, 4)
	fmt.Println(string(again) == twoObjects, err)
	// Output:
	// builtins KeyError ('zz',) KeyError('zz')
	// datetime date (b'\x07\xe4\x01\x02',) <datetime.date object>
	// true <nil>
}

func ExampleDecoder() {
	d := pickle.NewDecoder(bytes.NewReader([]byte("K\x01.}Va\nK\x02s.")))
	d.Limits.Bytes = 1 << 20
	for {
		v, err := d.DecodeValue()
		if err != nil {
			fmt.Println(err)
			break
		}
		fmt.Println(pickle.Repr(v))
	}
	// Output:
	// 1
	// {'a': 2}
	// EOF
}

// A hook that makes dates of what Python pickles as calls of datetime.date.
func ExampleDecoder_Reduce() {
	type date struct{ year, month, day int }
	d := pickle.Decoder{Reduce: func(callable *pickle.Global, args *pickle.Tuple) (any, bool, error) {
		if *callable != (pickle.Global{Module: "datetime", Name: "date"}) || len(args.Items) != 1 {
			return nil, false, nil
		}
		b, ok := args.Items[0].(pickle.Bytes)
		if !ok || len(b) != 4 {
			return nil, false, errors.New("that is no date")
		}
		return date{int(b[0])<<8 | int(b[1]), int(b[2]), int(b[3])}, true, nil
	}}
	v, err := d.DecodeBytes([]byte(twoObjects))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(v.(*pickle.Tuple).Items[1])
	// Output: {2020 1 2}
}

func ExampleAppend() {
	row := pickle.NewTuple("a", int64(1))
	data, err := pickle.Append(nil, pickle.NewList(row, row), 2)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%q\n", data) // the second time, row is a reference: h\x02
	// Output: "\x80\x02]q\x00(X\x01\x00\x00\x00aq\x01K\x01\x86q\x02h\x02e."
}

func ExampleDict() {
	d := pickle.NewDict()
	for _, key := range []any{"b", int64(1), true, 1.5} {
		if err := d.Set(key, pickle.TypeName(key)); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(pickle.Repr(d)) // True is 1
	fmt.Println(d.Get(1.0))
	fmt.Println(d.Set(pickle.NewList(), nil))
	// Output:
	// {'b': 'str', 1: 'bool', 1.5: 'float'}
	// bool true <nil>
	// unhashable type: 'list'
}
