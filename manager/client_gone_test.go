package manager_test

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/manager"
)

// TestGoneInAllWays: however the system says that a connection has ended, it is ErrGone.
func TestGoneInAllWays(t *testing.T) {
	c := dialOurs(t, manager.Options{})
	for _, number := range []syscall.Errno{
		syscall.EPIPE, syscall.ECONNRESET, syscall.ECONNABORTED, syscall.ETIMEDOUT, syscall.EHOSTUNREACH, syscall.ENETUNREACH,
	} {
		for _, err := range []error{
			&net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", number)},
			&fs.PathError{Op: "read", Path: "socket", Err: number}, // of a connection with a thread of its own
			fmt.Errorf("conn: recv: %w", number),
		} {
			got := manager.Failed(c, err)
			fails(t, got, manager.ErrGone)
			fails(t, got, number)
		}
	}
	if err := manager.Failed(c, errors.New("something else")); errors.Is(err, manager.ErrGone) {
		t.Errorf("something else: %v", err)
	}
}

// TestServerThatHangsUp: one that closes connections before their handshake, as one with too many of them does.
func TestServerThatHangsUp(t *testing.T) {
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	_, err = manager.Dial(modetest.Patient(t), "unix", l.Addr().String(), manager.DialOptions{Authkey: []byte("key")})
	fails(t, err, manager.ErrGone)
	if n := strings.Count(fmt.Sprint(err), "gone"); n != 1 {
		t.Errorf("it says so %d times: %v", n, err)
	}
}
