package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/multiproc-go/multiproc/manager"
)

// serve runs the server until it is asked to stop.
func serve(args []string, stdout, stderr io.Writer) error {
	c, err := parseServe(args)
	if errors.Is(err, errHelp) {
		fmt.Fprint(stdout, serveUsage)
		return nil
	}
	if err != nil {
		return err
	}
	// From here on a signal means to stop in good order, also one that comes while it starts.
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	defer signal.Stop(signals)

	// A pipe whose reader has gone, on standard error say, is no reason to die.
	signal.Ignore(syscall.SIGPIPE)
	defer signal.Reset(syscall.SIGPIPE)

	key, err := c.awaitKey(signals)
	if err != nil || key == nil {
		return err
	}
	c.options.Authkey = key
	if c.options.Logger, err = newLogger(stderr, c.logLevel, c.logFormat); err != nil {
		return err
	}
	s, err := manager.NewServer(c.options)
	if err != nil {
		return c.explain(err)
	}
	if _, err := fmt.Fprintln(stdout, "listening", manager.FormatAddress(s.Addr())); err != nil {
		return errors.Join(err, s.Close())
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(context.Background()) }()
	select {
	case err := <-done:
		return err
	case sig := <-signals:
		c.options.Logger.Info("multiproc: stopping", "signal", sig.String())
	}
	err = c.shutdown(s, signals)
	return errors.Join(err, <-done)
}

// awaitKey reads the key, which a pipe or a terminal may take its time to tell. It is nil if a signal comes before.
func (c *config) awaitKey(signals <-chan os.Signal) ([]byte, error) {
	type read struct {
		key []byte
		err error
	}
	done := make(chan read, 1)
	go func() {
		key, err := c.readKey()
		done <- read{key, err}
	}()
	select {
	case r := <-done:
		return r.key, r.err
	case <-signals:
		return nil, nil
	}
}

// shutdown stops the server in good order; a second signal ends its patience.
func (c *config) shutdown(s *manager.Server, signals <-chan os.Signal) error {
	ctx, cancel := context.WithTimeout(context.Background(), c.shutdownTimeout)
	defer cancel()
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		select {
		case <-signals:
			cancel()
		case <-ended:
		}
	}()
	err := s.Shutdown(ctx)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("requests that had not ended %v after the signal were cut off", c.shutdownTimeout)
	case errors.Is(err, context.Canceled):
		return errors.New("the second signal has cut off requests that had not ended")
	}
	return err
}

// longestPath is how long the path of a Unix socket may be on Linux; elsewhere it is shorter.
const longestPath = 107

// explain says more about an address that is in use, or too long.
func (c *config) explain(err error) error {
	switch {
	case c.options.Network != "unix":
		return err
	case errors.Is(err, syscall.EINVAL) && len(c.options.Address) > longestPath:
		return fmt.Errorf("%w: the path of a socket has %d bytes at most, and this one %d", err, longestPath, len(c.options.Address))
	case !errors.Is(err, syscall.EADDRINUSE):
		return err
	}
	info, statErr := os.Lstat(c.options.Address)
	switch {
	case statErr == nil && info.Mode()&os.ModeSocket == 0:
		return fmt.Errorf("%w: there is something else than a socket, which stays there", err)
	case statErr == nil && !c.options.ReplaceDead:
		return fmt.Errorf("%w: by a server, or by the socket of one that has died, which --replace-dead would remove", err)
	}
	return fmt.Errorf("%w: a server listens there", err)
}
