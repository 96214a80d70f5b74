package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"time"
)

func memoryWorkloads(s size) (list []workload) {
	for _, kind := range []struct{ name, what string }{
		{"Rss", "what is shared counted in full"},
		{"Pss", "what is shared divided among those who share it"},
	} {
		list = append(list, workload{
			name: "memory-" + kind.name, title: "Resident memory of an idle process (" + kind.name + ")", unit: mebibytes,
			rounds: pick(s, 7, 2),
			system: []system{
				{ours, func(ctx context.Context, p *peers) ([]float64, error) { return idleChild(ctx, p, kind.name) }},
				{"an idle Go program", func(ctx context.Context, p *peers) ([]float64, error) { return idleProgram(ctx, p, kind.name) }},
			},
			bars: []bar{{against: "an idle Go program", times: 2, more: true}},
			note: kind.name + " of smaps_rollup: " + kind.what + ". Ours is a child of a small program, whose code it shares. About four fifths of the difference are pages of the program's file, which is larger (CBOR, log/slog and what they need); about 0.4 MiB are its own.",
		})
	}
	return list
}

// calm is how long a process is given to come to rest.
const calm = 100 * time.Millisecond

func idleChild(ctx context.Context, p *peers, kind string) ([]float64, error) {
	path, err := p.small(ctx)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, path, "idle")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	var pid int
	_, err = fmt.Fscan(stdout, &pid)
	var mib float64
	if err == nil {
		if err = nap(ctx, calm); err == nil {
			mib, err = memoryOf(pid, kind)
		}
	}
	return []float64{mib}, errors.Join(err, stdin.Close(), cmd.Wait())
}

func idleProgram(ctx context.Context, p *peers, kind string) ([]float64, error) {
	path, err := p.idle(ctx)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, path)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	err = nap(ctx, calm)
	mib, e := memoryOf(cmd.Process.Pid, kind)
	return []float64{mib}, errors.Join(err, e, stdin.Close(), cmd.Wait())
}
