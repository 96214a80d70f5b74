package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/multiproc-go/multiproc"
)

func TestMain(m *testing.M) {
	multiproc.Init()
	os.Exit(m.Run())
}

// TestQuickRun runs the whole program on cheap workloads. It asserts no time.
func TestQuickRun(t *testing.T) {
	if err := pinProbe(); err != nil {
		t.Skip("NOT RUN: ", err)
	}
	if os.Getenv("MULTIPROC_MODE") == "goroutines" {
		t.Skip("NOT RUN: what is measured are processes")
	}
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	var out bytes.Buffer
	err := run(t.Context(), []string{"-quick", "-only", "lock-2,add-1,sum-64KiB,crowd-one,queue-batch,pickle-encode,manager-set",
		"-json", in("json"), "-svg", in("svg"), "-markdown", in("md")}, &out)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(out.String())

	var results []map[string]any
	if err := json.Unmarshal(read(t, in("json")), &results); err != nil {
		t.Fatal(err)
	}
	byOurs := make(map[any]bool)
	for _, r := range results {
		number := func(key string) float64 {
			x, ok := r[key].(float64)
			if !ok {
				t.Errorf("%v: %s is no number", r, key)
			}
			return x
		}
		least, mid, tail, greatest := number("min"), number("median"), number("p99"), number("max")
		if least <= 0 || least > mid || mid > tail || tail > greatest || number("n") < 1 || r["unit"] == "" || r["system"] == "" {
			t.Errorf("not sane: %v", r)
		}
		if r["system"] == ours {
			byOurs[r["workload"]] = true
		}
	}
	for _, name := range []string{"lock-2", "add-1", "sum-64KiB", "crowd-one", "queue-batch", "pickle-encode", "manager-set"} {
		if !byOurs[name] {
			t.Errorf("%s was not measured", name)
		}
		if !strings.Contains(out.String(), "\n"+name+": ") {
			t.Errorf("%s is not in the table", name)
		}
	}
	if !strings.Contains(string(read(t, in("md"))), "## Lock and Unlock, 2 processes hammering\n") {
		t.Error("the page has no section on the lock")
	}
	for d := xml.NewDecoder(bytes.NewReader(read(t, in("svg")))); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("the picture: %v", err)
		}
	}
}

// TestRedis measures what is compared with Redis.
func TestRedis(t *testing.T) {
	if os.Getenv("MULTIPROC_MODE") == "goroutines" {
		t.Skip("NOT RUN: what is measured are processes")
	}
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("NOT RUN: THERE IS NO redis-server: what is compared with it is not measured (apt-get install redis-server)")
	}
	file := filepath.Join(t.TempDir(), "json")
	var out bytes.Buffer
	if err := run(t.Context(), []string{"-quick", "-only", "manager-go", "-json", file}, &out); err != nil {
		t.Fatal(err)
	}
	t.Log(out.String())
	var results []result
	if err := json.Unmarshal(read(t, file), &results); err != nil {
		t.Fatal(err)
	}
	for _, system := range []string{ours, "Redis"} {
		for _, name := range []string{"manager-go-1", "manager-go-4", "manager-go-batch"} {
			if !slices.ContainsFunc(results, func(r result) bool { return r.Workload == name && r.System == system && r.Median > 0 }) {
				t.Errorf("%s of %s was not measured", name, system)
			}
		}
	}
}

func pinProbe() error {
	undo, err := pinThread(0)
	if err == nil {
		undo()
	}
	return err
}

func TestBadArguments(t *testing.T) {
	for _, args := range [][]string{{"-only", "nothing-of-the-kind"}, {"extra"}, {"-unknown"}} {
		if err := run(t.Context(), args, io.Discard); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
}

// TestNames: the names are part of what programs read.
func TestNames(t *testing.T) {
	for _, s := range []size{{quick: false}, {quick: true}} {
		seen := make(map[string]bool)
		for _, w := range allWorkloads(s) {
			if seen[w.name] || strings.ContainsAny(w.name, " ,") {
				t.Errorf("workload %q", w.name)
			}
			seen[w.name] = true
			for _, b := range w.bars {
				if b.against != "" && !hasSystem(w, b.against) {
					t.Errorf("%s: a bar against %q, which is not measured", w.name, b.against)
				}
			}
		}
	}
}

func hasSystem(w workload, name string) bool {
	for _, s := range w.system {
		if s.name == name {
			return true
		}
	}
	return false
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
