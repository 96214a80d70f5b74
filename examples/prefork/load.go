package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/multiproc-go/multiproc"
)

// order is the argument of the client.
type order struct {
	Addr     string
	Requests int
	Workers  int
}

// tally is what it has seen.
type tally struct {
	Answered int
	Cut      int        // the connection ended before the answer did
	Twice    int        // answers with the number of another
	Seen     [][]uint64 // answers by place and path
}

const (
	clients   = 16 // goroutines, with a connection each
	perDialog = 50 // requests on one connection, so that new workers get some
)

var load = multiproc.Func("load", func(ctx context.Context, o order) (tally, error) {
	var drinks []string
	for _, p := range paths {
		if p.Drink != "" {
			drinks = append(drinks, p.Path)
		}
	}
	t := newTally(o.Workers)
	var wg sync.WaitGroup
	errs := make([]error, clients)
	for c := range clients {
		wg.Go(func() {
			transport := &http.Transport{}
			defer transport.CloseIdleConnections()
			for i := c; i < o.Requests && errs[c] == nil; i += clients {
				errs[c] = t.ask(ctx, transport, "http://"+o.Addr+drinks[i%len(drinks)], i/clients%perDialog == perDialog-1)
			}
		})
	}
	wg.Wait()
	return t.tally, errors.Join(errs...)
})

// A notebook is a tally that several goroutines fill.
type notebook struct {
	mu    sync.Mutex // protects the rest
	tally tally
	hits  map[hitNumber]bool
}

func newTally(workers int) *notebook {
	t := &notebook{hits: map[hitNumber]bool{}}
	t.tally.Seen = make([][]uint64, workers)
	for i := range t.tally.Seen {
		t.tally.Seen[i] = make([]uint64, len(paths))
	}
	return t
}

// ask sends a request until it is answered.
//
// It is a POST since Go's client repeats a GET by itself when a connection is cut, and
// here every single one is to be known of.
func (t *notebook) ask(ctx context.Context, transport *http.Transport, url string, last bool) error {
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, nil)
		if err != nil {
			return err
		}
		request.Close = last
		number, err := exchange(transport, request)
		if err == nil {
			return t.note(number)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		t.mu.Lock()
		t.tally.Cut++
		t.mu.Unlock()
		pause(ctx, time.Millisecond)
	}
}

// exchange returns the hit's number when the whole answer is there.
func exchange(transport *http.Transport, request *http.Request) (string, error) {
	response, err := transport.RoundTrip(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	if response.StatusCode != http.StatusOK || !strings.HasPrefix(string(body), "Your ") {
		return "", errors.New(response.Status)
	}
	return response.Header.Get(hitHeader), nil
}

func (t *notebook) note(number string) error {
	h, err := parseHit(number)
	if err != nil {
		return err
	}
	if h.slot < 0 || h.slot >= len(t.tally.Seen) || h.path < 0 || h.path >= len(paths) {
		return errors.New("an answer of another server")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tally.Answered++
	if t.hits[h] {
		t.tally.Twice++
	}
	t.hits[h] = true
	t.tally.Seen[h.slot][h.path]++
	return nil
}
