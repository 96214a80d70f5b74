package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// The rows of package manager, and of package pickle, which it stands on. Their half of the work is done by the program in the folder manager.

func managerWorkloads(s size) []workload {
	d := pick(s, 200*time.Millisecond, 50*time.Millisecond)
	pickles := func(what string) []system {
		return []system{
			{ours, func(ctx context.Context, p *peers) ([]float64, error) {
				return p.runManager(ctx, what, d.Milliseconds())
			}},
			{"CPython, C _pickle", func(ctx context.Context, p *peers) ([]float64, error) {
				return p.runPythonFile(ctx, "pickles.py", what, d.Milliseconds())
			}},
		}
	}
	list := []workload{{
		name: "pickle-decode", title: "Decode a manager's request of 52 bytes", unit: nanoseconds, rounds: pick(s, 11, 2),
		system: pickles("decode"),
		bars:   []bar{{times: 600}},
		note:   "What Python sends for `d[\"a\"]`, into a graph of values.",
	}, {
		name: "pickle-encode", title: "Encode its reply", unit: nanoseconds, rounds: pick(s, 11, 2),
		system: pickles("encode"),
		bars:   []bar{{times: 500}},
	}}
	for _, clients := range []int{1, 4} {
		for _, work := range pythonWorks {
			list = append(list, pythonClients(s, work, clients)...)
		}
	}
	list = append(list, goClients(s, d)...)
	list = append(list, managerMemory(s, d)...)
	return append(list, workload{
		name: "manager-set", title: "Manager: a Go client sets an item of a dict, one call at a time", unit: nanoseconds, chart: true,
		rounds: pick(s, 15, 3),
		system: []system{
			{ours, func(ctx context.Context, p *peers) ([]float64, error) {
				return p.runManager(ctx, "set", "one", d.Milliseconds())
			}},
			{bareThreads, func(ctx context.Context, p *peers) ([]float64, error) {
				return p.runManager(ctx, "bare", "threads", d.Milliseconds())
			}},
			{"bare round trip, Go's poller", func(ctx context.Context, p *peers) ([]float64, error) {
				return p.runManager(ctx, "bare", "poller", d.Milliseconds())
			}},
		},
		bars: []bar{{against: bareThreads, times: 1.3}},
		note: "The server is another process. A bare round trip is as many bytes there and back over such a socket, between two processes " +
			"of the same program, by reads and writes that block a thread each, and as Go has them.",
	}, workload{
		name: "manager-program", title: "Manager: a child changes a dict and a list, the whole program", unit: milliseconds, chart: true,
		rounds: pick(s, 31, 3),
		system: []system{
			{ours, func(ctx context.Context, p *peers) ([]float64, error) {
				path, err := p.goProgram(ctx, "example-manager", "github.com/multiproc-go/multiproc/examples/manager")
				if err != nil {
					return nil, err
				}
				return reverseTo(ctx, path)
			}},
			{"CPython", func(ctx context.Context, p *peers) ([]float64, error) {
				path, err := python()
				if err != nil {
					return nil, err
				}
				return reverseTo(ctx, path, p.file("article.py"))
			}},
		},
		bars: []bar{{against: "CPython", times: 0.2}}, // five times as fast
		note: "From exec to exit, start of the server and of the child included: examples/manager and the same in Python's multiprocessing.",
	})
}

const bareThreads = "bare round trip, blocking"

// A pythonWork is what Python clients do.
type pythonWork struct{ work, suffix, what string }

var pythonWorks = []pythonWork{
	{"dict", "", "set and get of a dict's items"},
	{"queue", "-queue", "put and get of a queue"},
	{"lock", "-lock", "acquire and release of a lock"},
}

// pythonClients are rows of what runs with that many Python clients tell: each run is measured once, and told of in several rows.
func pythonClients(s size, work pythonWork, clients int) []workload {
	operations := pick(s, 20_000, 4000) / clients
	const python = "CPython's server"
	servers := []struct {
		name string
		run  func(context.Context, *peers) ([]float64, error)
		runs [][]float64
	}{
		{name: ours, run: func(ctx context.Context, p *peers) ([]float64, error) {
			return p.ourServer(ctx, "manager.py", work.work, clients, operations)
		}},
		{name: python, run: func(ctx context.Context, p *peers) ([]float64, error) {
			return p.runPythonFile(ctx, "manager.py", work.work, "python", clients, operations)
		}},
	}
	// systems tells the i-th number of each run.
	systems := func(i int) (list []system) {
		for k := range servers {
			server, next := &servers[k], 0
			list = append(list, system{server.name, func(ctx context.Context, p *peers) ([]float64, error) {
				if next == len(server.runs) {
					told, err := server.run(ctx, p)
					if err != nil {
						return nil, err
					}
					if len(told) != 3 {
						return nil, fmt.Errorf("%d numbers of a server", len(told))
					}
					server.runs = append(server.runs, told)
				}
				next++
				return server.runs[next-1][i : i+1], nil
			}})
		}
		return list
	}
	rounds := pick(s, 15, 1)
	name, who := fmt.Sprintf("manager-%d%s", clients, work.suffix), "one Python client"
	if clients > 1 {
		who = fmt.Sprintf("%d Python clients", clients)
	}
	list := []workload{{
		name: name, title: "Manager: " + who + ", " + work.what, unit: nanoseconds, rounds: rounds, chart: true,
		system: systems(0), bars: []bar{{against: python, times: 1}},
		note: "Each client has an object of its own in the server. The time of the whole divided by the operations of all.",
	}}
	if clients > 1 { // 1.5 times the throughput
		list[0].bars[0].times = 1 / 1.5
	}
	if clients > 1 || work.work != "dict" {
		return list
	}
	const note = "By /proc, of the same runs; divided by the operations."
	return append(list, workload{
		name: name + "-user", title: "Manager: " + who + ", the server's user CPU", unit: nanoseconds, rounds: rounds, note: note,
		system: systems(1), bars: []bar{{against: python, times: 1.0 / 3}},
	}, workload{
		name: name + "-cpu", title: "Manager: " + who + ", the server's CPU", unit: nanoseconds, rounds: rounds, note: note,
		system: systems(2), bars: []bar{{against: python, times: 0.75}},
	})
}

// manager builds the program in the folder manager.
func (p *peers) manager(ctx context.Context) (string, error) {
	return p.goProgram(ctx, "manager", "github.com/multiproc-go/multiproc/bench/manager")
}

// runManager runs a command of it and returns its numbers.
func (p *peers) runManager(ctx context.Context, args ...any) ([]float64, error) {
	path, err := p.manager(ctx)
	if err != nil {
		return nil, err
	}
	return numbers(ctx, path, args...)
}

// ourServer has Python clients use a server of ours: a program of the peers, some arguments of which come before those that say where the server is.
func (p *peers) ourServer(ctx context.Context, program, work string, more ...any) (samples []float64, err error) {
	path, err := p.manager(ctx)
	if err != nil {
		return nil, err
	}
	server := exec.CommandContext(ctx, path, "serve")
	stdin, err := server.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := server.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := server.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	where := strings.Fields(line)
	if err == nil && len(where) != 3 {
		err = fmt.Errorf("the server says %q", line)
	}
	if err == nil {
		samples, err = p.runPythonFile(ctx, program, append([]any{work, where[0], where[1], where[2]}, more...)...)
	}
	return samples, errors.Join(err, stdin.Close(), server.Wait())
}

// reverseTo runs a program that must say what the article's says.
func reverseTo(ctx context.Context, path string, args ...string) ([]float64, error) {
	begin := time.Now()
	out, err := exec.CommandContext(ctx, path, args...).Output()
	took := time.Since(begin)
	if err != nil {
		return nil, err
	}
	if text := string(out); !strings.Contains(text, "{1: 'a', '2': 2}\n") || !strings.Contains(text, "[9, 8, 7, 6, 5, 4, 3, 2, 1, 0]\n") {
		return nil, fmt.Errorf("it says something else:\n%s", out)
	}
	return []float64{float64(took.Nanoseconds()) / 1e6}, nil
}
