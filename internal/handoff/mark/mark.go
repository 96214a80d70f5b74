package mark

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/multiproc-go/multiproc/internal/sys"
)

// EnvName is the environment variable that holds the mark.
const EnvName = "MULTIPROC_CHILD"

const (
	markVersion = "1"
	selfPath    = "/proc/self/exe"
	firstExtra  = 3 // the first of exec.Cmd's ExtraFiles
)

// ErrMalformed is returned when a string is not a mark.
var ErrMalformed = errors.New("multiproc: malformed child mark")

// A Mark names one child before it exists.
type Mark struct {
	Nonce [16]byte // its hello carries the same
	FD    int      // where the child finds the control stream
	Dev   uint64   // the program that it runs
	Ino   uint64
}

// NewMark returns a fresh mark for a child that runs this process's program.
// The control stream is at descriptor 3, the first of exec.Cmd.ExtraFiles; set
// FD if it is another.
func NewMark() (Mark, error) {
	m := Mark{FD: firstExtra}
	var err error
	if m.Dev, m.Ino, err = sys.FileID(selfPath); err != nil {
		return Mark{}, err
	}
	binary.LittleEndian.PutUint64(m.Nonce[:8], rand.Uint64())
	binary.LittleEndian.PutUint64(m.Nonce[8:], rand.Uint64())
	return m, nil
}

// String returns the mark as it stands in the environment:
//
//	version.nonce.descriptor.device:inode
//
// It is made without fmt, whose first use costs a child that has nothing else to print a part of its start.
func (m Mark) String() string {
	b := hex.AppendEncode([]byte(markVersion+"."), m.Nonce[:])
	b = strconv.AppendInt(append(b, '.'), int64(m.FD), 10)
	b = strconv.AppendUint(append(b, '.'), m.Dev, 10)
	b = strconv.AppendUint(append(b, ':'), m.Ino, 10)
	return string(b)
}

// Env returns the entry for the child's environment.
func (m Mark) Env() string { return EnvName + "=" + m.String() }

// ParseMark is the inverse of String; the error is ErrMalformed.
func ParseMark(s string) (Mark, error) {
	parts := strings.Split(s, ".")
	if len(parts) != 4 || parts[0] != markVersion {
		return Mark{}, ErrMalformed
	}
	var m Mark
	nonce, err := hex.DecodeString(parts[1])
	if err != nil || len(nonce) != len(m.Nonce) {
		return Mark{}, ErrMalformed
	}
	copy(m.Nonce[:], nonce)
	fd, err := strconv.ParseUint(parts[2], 10, 31)
	if err != nil {
		return Mark{}, ErrMalformed
	}
	m.FD = int(fd)
	dev, ino, ok := strings.Cut(parts[3], ":")
	if !ok {
		return Mark{}, ErrMalformed
	}
	if m.Dev, err = strconv.ParseUint(dev, 10, 64); err != nil {
		return Mark{}, ErrMalformed
	}
	if m.Ino, err = strconv.ParseUint(ino, 10, 64); err != nil {
		return Mark{}, ErrMalformed
	}
	// One mark has one spelling: "+3" and "03" are somebody else's.
	if m.String() != s {
		return Mark{}, ErrMalformed
	}
	return m, nil
}
