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
		return err
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
