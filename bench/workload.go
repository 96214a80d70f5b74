package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A workload is one thing that several systems can do.
type workload struct {
	name   string // for -only and for programs
	title  string // for people
	unit   unit
	rounds int      // how often each system is measured, in turn
	system []system // ours first
	bars   []bar
	note   string // what a reader must know to read the numbers
	chart  bool   // drawn in the picture
}

// A system is one way to do it. measure returns one or more samples in the
// workload's unit, smaller being better. It is called once a round, and once before the
// first round for nothing.
type system struct {
	name    string
	measure func(ctx context.Context, p *peers) ([]float64, error)
}

// ours is the system that the others are compared with.
const ours = "multiproc"

// A bar is what a figure of a workload must not exceed.
type bar struct {
	against string  // the system whose same figure is multiplied by times; none: times is in the workload's unit
	times   float64 // the most that is good
	more    bool    // times is no factor but what ours may have more than against
	figure  figure
}

// missing is the error of a system that this machine does not have.
type missing struct{ reason string }

func (m missing) Error() string { return m.reason }

// size is how much is measured.
type size struct{ quick bool }

// pick is full, or in a quick run quick.
func pick[T any](s size, full, quick T) T {
	if s.quick {
		return quick
	}
	return full
}

func allWorkloads(s size) []workload {
	return slices.Concat(
		counterWorkloads(s),
		lockWorkloads(s),
		rwlockWorkloads(s),
		semaphoreWorkloads(s),
		addWorkloads(s),
		valueWorkloads(s),
		sumWorkloads(s),
		startWorkloads(s),
		wakeWorkloads(s),
		killWorkloads(s),
		meetWorkloads(s),
		pipeWorkloads(s),
		crowdWorkloads(s),
		poolWorkloads(s),
		memoryWorkloads(s),
		queueWorkloads(s),
		familyWorkloads(s),
		managerWorkloads(s),
	)
}

// choose keeps the workloads that the comma-separated names mean: each the one with
// that name, or all that begin with it and a dash.
func choose(all []workload, names string) ([]workload, error) {
	if names == "" {
		return all, nil
	}
	chosen := make([]bool, len(all))
	for name := range strings.SplitSeq(names, ",") {
		found := false
		for i, w := range all {
			if w.name == name || strings.HasPrefix(w.name, name+"-") {
				chosen[i], found = true, true
			}
		}
		if !found {
			return nil, fmt.Errorf("bench: no workload %q; -list prints them", name)
		}
	}
	var some []workload
	for i, w := range all {
		if chosen[i] {
			some = append(some, w)
		}
	}
	return some, nil
}

// measure lets the systems take turns.
func (w workload) measure(ctx context.Context, p *peers) *section {
	s := &section{workload: w, lines: make([]line, len(w.system))}
	for i, system := range w.system {
		s.lines[i].system = system.name
	}
	for round := range w.rounds + 1 {
		for i, system := range w.system {
			line := &s.lines[i]
			if line.err != nil {
				continue
			}
			samples, err := system.measure(ctx, p)
			switch {
			case ctx.Err() != nil:
				line.err = context.Cause(ctx)
			case err != nil:
				line.err, line.samples = err, nil
			case len(samples) == 0:
				line.err = errors.New("it returned no number")
			case round > 0 || w.rounds == 1: // the first warms up caches, files and clocks
				line.samples = append(line.samples, samples...)
			}
		}
		if w.rounds == 1 {
			break // too costly to be done for nothing
		}
	}
	for i := range s.lines {
		slices.Sort(s.lines[i].samples)
	}
	s.judge()
	return s
}
