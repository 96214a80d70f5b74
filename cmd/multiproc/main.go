// Command multiproc runs the Manager's server as a program of its own, for clients in Go and in Python.
//
// See multiproc help, and multiproc serve --help.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
)

// Exit codes.
const (
	exitOK    = 0
	exitFail  = 1 // it did not work
	exitUsage = 2 // the command line is wrong
)

const usage = `multiproc shares Python's and Go's objects between processes.

Usage:

	multiproc serve --address ADDR --authkey-file FILE [flags]
	multiproc version
	multiproc help

serve    runs a server that stock SyncManager clients of Python and clients in Go
         connect to; multiproc serve --help lists its flags
version  prints the version

Exit codes: 0 success, 1 failure, 2 wrong usage.
`

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(stderr, usage)
		return exitUsage
	}
	var err error
	switch name, rest := args[0], args[1:]; name {
	case "serve":
		err = serve(rest, stdout, stderr)
	case "version", "-version", "--version":
		if len(rest) > 0 {
			err = usageErrorf("version takes no arguments")
			break
		}
		fmt.Fprintln(stdout, version())
	case "help", "-h", "-help", "--help":
		switch {
		case len(rest) == 0:
			fmt.Fprint(stdout, usage)
		case len(rest) == 1 && rest[0] == "serve":
			err = serve([]string{"--help"}, stdout, stderr)
		default:
			err = usageErrorf("there is no help on %q", rest)
		}
	default:
		err = usageErrorf("there is no command %q", name)
	}
	var wrong *usageError
	switch {
	case errors.As(err, &wrong):
		fmt.Fprintf(stderr, "multiproc: %v\nmultiproc help and multiproc serve --help say more.\n", err)
		return exitUsage
	case err != nil:
		fmt.Fprintln(stderr, "multiproc:", err)
		return exitFail
	}
	return exitOK
}

// A usageError says what is wrong with the command line.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

func usageErrorf(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// version is what the build knows about itself.
func version() string {
	text := "multiproc (unknown version)"
	if info, ok := debug.ReadBuildInfo(); ok {
		text = "multiproc " + info.Main.Version
	}
	return fmt.Sprintf("%s %s %s/%s", text, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
