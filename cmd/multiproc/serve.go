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

	if c.options.Authkey, err = c.readKey(); err != nil {
		return err
	}
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
	return s.Shutdown(ctx)
}

// explain says more about an address that is in use.
func (c *config) explain(err error) error {
	if !errors.Is(err, syscall.EADDRINUSE) || c.options.Network != "unix" {
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
