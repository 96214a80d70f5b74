package conn_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/multiproc-go/multiproc/conn"
	"github.com/multiproc-go/multiproc/internal/modetest"
)

var digestNames = []string{"", "md5", "sha256", "sha384", "sha3_256", "sha3_384"}

// shake runs both ends of a handshake.
func shake(t testing.TB, dialing, listening conn.Handshake) (dialErr, listenErr error) {
	a, b, _ := pipe(t)
	listening.Role, dialing.Role = conn.Listening, conn.Dialing
	done := make(chan error, 1)
	go func() {
		err := conn.Authenticate(modetest.Patient(t), b, listening)
		if err != nil {
			b.Close()
		}
		done <- err
	}()
	dialErr = conn.Authenticate(modetest.Patient(t), a, dialing)
	if dialErr != nil {
		a.Close()
	}
	return dialErr, modetest.Receive(t, done, "end of the handshake")
}

func TestHandshake(t *testing.T) {
	for _, key := range keysToTry()[1:] {
		for _, one := range digestNames {
			for _, other := range digestNames {
				dialErr, listenErr := shake(t, conn.Handshake{Key: key, Digest: one}, conn.Handshake{Key: key, Digest: other})
				if dialErr != nil || listenErr != nil {
					t.Errorf("key of %d bytes, %q and %q: %v, %v", len(key), one, other, dialErr, listenErr)
				}
			}
		}
	}
}

func TestHandshakeWithOtherKey(t *testing.T) {
	keys := keysToTry()[1:]
	for i, one := range keys {
		for j, other := range keys {
			if i == j {
				continue
			}
			dialErr, listenErr := shake(t, conn.Handshake{Key: one}, conn.Handshake{Key: other})
			if !errors.Is(dialErr, conn.ErrAuthentication) || !errors.Is(listenErr, conn.ErrAuthentication) {
				t.Errorf("%q and %q: %v, %v", one, other, dialErr, listenErr)
			}
		}
	}
}

func TestHandshakeMistakes(t *testing.T) {
	f := reading(nil)
	for name, h := range map[string]conn.Handshake{
		"no key":           {},
		"unknown digest":   {Key: key, Digest: "sha1"},
		"forbidden digest": {Key: key, Digest: "md5", ForbidMD5: true},
	} {
		for _, half := range []error{conn.Challenge(background, f, h), conn.Answer(background, f, h), conn.Authenticate(background, f, h)} {
			if half == nil || errors.Is(half, io.EOF) {
				t.Errorf("%s: %v", name, half)
			}
			if name == "no key" && half != conn.ErrNoKey {
				t.Errorf("%s: %v", name, half)
			}
		}
	}
}

// recorded are answers that CPython's _create_response has given to challenges with the
// key b"abracadabra": 3.13.0 to all, 3.8.18 to the first.
var recorded = []struct{ challenge, answer string }{
	{"000102030405060708090a0b0c0d0e0f10111213", "ff63d69f0d1055b99f32d588bd840b74"},
	{hex.EncodeToString([]byte("{md5}" + counted)), "7b6d64357d99078fc9da75a109628ad7444067b08a"},
	{hex.EncodeToString([]byte("{sha256}" + counted)), "7b7368613235367d3366dec23e1daacb27a64d740bf180554fdd314187698dd10f25a0586021ef5a"},
	{hex.EncodeToString([]byte("{sha384}" + counted)), "7b7368613338347d8f3d5527e23c7e83ccefb8df91dd9079a980f09944c075c70602e7edabba2af1aba92742cae40d9990b7e1221623f5c4"},
	{hex.EncodeToString([]byte("{sha3_256}" + counted)), "7b736861335f3235367db66244484cc1a35bc28151f85ad7761cbdc2a581d1ee629fa7d71012340e10ec"},
	{hex.EncodeToString([]byte("{sha3_384}" + counted)), "7b736861335f3338347df5cca6bcf5f73420d47f1e16368c0c4742e4cf5b6d04d55eb55c65a59198a1791bb5c7c6669c91bc26ddb8613158cf6b"},
}

const counted = "0123456789012345678901234567890123456789"

func TestAnswersAreCPythons(t *testing.T) {
	for _, r := range recorded {
		challenge, err := hex.DecodeString(r.challenge)
		if err != nil {
			t.Fatal(err)
		}
		var sent bytes.Buffer
		in := append(short(append([]byte("#CHALLENGE#"), challenge...)), short([]byte("#WELCOME#"))...)
		f := conn.NewFramed(streamConn{r: bytes.NewReader(in), w: &sent})
		if err := conn.Answer(background, f, conn.Handshake{Key: []byte("abracadabra")}); err != nil {
			t.Errorf("%q: %v", challenge, err)
		}
		if got := hex.EncodeToString(sent.Bytes()[4:]); got != r.answer {
			t.Errorf("%q: %s, not %s", challenge, got, r.answer)
		}
	}
}

func md5Of(key, msg []byte) []byte {
	h := hmac.New(md5.New, key)
	h.Write(msg)
	return h.Sum(nil)
}

func sha256Of(key, msg []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(msg)
	return h.Sum(nil)
}

// TestChallengeVerifies what an end with or without the key answers.
func TestChallengeVerifies(t *testing.T) {
	other := []byte("another key")
	cases := map[string]struct {
		answer func(challenge []byte) []byte
		good   bool
		md5    bool
	}{
		"new":                     {answer: func(c []byte) []byte { return append([]byte("{sha256}"), sha256Of(key, c)...) }, good: true},
		"new, MD5":                {answer: func(c []byte) []byte { return append([]byte("{md5}"), md5Of(key, c)...) }, good: true, md5: true},
		"old":                     {answer: func(c []byte) []byte { return md5Of(key, c) }, good: true, md5: true},
		"another key":             {answer: func(c []byte) []byte { return append([]byte("{sha256}"), sha256Of(other, c)...) }},
		"another key, old":        {answer: func(c []byte) []byte { return md5Of(other, c) }},
		"of the payload alone":    {answer: func(c []byte) []byte { return append([]byte("{sha256}"), sha256Of(key, c[8:])...) }},
		"of a weaker digest":      {answer: func(c []byte) []byte { return md5Of(key, append([]byte("{md5}"), c[8:]...)) }},
		"without the prefix":      {answer: func(c []byte) []byte { return sha256Of(key, c) }},
		"with another prefix":     {answer: func(c []byte) []byte { return append([]byte("{sha384}"), sha256Of(key, c)...) }},
		"with an unknown prefix":  {answer: func(c []byte) []byte { return append([]byte("{sha1}"), sha256Of(key, c)...) }},
		"one byte less":           {answer: func(c []byte) []byte { return append([]byte("{sha256}"), sha256Of(key, c)[1:]...) }},
		"one byte more":           {answer: func(c []byte) []byte { return append([]byte("{sha256}"), append(sha256Of(key, c), 0)...) }},
		"16 bytes":                {answer: func([]byte) []byte { return make([]byte, 16) }},
		"20 bytes":                {answer: func(c []byte) []byte { return append(md5Of(key, c), 0, 0, 0, 0) }},
		"nothing":                 {answer: func([]byte) []byte { return nil }},
		"a prefix alone":          {answer: func([]byte) []byte { return []byte("{sha256}") }},
		"a name without its end":  {answer: func([]byte) []byte { return []byte("{sha256") }},
		"the challenge":           {answer: func(c []byte) []byte { return c }},
		"welcome":                 {answer: func([]byte) []byte { return []byte("#WELCOME#") }},
		"256 bytes":               {answer: func([]byte) []byte { return make([]byte, 256) }},
		"a message too large":     {answer: func([]byte) []byte { return make([]byte, 257) }},
		"a message of a megabyte": {answer: func([]byte) []byte { return make([]byte, 1<<20) }},
	}
	for name, c := range cases {
		for _, forbid := range []bool{false, true} {
			a, b, _ := pipe(t)
			done := make(chan error, 1)
			go func() {
				err := conn.Challenge(modetest.Patient(t), b, conn.Handshake{Key: key, ForbidMD5: forbid})
				b.Close()
				done <- err
			}()
			challenge, err := a.Recv(background)
			if err != nil || len(challenge) != len("#CHALLENGE#{sha256}")+40 {
				t.Fatalf("challenge %q: %v", challenge, err)
			}
			go a.Send(background, c.answer(challenge[len("#CHALLENGE#"):]))
			verdict, recvErr := a.Recv(background)
			err = modetest.Receive(t, done, "end of Challenge")
			if c.good && !(c.md5 && forbid) {
				if err != nil || string(verdict) != "#WELCOME#" {
					t.Errorf("%s: %q, %v", name, verdict, err)
				}
				continue
			}
			if !errors.Is(err, conn.ErrAuthentication) || string(verdict) != "#FAILURE#" && recvErr != io.EOF {
				t.Errorf("%s, MD5 forbidden %v: %q, %v", name, forbid, verdict, err)
			}
		}
	}
}

// TestAnswerRefuses what is no challenge, or one that it must not answer.
func TestAnswerRefuses(t *testing.T) {
	payload := random(t, 40)
	cases := map[string]struct {
		msgs [][]byte
		o    conn.Handshake
		want error
	}{
		"welcome at once":     {msgs: [][]byte{[]byte("#WELCOME#")}},
		"no prefix":           {msgs: [][]byte{append([]byte("#CHALLENGE#"), payload...)}},
		"unknown digest":      {msgs: [][]byte{append([]byte("#CHALLENGE#{sha1}"), payload...)}},
		"19 bytes":            {msgs: [][]byte{append([]byte("#CHALLENGE#"), payload[:19]...)}},
		"21 bytes":            {msgs: [][]byte{append([]byte("#CHALLENGE#"), payload[:21]...)}},
		"nothing":             {msgs: [][]byte{[]byte("#CHALLENGE#")}},
		"empty":               {msgs: [][]byte{nil}},
		"failure":             {msgs: [][]byte{append([]byte("#CHALLENGE#{sha256}"), payload...), []byte("#FAILURE#")}},
		"not quite welcome":   {msgs: [][]byte{append([]byte("#CHALLENGE#{sha256}"), payload...), []byte("#WELCOME# ")}},
		"too large":           {msgs: [][]byte{append([]byte("#CHALLENGE#{sha256}"), make([]byte, 250)...)}},
		"hangs up":            {want: io.ErrUnexpectedEOF},
		"hangs up later":      {msgs: [][]byte{append([]byte("#CHALLENGE#{sha256}"), payload...)}, want: io.ErrUnexpectedEOF},
		"old, MD5 forbidden":  {msgs: [][]byte{append([]byte("#CHALLENGE#"), payload[:20]...)}, o: conn.Handshake{ForbidMD5: true}},
		"new, MD5 forbidden":  {msgs: [][]byte{append([]byte("#CHALLENGE#{md5}"), payload...)}, o: conn.Handshake{ForbidMD5: true}},
		"of our role":         {msgs: [][]byte{append([]byte("#CHALLENGE#{sha256}"), conn.NewPayload(conn.Dialing)...)}, o: conn.Handshake{Role: conn.Dialing}},
		"of our role, too":    {msgs: [][]byte{append([]byte("#CHALLENGE#{sha256}"), conn.NewPayload(conn.Listening)...)}},
		"of our role, by MD5": {msgs: [][]byte{append([]byte("#CHALLENGE#{md5}"), conn.NewPayload(conn.Listening)...)}},
	}
	for name, c := range cases {
		var in, out bytes.Buffer
		for _, msg := range c.msgs {
			in.Write(short(msg))
		}
		f := conn.NewFramed(streamConn{r: &in, w: &out})
		c.o.Key = key
		err := conn.Answer(background, f, c.o)
		if c.want == nil {
			c.want = conn.ErrAuthentication
		}
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if len(c.msgs) == 1 && c.want == conn.ErrAuthentication && out.Len() > 0 {
			t.Errorf("%s: it was answered", name)
		}
	}
	// The same challenges in the other role are the normal case.
	for _, role := range []conn.Role{conn.Dialing, conn.Listening} {
		in := append(short(append([]byte("#CHALLENGE#{sha256}"), conn.NewPayload(1-role)...)), short([]byte("#WELCOME#"))...)
		f := conn.NewFramed(streamConn{r: bytes.NewReader(in), w: io.Discard})
		if err := conn.Answer(background, f, conn.Handshake{Key: key, Role: role}); err != nil {
			t.Errorf("role %d: %v", role, err)
		}
	}
}

// TestReflection is someone without the key, to whom two ends dial. The answer of one to the
// challenge of the other would do.
func TestReflection(t *testing.T) {
	first, toFirst, _ := pipe(t)
	second, toSecond, _ := pipe(t)
	h := conn.Handshake{Key: key, Role: conn.Dialing}
	firstDone, secondDone := make(chan error, 1), make(chan error, 1)
	go func() { firstDone <- conn.Authenticate(modetest.Patient(t), first, h) }()
	go func() {
		secondDone <- conn.Authenticate(modetest.Patient(t), second, h)
		second.Close()
	}()
	send := func(f *conn.Framed, msg []byte) {
		t.Helper()
		if err := f.Send(modetest.Patient(t), msg); err != nil {
			t.Fatal(err)
		}
	}
	send(toFirst, append([]byte("#CHALLENGE#{sha256}"), random(t, 40)...))
	if _, err := toFirst.Recv(background); err != nil {
		t.Fatal(err)
	}
	send(toFirst, []byte("#WELCOME#"))
	challenge, err := toFirst.Recv(background)
	if err != nil {
		t.Fatal(err)
	}
	send(toSecond, challenge)
	if answer, err := toSecond.Recv(background); err != io.EOF {
		t.Errorf("the second answers %q to the challenge of the first: %v", answer, err)
	}
	if err := modetest.Receive(t, secondDone, "end"); !errors.Is(err, conn.ErrAuthentication) {
		t.Error(err)
	}
	first.Close()
	if err := modetest.Receive(t, firstDone, "end"); err != conn.ErrClosed && !errors.Is(err, conn.ErrClosed) {
		t.Error(err)
	}
}

// TestPayloadsDiffer: a challenge that comes again could be answered with what was heard.
func TestPayloadsDiffer(t *testing.T) {
	seen := make(map[string]bool)
	for range 1000 {
		for _, role := range []conn.Role{conn.Listening, conn.Dialing} {
			p := string(conn.NewPayload(role))
			if seen[p] || len(p) != 40 {
				t.Fatalf("%x", p)
			}
			seen[p] = true
		}
	}
}

// TestHandshakeWaits as long as it is let, and gives up with the context.
func TestHandshakeWaits(t *testing.T) {
	for _, role := range []conn.Role{conn.Listening, conn.Dialing} {
		synctest.Test(t, func(t *testing.T) {
			a, _, raw := pipe(t)
			go io.Copy(io.Discard, raw)
			ctx, cancel := context.WithCancel(background)
			errs := waitsIn(func() error { return conn.Authenticate(ctx, a, conn.Handshake{Key: key, Role: role}) })
			cancel()
			if err := <-errs; !errors.Is(err, context.Canceled) || errors.Is(err, conn.ErrAuthentication) {
				t.Error(err)
			}
		})
	}
}

// handshakeProgram is run where FIPS 140 is enforced. It prints what handshakes say there.
func handshakeProgram() error {
	strong := []byte("a key of more than 112 bits")
	try := func(name string, key []byte, in ...[]byte) {
		var stream, out bytes.Buffer
		for _, msg := range in {
			stream.Write(short(msg))
		}
		f := conn.NewFramed(streamConn{r: &stream, w: &out})
		half := conn.Answer
		if !bytes.HasPrefix(in[0], []byte("#CHALLENGE#")) {
			half = conn.Challenge
		}
		err := half(background, f, conn.Handshake{Key: key})
		fmt.Printf("%s: %v, %d bytes sent\n", name, err, out.Len())
	}
	welcome := []byte("#WELCOME#")
	payload := make([]byte, 40)
	try("new challenge", strong, append([]byte("#CHALLENGE#{sha256}"), payload...), welcome)
	try("old challenge", strong, append([]byte("#CHALLENGE#"), payload[:20]...), welcome)
	try("MD5 challenge", strong, append([]byte("#CHALLENGE#{md5}"), payload...), welcome)
	try("short key", key, append([]byte("#CHALLENGE#{sha256}"), payload...), welcome)
	try("old answer", strong, make([]byte, 16))
	try("wrong answer", strong, append([]byte("{sha256}"), make([]byte, 32)...))
	return nil
}

// TestWithFIPS140: the other end cannot make us do what panics there.
func TestWithFIPS140(t *testing.T) {
	cmd := modetest.Program(t, "handshake", "GODEBUG=fips140=only")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	const no = "conn: authentication failed: "
	want := []string{
		"new challenge: <nil>, 44 bytes sent",
		"old challenge: <nil>, 44 bytes sent", // with SHA-256, as CPython without MD5
		"MD5 challenge: " + no + "FIPS 140 forbids HMAC of md5 with this key, 0 bytes sent",
		"short key: " + no + "FIPS 140 forbids HMAC of sha256 with this key, 0 bytes sent",
		"old answer: " + no + "FIPS 140 forbids HMAC of md5 with this key, 76 bytes sent",
		"wrong answer: " + no + "the other end does not have our key, 76 bytes sent",
	}
	lines := bufio.NewScanner(strings.NewReader(string(out)))
	for _, w := range want {
		if lines.Scan(); lines.Text() != w {
			t.Errorf("%q, want %q", lines.Text(), w)
		}
	}
}
