package conn

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// isDead reports whether path is a Unix socket on which nobody listens. A live one sees a
// connection that ends at once.
func isDead(path string) bool {
	info, err := os.Lstat(path)
	if err != nil || info.Mode().Type() != fs.ModeSocket {
		return false
	}
	c, err := net.Dial("unix", path)
	if err == nil {
		c.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}

// bindTime is how old a socket is at least before it counts as dead: between bind and listen a live one refuses too.
const bindTime = time.Second

// bury removes the socket of a server that has died, and reports whether it did. If the socket is young it first lets it
// grow old, by sleep.
//
// Another may replace the same socket at the same moment. To look and then remove would
// remove the new one's; here it is taken aside first, where it is seen which of the two it is, and put back if it is
// another. (A file's number may be given to the next file at once: its time is not.)
func bury(path string, sleep func(time.Duration)) bool {
	info, err := os.Lstat(path)
	if err != nil || !isDead(path) {
		return false
	}
	if age := time.Since(info.ModTime()); age < bindTime {
		sleep(min(bindTime-age, bindTime))
	}
	if !isDead(path) {
		return false
	}
	aside := path + "." + strconv.FormatInt(time.Now().UnixNano(), 36)
	if os.Rename(path, aside) != nil {
		return false
	}
	defer os.Remove(aside)
	now, err := os.Lstat(aside)
	if err == nil && os.SameFile(info, now) && info.ModTime().Equal(now.ModTime()) {
		return true
	}
	_ = os.Link(aside, path) // unless a third has the path by now
	return false
}

// sweepAge is how old a private directory is at least before it counts as left behind: its
// maker binds and listens in less.
const sweepAge = time.Minute

// dirPrefix begins the names of private directories. It names the machine since its last
// start: where several machines share a directory, the live sockets of the others look
// dead from here. It is empty where no such name is known.
func dirPrefix() string {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil || len(boot) < 8 {
		return ""
	}
	return dirName + string(boot[:8]) + "-"
}

// sweep removes the private directories of this user's processes that were killed. That
// it fails is no reason not to listen.
func sweep(parent, prefix string) {
	dirs, err := filepath.Glob(filepath.Join(parent, prefix+"*"))
	if err != nil || prefix == "" {
		return
	}
	for _, dir := range dirs {
		sweepOne(dir)
	}
}

func sweepOne(dir string) {
	info, err := os.Lstat(dir)
	if err != nil || !info.IsDir() || info.Mode().Perm() != 0o700 || time.Since(info.ModTime()) < sweepAge {
		return
	}
	// Names in a directory that all may write to can change their meaning at any time.
	// What is removed is in the very directory that was looked at.
	root, err := os.OpenRoot(dir)
	if err != nil {
		return
	}
	defer root.Close()
	if same, err := root.Stat("."); err != nil || !os.SameFile(info, same) {
		return
	}
	if _, err := root.Lstat(privateName); err == nil {
		if !isDead(filepath.Join(dir, privateName)) || root.Remove(privateName) != nil {
			return
		}
	}
	os.Remove(dir) // fails unless it is empty
}
