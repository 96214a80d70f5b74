package conn

import (
	"bytes"
	"crypto/fips140"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"hash"
	"strings"
)

// The names of digests in the protocol. CPython knows these five.
const (
	md5Name    = "md5"
	sha256Name = "sha256"
)

// hashOf returns the constructor of a digest, or nil if there is none of that name.
func hashOf(name string) func() hash.Hash {
	switch name {
	case md5Name:
		return md5.New
	case sha256Name:
		return sha256.New
	case "sha384":
		return sha512.New384
	case "sha3_256":
		return func() hash.Hash { return sha3.New256() }
	case "sha3_384":
		return func() hash.Hash { return sha3.New384() }
	}
	return nil
}

// mac is the HMAC of msg, or nil where a process that is held to FIPS 140 must not make
// it. There crypto/hmac panics, and which digest is asked for is the other end's choice.
func mac(name string, key, msg []byte) []byte {
	const leastKey = 112 / 8
	if fips140.Enforced() && (name == md5Name || len(key) < leastKey) {
		return nil
	}
	h := hmac.New(hashOf(name), key)
	h.Write(msg)
	return h.Sum(nil)
}

// splitDigest returns the digest that msg names in its prefix, and what follows the
// prefix. The name is empty if there is none that is known.
func splitDigest(msg []byte) (name string, rest []byte) {
	text, rest, found := bytes.Cut(msg, []byte("}"))
	name, prefixed := strings.CutPrefix(string(text), "{")
	if !found || !prefixed || hashOf(name) == nil {
		return "", nil
	}
	return name, rest
}
