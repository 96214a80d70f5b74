package wire_test

import (
	"bytes"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc/manager/internal/wire"
	"github.com/multiproc-go/multiproc/pickle"
)

// clientScalars are values of all kinds that are written and read without package pickle.
func clientScalars() []any {
	return []any{
		nil, true, false, int64(0), int64(255), int64(256), int64(65535), int64(65536), int64(-1),
		int64(math.MaxInt32), int64(math.MaxInt32 + 1), int64(math.MinInt32), int64(math.MinInt32 - 1),
		int64(math.MaxInt64), int64(math.MinInt64), 0.0, math.Copysign(0, -1), 1.5, math.Inf(-1),
		"", "a", "世界", strings.Repeat("x", 255), strings.Repeat("x", 256), strings.Repeat("x", 1<<16),
	}
}

// TestAppendCall reads with package pickle what AppendCall writes.
func TestAppendCall(t *testing.T) {
	all := clientScalars()
	for n := range 6 {
		for i := range all {
			args := make([]any, n)
			for k := range args {
				args[k] = all[(i+k)%len(all)]
			}
			msg, ok := wire.AppendCall([]byte("before"), "ident", "method", args)
			if !ok || !bytes.HasPrefix(msg, []byte("before")) {
				t.Fatalf("%v: not written", args)
			}
			graph, err := pickle.Decode(msg[len("before"):])
			if err != nil {
				t.Fatalf("%v: %v", args, err)
			}
			r, err := wire.ParseCall(graph)
			if err != nil || r.Ident != "ident" || r.Method != "method" || r.Kwargs.Len() != 0 {
				t.Fatalf("%v: %+v, %v", args, r, err)
			}
			if same, err := pickle.Equal(r.Args, pickle.NewTuple(args...)); !same || err != nil {
				t.Errorf("wrote %s, read %s", pickle.Repr(pickle.NewTuple(args...)), pickle.Repr(r.Args))
			}
		}
	}
	for _, other := range []any{pickle.NewList(), pickle.Bytes("b"), 5, "\xff", strings.Repeat("x", 1<<16+1)} {
		if msg, ok := wire.AppendCall([]byte("before"), "ident", "method", []any{"a", other}); ok || string(msg) != "before" {
			t.Errorf("%.20v was written as %.20q", other, msg)
		}
	}
	if _, ok := wire.AppendCall(nil, strings.Repeat("i", 256), "method", nil); ok {
		t.Error("an ident of 256 bytes was written")
	}
}

// replies are the pickles of a result in all protocols.
func replies(t testing.TB, result any) (list [][]byte) {
	for protocol := range pickle.HighestProtocol + 1 {
		msg, err := pickle.Append(nil, wire.NewReply(wire.KindReturn, result), protocol)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, msg)
	}
	return list
}

func TestReplyScalar(t *testing.T) {
	read := 0
	for _, v := range clientScalars() {
		for protocol, msg := range replies(t, v) {
			got, ok := wire.ReplyScalar(msg)
			if !ok {
				continue
			}
			read++
			if same, err := pickle.Equal(got, v); !same || err != nil || pickle.TypeName(got) != pickle.TypeName(v) {
				t.Errorf("protocol %d: %s was read as %s", protocol, pickle.Repr(v), pickle.Repr(got))
			}
		}
	}
	if read < 2*15 {
		t.Errorf("%d of the replies were read without package pickle", read)
	}
	for _, kind := range []string{wire.KindError, wire.KindTraceback, wire.KindProxy} {
		msg, err := pickle.Append(nil, wire.NewReply(kind, "text"), 4)
		if err != nil {
			t.Fatal(err)
		}
		if v, ok := wire.ReplyScalar(msg); ok {
			t.Errorf("%s was read as a result: %v", kind, v)
		}
	}
}

// sameAsPickle fails the test if ReplyScalar reads something that package pickle does not read so.
func sameAsPickle(t testing.TB, msg []byte) {
	t.Helper()
	got, ok := wire.ReplyScalar(msg)
	if !ok {
		return
	}
	graph, err := pickle.Decode(msg)
	if err != nil {
		t.Fatalf("%q: %v was read, and package pickle says %v", msg, got, err)
	}
	kind, result, err := wire.ParseReply(graph)
	if err != nil || kind != wire.KindReturn {
		t.Fatalf("%q: %v was read, of kind %s, %v", msg, got, kind, err)
	}
	if f, isFloat := got.(float64); isFloat && f != f {
		if g, ok := result.(float64); ok && g != g {
			return
		}
	}
	if same, err := pickle.Equal(got, result); !same || err != nil || pickle.TypeName(got) != pickle.TypeName(result) {
		t.Fatalf("%q: %v was read, package pickle reads %v", msg, got, result)
	}
}

// TestReplyScalarDamaged changes, cuts and lengthens replies.
func TestReplyScalarDamaged(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for _, v := range clientScalars() {
		if s, ok := v.(string); ok && len(s) > 256 {
			continue
		}
		for _, msg := range replies(t, v) {
			for n := range len(msg) + 1 {
				sameAsPickle(t, msg[:n])
			}
			for range 200 {
				damaged := bytes.Clone(msg)
				for range 1 + random.IntN(3) {
					damaged[random.IntN(len(damaged))] = byte(random.Uint32())
				}
				sameAsPickle(t, damaged)
			}
		}
	}
}

func FuzzReplyScalar(f *testing.F) {
	for _, v := range clientScalars() {
		for _, msg := range replies(f, v) {
			if len(msg) < 1000 {
				f.Add(msg)
			}
		}
	}
	f.Fuzz(func(t *testing.T, msg []byte) { sameAsPickle(t, msg) })
}
