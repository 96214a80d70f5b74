package conn

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
)

const (
	challengeText = "#CHALLENGE#"
	welcomeText   = "#WELCOME#"
	failureText   = "#FAILURE#"

	maxHandshakeMessage = 256
	oldChallenge        = 20 // the length of a challenge of CPython up to 3.11
	oldAnswer           = 16 // and of the answer to one: a bare HMAC-MD5
)

// A Role is the part that an end plays in the handshake.
type Role uint8

// The one that listens challenges first.
const (
	Listening Role = iota
	Dialing
)

// A Handshake says how one end proves that it has the key, and asks the other for the
// same proof. It is CPython's protocol of all versions: challenges name a digest,
// old ones are told by their length, and answers to either may be new or old.
type Handshake struct {
	// Key is what both ends must have. One of length 0 is a key, nil is an error.
	Key []byte
	// Role is which end this is.
	Role Role
	// ForbidMD5 refuses challenges and answers of HMAC-MD5, and so CPython up to 3.11.
	ForbidMD5 bool
	// Digest is what our challenge names: md5, sha256, sha384, sha3_256 or sha3_384. Empty
	// is sha256. CPython answers with what is named.
	Digest string
}

// Authenticate runs both halves of the handshake, in the order of the role. Whatever the
// error, the connection is to be closed. The error wraps [ErrAuthentication] if the keys
// differ or the protocol was broken, and what Send and Recv return otherwise.
//
// It waits as long as ctx and the connection's deadline let it: without either, for ever.
func Authenticate(ctx context.Context, f *Framed, h Handshake) error {
	first, second := Challenge, Answer
	if h.Role == Dialing {
		first, second = Answer, Challenge
	}
	if err := first(ctx, f, h); err != nil {
		return err
	}
	return second(ctx, f, h)
}

// Challenge has the other end prove that it has the key, as CPython's
// deliver_challenge. Errors are those of [Authenticate].
func Challenge(ctx context.Context, f *Framed, h Handshake) error {
	digest, err := h.check()
	if err != nil {
		return err
	}
	challenge := fmt.Appendf(nil, "{%s}%s", digest, newPayload(h.Role))
	if err := handshakeSend(ctx, f, challengeText, challenge); err != nil {
		return err
	}
	var buf [maxHandshakeMessage]byte
	answer, err := handshakeRecv(ctx, f, &buf)
	if err != nil {
		return err
	}
	if err := h.verify(challenge, answer); err != nil {
		// It tells no more than hanging up would, and Python's users get a clear error.
		// Whether it arrives is their business.
		_ = handshakeSend(ctx, f, failureText, nil)
		return err
	}
	return handshakeSend(ctx, f, welcomeText, nil)
}

// Answer proves to the other end that this one has the key, as CPython's
// answer_challenge. Errors are those of [Authenticate].
func Answer(ctx context.Context, f *Framed, h Handshake) error {
	if _, err := h.check(); err != nil {
		return err
	}
	var buf [maxHandshakeMessage]byte
	msg, err := handshakeRecv(ctx, f, &buf)
	if err != nil {
		return err
	}
	challenge, found := bytes.CutPrefix(msg, []byte(challengeText))
	if !found {
		return refuse("the other end sent no challenge")
	}
	answer, err := h.respond(challenge)
	if err != nil {
		return err
	}
	if err := handshakeSend(ctx, f, "", answer); err != nil {
		return err
	}
	verdict, err := handshakeRecv(ctx, f, &buf)
	switch {
	case err != nil:
		return err
	case string(verdict) != welcomeText:
		return refuse("the other end did not accept our key")
	}
	return nil
}

// check returns the digest that challenges name.
func (h *Handshake) check() (string, error) {
	digest := h.Digest
	if digest == "" {
		digest = sha256Name
	}
	switch {
	case h.Key == nil:
		return "", ErrNoKey
	case hashOf(digest) == nil:
		return "", fmt.Errorf("conn: Handshake: unknown digest %q", digest)
	case h.ForbidMD5 && digest == md5Name:
		return "", errors.New("conn: Handshake: its digest is forbidden")
	}
	return digest, nil
}

// respond is the answer to a challenge. What is signed is all of it, the prefix too, so
// that nobody on the way can change the digest.
func (h *Handshake) respond(challenge []byte) ([]byte, error) {
	if len(challenge) < oldChallenge {
		return nil, refuse("the challenge is too short")
	}
	if len(challenge) == oldChallenge {
		if h.ForbidMD5 {
			return nil, refuse("the other end wants HMAC-MD5, which is forbidden")
		}
		if sum := mac(md5Name, h.Key, challenge); sum != nil {
			return sum, nil
		}
		// As in CPython without MD5. The other end will hardly accept it.
		return h.prefixed(sha256Name, challenge)
	}
	name, payload := splitDigest(challenge)
	switch {
	case name == "":
		return nil, refuse("the challenge names no digest that is known")
	case name == md5Name && h.ForbidMD5:
		return nil, refuse("the other end wants HMAC-MD5, which is forbidden")
	case isOwn(h.Role, payload):
		return nil, refuse("the challenge is one of our own role: reflected, or both ends have the same Role")
	}
	return h.prefixed(name, challenge)
}

func (h *Handshake) prefixed(name string, challenge []byte) ([]byte, error) {
	sum := mac(name, h.Key, challenge)
	if sum == nil {
		return nil, refuse("FIPS 140 forbids HMAC of " + name + " with this key")
	}
	return fmt.Appendf(nil, "{%s}%s", name, sum), nil
}

// verify checks the answer to our challenge. Like CPython, it lets the other end choose the
// digest: a bare HMAC-MD5 is what versions up to 3.11 know.
func (h *Handshake) verify(challenge, answer []byte) error {
	name, sum := md5Name, answer
	if len(answer) != oldAnswer {
		if name, sum = splitDigest(answer); name == "" {
			return refuse("the answer names no digest that is known")
		}
	}
	if name == md5Name && h.ForbidMD5 {
		return refuse("the answer is HMAC-MD5, which is forbidden")
	}
	want := mac(name, h.Key, challenge)
	if want == nil {
		return refuse("FIPS 140 forbids HMAC of " + name + " with this key")
	}
	if !hmac.Equal(want, sum) {
		return refuse("the other end does not have our key")
	}
	return nil
}

func refuse(reason string) error { return &AuthenticationError{Reason: reason} }

// A challenge's payload ends with a mark that tells which role made it.
//
// An end answers whoever challenges it. Without the mark, someone without the key who
// lures two dialing ends, or twice the same one, could have one answer the
// challenge of the other: CPython cannot tell. With it an end refuses challenges of
// its own role. The mark is no secret. It needs none, for a challenge that was changed has
// another answer; and one made with the key would let a stranger who only connects
// try keys at home.
const (
	payloadRandom = 32
	payloadMark   = 8
)

func newPayload(role Role) []byte {
	payload := make([]byte, payloadRandom, payloadRandom+payloadMark)
	rand.Read(payload) // never fails
	return append(payload, mark(role, payload)...)
}

func mark(role Role, random []byte) []byte {
	sum := sha256.Sum256(append([]byte{'m', 'u', 'l', 't', 'i', 'p', 'r', 'o', 'c', byte(role)}, random...))
	return sum[:payloadMark]
}

// isOwn reports whether payload was made for an end of this role. Another's random bytes
// pass for it once in 2^64 times.
func isOwn(role Role, payload []byte) bool {
	return len(payload) == payloadRandom+payloadMark &&
		bytes.Equal(mark(role, payload[:payloadRandom]), payload[payloadRandom:])
}

func handshakeSend(ctx context.Context, f *Framed, text string, more []byte) error {
	if err := f.Send(ctx, append([]byte(text), more...)); err != nil {
		return fmt.Errorf("conn: handshake: %w", err)
	}
	return nil
}

func handshakeRecv(ctx context.Context, f *Framed, buf *[maxHandshakeMessage]byte) ([]byte, error) {
	n, err := f.RecvInto(ctx, buf[:])
	switch {
	case err == nil:
		return buf[:n], nil
	case errors.Is(err, io.ErrShortBuffer) || errors.Is(err, ErrLength):
		return nil, refuse("the other end does not speak the protocol")
	case err == io.EOF:
		err = io.ErrUnexpectedEOF
	}
	return nil, fmt.Errorf("conn: handshake: %w", err)
}
