package manager

import "testing"

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
