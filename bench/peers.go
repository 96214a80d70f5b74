package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// source is the peers' programs. They go with the binary, so that it can be run
// anywhere.
//
//go:embed peers
var source embed.FS

// peers builds the programs of the peers, each at its first use.
type peers struct {
	dir string

	mu    sync.Mutex
	built map[string]built
}

type built struct {
	path string
	err  error
}

func newPeers() (*peers, error) {
	dir, err := os.MkdirTemp("", "multiproc-bench-")
	if err != nil {
		return nil, err
	}
	p := &peers{dir: dir, built: make(map[string]built)}
	sub, err := fs.Sub(source, "peers")
	if err == nil {
		err = os.CopyFS(filepath.Join(dir, "source"), sub)
	}
	if err != nil {
		p.remove()
		return nil, err
	}
	return p, nil
}

func (p *peers) remove() { os.RemoveAll(p.dir) }

func (p *peers) file(name string) string { return filepath.Join(p.dir, "source", name) }

// once builds a program unless it has been built.
func (p *peers) once(name string, build func(to string) error) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	b, ok := p.built[name]
	if !ok {
		b.path = filepath.Join(p.dir, name)
		b.err = build(b.path)
		p.built[name] = b
	}
	return b.path, b.err
}

// compile runs a compiler.
func compile(ctx context.Context, name string, args ...string) error {
	path, err := exec.LookPath(name)
	if err != nil {
		return missing{"there is no " + name}
	}
	if out, err := exec.CommandContext(ctx, path, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(string(out)))
	}
	return nil
}

// c is the program peers.c.
func (p *peers) c(ctx context.Context) (string, error) {
	return p.once("peers-c", func(to string) error {
		return compile(ctx, "gcc", "-O2", "-o", to, p.file("peers.c"), "-pthread")
	})
}

// goProgram builds a Go program: a file of the peers, or a package of this module.
func (p *peers) goProgram(ctx context.Context, name, from string) (string, error) {
	return p.once(name, func(to string) error {
		return compile(ctx, "go", "build", "-o", to, from)
	})
}

// empty and idle are Go programs that do nothing.
func (p *peers) empty(ctx context.Context) (string, error) {
	return p.goProgram(ctx, "empty", p.file("empty/main.go"))
}

func (p *peers) idle(ctx context.Context) (string, error) {
	return p.goProgram(ctx, "idle", p.file("idle/main.go"))
}

// small is a small program of ours.
func (p *peers) small(ctx context.Context) (string, error) {
	return p.goProgram(ctx, "small", "github.com/multiproc-go/multiproc/bench/small")
}

// runC runs a command of peers.c and returns its numbers.
func (p *peers) runC(ctx context.Context, args ...any) ([]float64, error) {
	path, err := p.c(ctx)
	if err != nil {
		return nil, err
	}
	return numbers(ctx, path, args...)
}

// runPython runs a command of peers.py and returns its numbers.
func (p *peers) runPython(ctx context.Context, args ...any) ([]float64, error) {
	return p.runPythonFile(ctx, "peers.py", args...)
}

// runPythonFile runs a program of the peers and returns its numbers.
func (p *peers) runPythonFile(ctx context.Context, name string, args ...any) ([]float64, error) {
	path, err := python()
	if err != nil {
		return nil, err
	}
	return numbers(ctx, path, append([]any{p.file(name)}, args...)...)
}

// python is the interpreter. A python3 on PATH may be a script that looks for the real one, for longer than that takes to start: the real one
// says where it is.
var python = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("python3", "-c", "import sys; print(sys.executable)").Output()
	if path := strings.TrimSpace(string(out)); err == nil && path != "" {
		return path, nil
	}
	return "", missing{"there is no python3"}
})

// numbers runs a program that prints a number on each line.
func numbers(ctx context.Context, path string, args ...any) ([]float64, error) {
	words := make([]string, len(args))
	for i, a := range args {
		words[i] = fmt.Sprint(a)
	}
	out, err := exec.CommandContext(ctx, path, words...).Output()
	if err != nil {
		if e, ok := errors.AsType[*exec.ExitError](err); ok {
			return nil, fmt.Errorf("%s %s: %w: %s", filepath.Base(path), strings.Join(words, " "), err, e.Stderr)
		}
		return nil, err
	}
	var list []float64
	for field := range strings.FieldsSeq(string(out)) {
		x, err := strconv.ParseFloat(field, 64)
		if err != nil {
			return nil, err
		}
		list = append(list, x)
	}
	return list, nil
}

// scaled turns samples into another unit.
func scaled(samples []float64, by float64) []float64 {
	for i := range samples {
		samples[i] *= by
	}
	return samples
}
