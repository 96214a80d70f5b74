package main

import (
	"context"
	"errors"
	"os/exec"
	"time"

	"github.com/multiproc-go/multiproc"
)

// idling exists until its context ends.
var idling = multiproc.Proc("idling", func(ctx context.Context, b board) error {
	b.word(ready).Add(1)
	<-ctx.Done()
	return nil
})

func memoryWorkloads(s size) (list []workload) {
	for _, kind := range []struct{ name, what string }{
		{"Rss", "what is shared counted in full"},
		{"Pss", "what is shared divided among those who share it"},
	} {
		list = append(list, workload{
			name: "memory-" + kind.name, title: "Resident memory of an idle process (" + kind.name + ")", unit: mebibytes,
			rounds: pick(s, 7, 2),
			system: []system{
				{ours, func(ctx context.Context, _ *peers) ([]float64, error) { return idleChild(ctx, kind.name) }},
				{"an idle Go program", func(ctx context.Context, p *peers) ([]float64, error) { return idleProgram(ctx, p, kind.name) }},
			},
			bars: []bar{{against: "an idle Go program", times: 2, more: true}},
			note: kind.name + " of smaps_rollup: " + kind.what + ". Ours is a child of the benchmark, whose code it shares.",
		})
	}
	return list
}

// calm is how long a process is given to come to rest.
const calm = 100 * time.Millisecond

func idleChild(ctx context.Context, kind string) ([]float64, error) {
	b, err := newBoard()
	if err != nil {
		return nil, err
	}
	defer b.close()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	p, err := idling.Start(ctx, b)
	if err != nil {
		return nil, err
	}
	err = errors.Join(b.await(ctx, ready, 1), nap(ctx, calm))
	mib, e := memoryOf(p.Pid(), kind)
	cancel()
	<-p.Done()
	return []float64{mib}, errors.Join(err, e)
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
