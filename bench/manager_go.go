package main

import (
	"context"
	"os/exec"
	"time"
)

// The rows of package manager whose clients are Go, and those of what a server keeps.

// goClients compares calls one at a time, and in batches, with Redis, which does the same: a request and its reply over a Unix socket.
func goClients(s size, d time.Duration) (list []workload) {
	redis := func(what string) system {
		return system{"Redis", func(ctx context.Context, p *peers) ([]float64, error) {
			if _, err := exec.LookPath("redis-server"); err != nil {
				return nil, missing{"there is no redis-server"}
			}
			return p.runManager(ctx, "redis", what, d.Milliseconds())
		}}
	}
	for _, row := range []struct {
		name, title, command string
		bars                 []bar
	}{
		{"manager-go-1", "one at a time, one connection", "one", []bar{{against: "Redis", times: 1 / 0.9}}},
		{"manager-go-4", "one at a time on each of four connections", "four", []bar{{against: "Redis", times: 1 / 0.9}}},
		{"manager-go-batch", "in batches of 100", "batch", []bar{{times: 2000}}}, // 500 k a second
	} {
		list = append(list, workload{
			name: row.name, title: "Manager: a Go client sets items of a dict, " + row.title, unit: nanoseconds, rounds: pick(s, 15, 3), chart: row.command == "batch",
			system: []system{
				{ours, func(ctx context.Context, p *peers) ([]float64, error) {
					return p.runManager(ctx, "set", row.command, d.Milliseconds())
				}},
				redis(row.command),
			},
			bars: row.bars,
			note: "The time of the whole divided by the calls. The server is another process. Redis is given SET by the same program.",
		})
	}
	return append(list, workload{
		name: "manager-objects", title: "Manager: a Go client sets an item, among 10,000 objects", unit: nanoseconds, rounds: pick(s, 15, 3),
		system: []system{
			{ours, func(ctx context.Context, p *peers) ([]float64, error) {
				return p.runManager(ctx, "set", "many", d.Milliseconds())
			}},
			{oneObject, func(ctx context.Context, p *peers) ([]float64, error) {
				return p.runManager(ctx, "set", "one", d.Milliseconds())
			}},
		},
		bars: []bar{{against: oneObject, times: 1.1}},
	})
}

const oneObject = "with one object"

// managerMemory is what a server keeps for stock Python clients.
func managerMemory(s size, _ time.Duration) (list []workload) {
	for _, row := range []struct {
		name, title, work string
		n                 int
		unit              unit
		bars              []bar
	}{
		{"manager-idle", "Manager: resident memory of the server for an idle connection", "connections", pick(s, 1000, 200), kibibytes, []bar{{times: 32}}},
		{"manager-items", "Manager: resident memory of the server for a dict of 1 M ints by ints", "items", 1_000_000, mebibytes, nil},
	} {
		list = append(list, workload{
			name: row.name, title: row.title, unit: row.unit, rounds: pick(s, 3, 1),
			system: []system{
				{ours, func(ctx context.Context, p *peers) ([]float64, error) {
					return p.ourServer(ctx, "memory.py", row.work, row.n)
				}},
				{"CPython's server", func(ctx context.Context, p *peers) ([]float64, error) {
					return p.runPythonFile(ctx, "memory.py", row.work, "python", row.n)
				}},
			},
			bars: row.bars,
			note: "By /proc, before and after. The client is Python's.",
		})
	}
	return list
}
