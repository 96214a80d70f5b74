package manager

import (
	"context"
	"testing"
)

// Failed returns the error of a call that has ended with err on its way to the server.
func Failed(c *Client, err error) error {
	return c.s.failed(context.Background(), "list", "append", err)
}

// SendOptions returns what a server of Start gets.
func SendOptions(t testing.TB, o Options) Options {
	t.Helper()
	sent, err := o.send()
	if err != nil {
		t.Fatal(err)
	}
	got, err := receiveOptions(sent)
	if err != nil {
		t.Fatal(err)
	}
	return got
}
