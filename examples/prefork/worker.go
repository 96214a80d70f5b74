package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/multiproc-go/multiproc"
)

// worker is the argument of a worker process.
type worker struct {
	Slot     int
	Listener *multiproc.File
	Board    board
}

// patience is how long a worker that is told to end goes on with the requests that it is
// at. It is less than the grace time after which it would be killed.
const patience = 3 * time.Second

var serve = multiproc.Proc("worker", func(ctx context.Context, w worker) error {
	ln, err := multiproc.Take(w.Listener, net.FileListener)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: w.routes(multiproc.Self(ctx)), ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan struct{})
	defer context.AfterFunc(ctx, func() {
		defer close(ended)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		if server.Shutdown(ctx) != nil { // closes ln, but not the listeners of the others
			server.Close()
		}
	})()
	if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	<-ended
	return nil
})

func (w worker) routes(self multiproc.Info) http.Handler {
	mux := http.NewServeMux()
	for p, path := range paths {
		pattern, answer := path.Path, func(http.ResponseWriter, *http.Request) {}
		switch path.Path {
		case "/":
			pattern, answer = "/{$}", func(rw http.ResponseWriter, r *http.Request) { w.page(rw, self) }
		case "/metrics":
			answer = func(rw http.ResponseWriter, r *http.Request) { w.metrics(rw) }
		case "other":
			pattern, answer = "/", http.NotFound
		default:
			answer = func(rw http.ResponseWriter, r *http.Request) {
				fmt.Fprintf(rw, "Your %s, from %s (pid %d).\n", path.Drink, self.Name, self.Pid)
			}
		}
		mux.HandleFunc(pattern, func(rw http.ResponseWriter, r *http.Request) {
			n := w.Board.hit(w.Slot, p) // before anything of the answer is on its way
			rw.Header().Set(hitHeader, hitNumber{w.Slot, p, n}.String())
			answer(rw, r)
		})
	}
	return mux
}

// hitHeader says which hit an answer was: a number that no other answer has.
const hitHeader = "X-Hit"

type hitNumber struct {
	slot, path int
	n          uint64
}

func (h hitNumber) String() string { return fmt.Sprintf("%d/%d/%d", h.slot, h.path, h.n) }

func parseHit(text string) (h hitNumber, err error) {
	_, err = fmt.Sscanf(text, "%d/%d/%d", &h.slot, &h.path, &h.n)
	return h, err
}

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"age":    age,
	"number": grouped,
	"share":  func(n, of uint64) string { return fmt.Sprintf("%.1f", 100*float64(n)/float64(max(of, 1))) },
	"rate":   func(n uint64, d time.Duration) string { return grouped(uint64(float64(n) / max(d.Seconds(), 1))) },
}).Parse(pageText))

func (w worker) page(rw http.ResponseWriter, self multiproc.Info) {
	var b bytes.Buffer
	err := page.Execute(&b, struct {
		snapshot
		Paths any
		Self  multiproc.Info
	}{w.Board.snapshot(), paths, self})
	if err != nil {
		http.Error(rw, err.Error(), http.StatusInternalServerError)
		return
	}
	rw.Header().Set("Content-Type", "text/html; charset=utf-8")
	rw.Header().Set("Cache-Control", "no-store")
	rw.Write(b.Bytes())
}

// metrics writes the table in the text format of Prometheus.
func (w worker) metrics(rw http.ResponseWriter) {
	s := w.Board.snapshot()
	var b strings.Builder
	family := func(name, kind, help string) {
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
	}
	family("prefork_hits_total", "counter", "Requests, counted before they are answered.")
	for _, v := range s.Workers {
		for p, path := range paths {
			fmt.Fprintf(&b, "prefork_hits_total{worker=%q,path=%q} %d\n", v.Name, path.Path, v.Hits[p])
		}
	}
	family("prefork_restarts_total", "counter", "Workers that took the place of one that ended.")
	for _, v := range s.Workers {
		fmt.Fprintf(&b, "prefork_restarts_total{worker=%q} %d\n", v.Name, v.Restarts)
	}
	family("prefork_worker_age_seconds", "gauge", "Since when the worker is there.")
	for _, v := range s.Workers {
		fmt.Fprintf(&b, "prefork_worker_age_seconds{worker=%q} %.3f\n", v.Name, v.Up.Seconds())
	}
	rw.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	io.WriteString(rw, b.String())
}

// age is a duration for people.
func age(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return strings.TrimSuffix(d.Round(time.Second).String(), "0s")
}

// grouped is n with a thin space between the thousands.
func grouped(n uint64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "\u2009" + s[i:]
	}
	return s
}
