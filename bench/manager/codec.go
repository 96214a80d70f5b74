package main

import (
	"context"
	"fmt"
	"time"

	"github.com/multiproc-go/multiproc/pickle"
)

// request is what Python 3.13 sends for d["a"]: 52 bytes.
const request = "\x80\x04\x95\x29\x00\x00\x00\x00\x00\x00\x00(\x8c\x0c7f00abcdef01\x94\x8c\x0b__getitem__\x94\x8c\x01a\x94\x85\x94}\x94t\x94."

func decode(_ context.Context, d time.Duration) (float64, error) {
	var decoder pickle.Decoder
	data := []byte(request)
	return perOp(d, func() error {
		graph, err := decoder.DecodeBytes(data)
		if t, ok := graph.(*pickle.Tuple); err == nil && (!ok || len(t.Items) != 4) {
			err = fmt.Errorf("no request: %v", pickle.Repr(graph))
		}
		return err
	})
}

func encode(_ context.Context, d time.Duration) (float64, error) {
	encoder := pickle.Encoder{Protocol: pickle.DefaultProtocol}
	var buf []byte
	return perOp(d, func() (err error) {
		buf, err = encoder.Append(buf[:0], pickle.NewTuple("#RETURN", int64(1)))
		return err
	})
}
