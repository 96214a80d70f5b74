package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/examples/internal/expect"
)

// programEnv makes this test binary be the program.
const programEnv = "PREFORK_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(programEnv) != "" {
		main()
	}
	expect.Main(m)
}

// needUnix skips the test where a listener cannot be handed over.
func needUnix(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("NOT RUN: descriptors do not travel on Windows")
	}
}

func TestPrefork(t *testing.T) {
	needUnix(t)
	program := expect.Build(t)
	expect.InBothModes(t, func(t *testing.T, mode expect.Mode) {
		file := "expected.txt"
		if mode == expect.Goroutines {
			file = "expected-goroutines.txt"
		}
		for range 3 {
			program.Prints(t, file, mode, "-load", "3000", "-kill", "3")
		}
	})
}

func TestNoRace(t *testing.T) {
	needUnix(t)
	expect.BuildRace(t).Prints(t, "expected-goroutines.txt", expect.Goroutines, "-load", "3000", "-kill", "3")
}

func TestMistakes(t *testing.T) {
	program := expect.Build(t)
	for args, text := range map[string]string{
		"-workers=0":                   "no such server",
		"-workers=101":                 "no such server",
		"-load=-1":                     "no such server",
		"-kill=-1":                     "no such server",
		"-addr=127.0.0.1:no-such-port": "no-such-port",
	} {
		out := program.Run(t, expect.Goroutines, args)
		if out.Code != 1 || out.Stdout != "" || !strings.Contains(out.Stderr, text) {
			t.Errorf("%s: %+v", args, out)
		}
	}
}

// ask sends a request to a worker that is no process.
func ask(t *testing.T, w worker, path string) *http.Response {
	t.Helper()
	recorder := httptest.NewRecorder()
	w.routes(multiproc.Info{Name: workerName(w.Slot), Pid: 4321}).ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, nil))
	return recorder.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestPages(t *testing.T) {
	b, err := newBoard(3)
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	for slot := range 3 {
		for range slot + 1 { // the last one has been replaced twice
			if err := b.hired(slot, 1000+slot); err != nil {
				t.Fatal(err)
			}
		}
	}
	w := worker{Slot: 1, Board: b}
	for range 1234 {
		b.hit(0, 2)
	}
	for i, want := range []string{"1/1/1", "1/1/2", "1/1/3"} {
		r := ask(t, w, "/tea")
		if got := r.Header.Get(hitHeader); got != want {
			t.Errorf("request %d is hit %s, want %s", i, got, want)
		}
		if text := body(t, r); text != "Your tea, from worker-2 (pid 4321).\n" {
			t.Errorf("%q", text)
		}
	}
	if r := ask(t, w, "/no/such/page"); r.StatusCode != http.StatusNotFound || r.Header.Get(hitHeader) != "1/5/1" {
		t.Errorf("%v", r)
	}
	text := body(t, ask(t, w, "/"))
	for _, want := range []string{"<b>1\u2009239</b>", "pid 1001", "<td>3\n", "<dt>restarts</dt><dd>3</dd>", "Served by worker-2, pid 4321",
		`<meta http-equiv="refresh"`, `class="self"`, "<th>/coffee", "light-dark("} {
		if !strings.Contains(text, want) {
			t.Errorf("the page has no %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "http://") || strings.Contains(text, "https://") {
		t.Error("the page has something from outside")
	}
	text = body(t, ask(t, w, "/metrics"))
	for _, want := range []string{
		"# TYPE prefork_hits_total counter\n",
		"prefork_hits_total{worker=\"worker-1\",path=\"/coffee\"} 1234\n",
		"prefork_hits_total{worker=\"worker-2\",path=\"/\"} 1\n",
		"prefork_hits_total{worker=\"worker-2\",path=\"/metrics\"} 1\n",
		"prefork_restarts_total{worker=\"worker-3\"} 2\n",
		"prefork_worker_age_seconds{worker=\"worker-1\"} ",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the metrics have no %q:\n%s", want, text)
		}
	}
}

// What the end of the program claims, it has looked at.
func TestVerdict(t *testing.T) {
	b, err := newBoard(2)
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	note := newTally(2)
	for range 10 {
		if err := note.note(hitNumber{1, 2, b.hit(1, 2)}.String()); err != nil {
			t.Fatal(err)
		}
	}
	good := note.tally
	if err := verdict(good, b.snapshot()); err != nil {
		t.Error(err)
	}
	b.hit(0, 0) // a look at the page does not matter
	b.hit(0, 1) // counted and cut off
	good.Cut = 1
	if err := verdict(good, b.snapshot()); err != nil {
		t.Error(err)
	}
	good.Cut = 0
	if err := verdict(good, b.snapshot()); err == nil || !strings.Contains(err.Error(), "1 hits were counted and not answered") {
		t.Error(err)
	}
	if err := note.note("1/2/10"); err != nil {
		t.Fatal(err)
	}
	if err := verdict(note.tally, b.snapshot()); err == nil || !strings.Contains(err.Error(), "counts were lost") {
		t.Error(err)
	}
	b.hit(1, 2)
	if err := verdict(note.tally, b.snapshot()); err == nil || !strings.Contains(err.Error(), "the number of another") {
		t.Error(err)
	}
	for _, number := range []string{"", "x", "1/2", "2/0/1", "0/6/1", "0/-1/1", "-1/0/1"} {
		if err := note.note(number); err == nil {
			t.Errorf("%q is a hit", number)
		}
	}
}

// A request that is cut off is sent again, and only the answered one is noted.
func TestCutOff(t *testing.T) {
	requests := 0
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		switch requests++; requests {
		case 1:
			panic(http.ErrAbortHandler) // before anything is sent
		case 2:
			rw.Header().Set("Content-Length", "100")
			rw.Header().Set(hitHeader, "0/1/2")
			fmt.Fprint(rw, "Your")
		default:
			rw.Header().Set(hitHeader, "0/1/3")
			fmt.Fprint(rw, "Your tea.")
		}
	}))
	defer server.Close()
	note := newTally(1)
	if err := note.ask(context.Background(), &http.Transport{}, server.URL, true); err != nil {
		t.Fatal(err)
	}
	if note.tally.Answered != 1 || note.tally.Cut != 2 || requests != 3 || !note.hits[hitNumber{0, 1, 3}] {
		t.Errorf("%+v after %d requests", note.tally, requests)
	}
}
