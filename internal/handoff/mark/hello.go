package mark

import (
	"encoding/binary"
	"os"
)

// The hello is the first thing on a control stream, from parent to child:
//
//	0   8   magic "MPHELLO\n"
//	8   4   version, little-endian
//	12  4   pid of the child, little-endian
//	16  16  nonce of the mark
//	32  32  zero, for later
const (
	helloMagic   = "MPHELLO\n"
	helloVersion = 1
	helloSize    = 64
)

// A Hello is what a child has got from its parent to begin with.
type Hello struct {
	Version uint32
	PID     uint32
	// Conn is the control stream, after the hello. It is closed on exec.
	Conn *os.File
}

// SendHello tells the process pid, just started with mark m, that it is a child.
// conn is the parent's end of the control stream, and nothing has been
// written to it.
func SendHello(conn *os.File, m Mark, pid int) error {
	b := encodeHello(m, uint32(pid))
	_, err := conn.Write(b[:])
	return err
}

func encodeHello(m Mark, pid uint32) (b [helloSize]byte) {
	copy(b[:], helloMagic)
	binary.LittleEndian.PutUint32(b[8:], helloVersion)
	binary.LittleEndian.PutUint32(b[12:], pid)
	copy(b[16:], m.Nonce[:])
	return b
}
