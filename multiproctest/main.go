package multiproctest

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/shm"
)

// patience is how long something may take to end by itself. Tests shorten it.
var patience = 10 * time.Second

// Main is to be all that a TestMain does. In a child it runs the entry. Otherwise it
// runs the tests, looks for what they have left, reports that on standard error, and
// exits: with the code of the tests, or with 1 if only the leaks are wrong.
func Main(m *testing.M) {
	multiproc.Init()
	if err := warmUp(); err != nil {
		fmt.Fprintln(os.Stderr, "multiproctest: before the tests:", err)
		os.Exit(1)
	}
	before := takeStock()
	code := m.Run()
	if code == 0 && !settle(os.Stderr, before) {
		code = 1
	}
	os.Exit(code)
}

// warmUp makes what stays for the life of the process: the family with its memory and
// its warden, and the Go runtime's poller.
func warmUp() error {
	v, err := shm.NewValue(0)
	if err != nil {
		return err
	}
	if err := v.Close(); err != nil {
		return err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer w.Close()
	defer r.Close()
	_ = r.SetDeadline(time.Time{}) // an error says that there is no poller
	return nil
}

// settle waits until nothing is left, or reports what is.
func settle(out io.Writer, before stock) bool {
	var left []finding
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		left = takeStock().beyond(before)
		if len(left) == 0 || time.Now().After(deadline) {
			break
		}
	}
	for _, f := range left {
		fmt.Fprintf(out, "multiproctest: LEAK: %s: %s\n", f.kind, strings.ReplaceAll(f.text, "\n", "\n\t"))
	}
	if len(left) > 0 {
		fmt.Fprintf(out, "multiproctest: the tests passed, but %d things were left behind\n", len(left))
		return false
	}
	member, err := family.Current()
	if err == nil {
		err = member.Arena.Check(member.ID())
	}
	if err != nil {
		fmt.Fprintln(out, "multiproctest: the shared memory is in disorder:", err)
	}
	return err == nil
}
