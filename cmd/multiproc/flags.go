package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/multiproc-go/multiproc/conn"
	"github.com/multiproc-go/multiproc/manager"
)

const serveUsage = `Usage: multiproc serve --address ADDR --authkey-file FILE [flags]

Serve shared objects (every type of Python's SyncManager but Pool; set, RWLock and
Counter besides) to clients of Python 3.8 and later, and to clients in Go. Once the
server accepts, it prints one line on standard output:

	listening ADDR

In Python:

	from multiprocessing import current_process
	from multiprocessing.managers import SyncManager
	key = open("FILE", "rb").read().removesuffix(b"\n")  # removesuffix: from 3.9
	current_process().authkey = key                       # for proxies inside of other objects
	m = SyncManager("ADDR", authkey=key)                  # ("HOST", PORT) for TCP
	m.connect()
	d = m.dict()

SIGTERM and SIGINT stop it in good order, a second one at once.

Where, and with which key:

  --address ADDR         PATH or unix:PATH, @NAME (an abstract socket), HOST:PORT or
                         tcp:HOST:PORT; port 0 is any free one. By default a socket in a
                         new private directory
  --socket-mode MODE     permissions of a Unix socket, octal (default 0600)
  --replace-dead=false   do not remove the Unix socket of a server that has died
  --authkey-file FILE    read the key from FILE, which others must not be able to read; one
                         newline at its end is not part of the key. To make one:
                         (umask 077; head -c 32 /dev/urandom | base64 >FILE)
  --authkey-fd N         read the key from descriptor N up to its end, likewise
  --empty-authkey        let the key have no bytes: whoever can connect may do everything

Who may do what:

  --forbid-md5           refuse clients that know no other digest: Python up to 3.11
  --refuse-shutdown      refuse a client that asks the server to stop
  --release-dead         release the Locks, and permits of Semaphores, of a Python client
                         that has died: Python's own server keeps them held

Limits (SIZE is bytes, or with K, M, G; a DURATION is as 1m30s):

  --max-message SIZE     of a request (default 64M)
  --max-reply SIZE       of a reply (default 256M)
  --max-unread SIZE      of all large replies that clients have not taken (default 1G)
  --max-objects N        objects at once (default 1048576)
  --max-object SIZE      contents of one object, about (default 256M)
  --max-memory SIZE      contents of all objects, about (default 1G)
  --max-connections N    connections with the key (default 16384)
  --max-pending N        connections that still have to prove it (default 1024)
  --handshake-timeout D  how long that may take (default 5s)
  --grace D              how long an object without references is kept (default 10s)
  --shutdown-timeout D   how long requests may go on after SIGTERM (default 5s)

Messages, on standard error:

  --log-level LEVEL      debug, info, warn, error or off (default info)
  --log-format FORMAT    text or json (default text)

Exit codes: 0 stopped in good order, 1 failure, 2 wrong usage.
`

// config is what the flags of serve say.
type config struct {
	address         string
	keyFile         string
	keyFD           int
	shutdownTimeout time.Duration
	logLevel        string
	logFormat       string
	options         manager.Options
}

// errHelp is returned when the command line asks for the usage.
var errHelp = errors.New("help")

func parseServe(args []string) (config, error) {
	c := config{keyFD: -1, shutdownTimeout: 5 * time.Second, logLevel: "info", logFormat: "text"}
	o := &c.options
	o.ReplaceDead = true
	f := flag.NewFlagSet("serve", flag.ContinueOnError)
	f.SetOutput(io.Discard) // the usage is ours, and errors are told by run
	f.Func("address", "", func(s string) error {
		if c.address = s; s == "" { // of a variable that is not set, say: not the same as no flag
			return errors.New("it is empty")
		}
		return nil
	})
	f.Func("socket-mode", "", func(s string) error { return parseMode(s, &o.SocketMode) })
	f.BoolVar(&o.ReplaceDead, "replace-dead", true, "")
	f.StringVar(&c.keyFile, "authkey-file", "", "")
	f.Func("authkey-fd", "", func(s string) (err error) { c.keyFD, err = parseCount(s, 0); return err })
	f.BoolVar(&o.EmptyAuthkey, "empty-authkey", false, "")
	f.BoolVar(&o.ForbidMD5, "forbid-md5", false, "")
	f.BoolVar(&o.RefuseShutdown, "refuse-shutdown", false, "")
	f.BoolVar(&o.ReleaseDead, "release-dead", false, "")
	size := func(name string, to *int64) {
		f.Func(name, "", func(s string) (err error) { *to, err = parseSize(s); return err })
	}
	size("max-message", &o.MaxMessage)
	size("max-reply", &o.MaxReply)
	size("max-unread", &o.MaxUnread)
	size("max-object", &o.MaxObjectBytes)
	size("max-memory", &o.MaxBytes)
	count := func(name string, to *int) {
		f.Func(name, "", func(s string) (err error) { *to, err = parseCount(s, 1); return err })
	}
	objects := 0
	count("max-objects", &objects)
	count("max-connections", &o.MaxConnections)
	count("max-pending", &o.MaxPending)
	positive := func(name string, to *time.Duration) {
		f.Func(name, "", func(s string) (err error) {
			if *to, err = parseDuration(s); err == nil && *to == 0 {
				err = errors.New("it has to be more than 0")
			}
			return err
		})
	}
	positive("handshake-timeout", &o.HandshakeTimeout)
	positive("shutdown-timeout", &c.shutdownTimeout)
	f.Func("grace", "", func(s string) (err error) {
		if o.Grace, err = parseDuration(s); o.Grace == 0 {
			o.Grace = -1
		}
		return err
	})
	f.StringVar(&c.logLevel, "log-level", c.logLevel, "")
	f.StringVar(&c.logFormat, "log-format", c.logFormat, "")
	switch err := f.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return c, errHelp
	case err != nil:
		return c, usageErrorf("serve: %s", strings.NewReplacer(
			" flag -", " flag --", " for -", " for --", "flag provided but not defined: -", "there is no flag --", "flag needs an argument: -", "a value is needed for --",
		).Replace(err.Error()))
	case f.NArg() > 0:
		return c, usageErrorf("serve: there is something left over: %q", f.Args())
	}
	o.MaxObjects = int64(objects)
	return c, c.check()
}

// check looks at what one flag alone cannot tell.
func (c *config) check() (err error) {
	if c.address != "" {
		if c.options.Network, c.options.Address, err = manager.ParseAddress(c.address); err != nil {
			return usageErrorf("serve: --address: %v", err)
		}
	}
	switch file, fd := c.keyFile != "", c.keyFD >= 0; {
	case file && fd:
		return usageErrorf("serve: --authkey-file and --authkey-fd are both there")
	case !file && !fd && !c.options.EmptyAuthkey:
		return usageErrorf("serve: there is no key: --authkey-file or --authkey-fd is needed")
	}
	if _, err := newLogger(io.Discard, c.logLevel, c.logFormat); err != nil {
		return err
	}
	return nil
}

func newLogger(to io.Writer, level, format string) (*slog.Logger, error) {
	var o slog.HandlerOptions
	switch level {
	case "off":
		return slog.New(slog.DiscardHandler), nil
	case "debug":
		o.Level = slog.LevelDebug
	case "info":
		o.Level = slog.LevelInfo
	case "warn":
		o.Level = slog.LevelWarn
	case "error":
		o.Level = slog.LevelError
	default:
		return nil, usageErrorf("serve: --log-level is debug, info, warn, error or off, not %q", level)
	}
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(to, &o)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(to, &o)), nil
	}
	return nil, usageErrorf("serve: --log-format is text or json, not %q", format)
}

func parseMode(s string, to *fs.FileMode) error {
	n, err := strconv.ParseUint(s, 8, 32)
	if err != nil || n == 0 || n > 0o777 {
		return errors.New("permissions are octal, as 0600")
	}
	*to = fs.FileMode(n)
	return nil
}

func parseCount(s string, least int) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < least {
		return 0, fmt.Errorf("it has to be a number from %d", least)
	}
	return n, nil
}

func parseDuration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, errors.New("it has to be a duration as 500ms or 1m30s")
	}
	return d, nil
}

// parseSize reads a number of bytes. There is none that is 0: in Options that is the default.
func parseSize(s string) (int64, error) {
	digits, unit := s, int64(1)
	if s != "" {
		if shift := strings.IndexByte("KMGT", s[len(s)-1]) + 1; shift > 0 {
			digits, unit = s[:len(s)-1], 1<<(10*shift)
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n <= 0 || n > conn.NoLimit/unit {
		return 0, errors.New("it has to be a size as 1000, 64K, 16M or 1G")
	}
	return n * unit, nil
}
