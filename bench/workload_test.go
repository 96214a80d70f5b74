package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestSystemsTakeTurns(t *testing.T) {
	var order []string
	returns := func(name string, samples ...float64) system {
		return system{name, func(context.Context, *peers) ([]float64, error) {
			order = append(order, name)
			return samples, nil
		}}
	}
	w := workload{rounds: 2, system: []system{returns("a", 3, 1), returns("b", 4), returns("c")}}
	s := w.measure(t.Context(), nil)
	if got := strings.Join(order, ""); got != "abcabab" { // the first round is not counted; c fails in it
		t.Errorf("order %s", got)
	}
	if got := s.find("a"); !slices.Equal(got, []float64{1, 1, 3, 3}) {
		t.Errorf("samples of a: %v", got)
	}
	if s.lines[2].err == nil {
		t.Error("a system without numbers is no failure")
	}
}

func TestCostlyWorkloadIsMeasuredOnce(t *testing.T) {
	n := 0.0
	w := workload{rounds: 1, system: []system{{"a", func(context.Context, *peers) ([]float64, error) {
		n++
		return []float64{n}, nil
	}}}}
	if got := w.measure(t.Context(), nil).find("a"); !slices.Equal(got, []float64{1}) {
		t.Errorf("samples: %v", got)
	}
}

func TestMissingPeer(t *testing.T) {
	calls := 0
	w := workload{name: "w", rounds: 5, unit: nanoseconds, system: []system{
		{ours, func(context.Context, *peers) ([]float64, error) { return []float64{10}, nil }},
		{"peer", func(context.Context, *peers) ([]float64, error) {
			calls++
			return nil, missing{"there is no peer"}
		}},
	}, bars: []bar{{against: "peer", times: 1}, {times: 10}, {times: 9}}}
	s := w.measure(t.Context(), nil)
	if calls != 1 {
		t.Errorf("a missing peer was tried %d times", calls)
	}
	if got := s.cells(s.lines[1]); !slices.Equal(got, []string{"peer", "not measured: there is no peer"}) {
		t.Errorf("cells: %q", got)
	}
	r := report{Sections: []*section{s}}
	if got := r.results(); len(got) != 1 || got[0] != (result{"w", ours, nanoseconds, 10, 10, 10, 10, 5}) {
		t.Errorf("results: %v", got)
	}
	var verdicts []string
	for _, v := range s.verdicts {
		verdicts = append(verdicts, v.String())
	}
	want := []string{"median ≤ 1 × peer: not measured, NOT MET", "median ≤ 10 ns: 10 ns", "median ≤ 9 ns: 10 ns, NOT MET"}
	if !slices.Equal(verdicts, want) {
		t.Errorf("verdicts:\n%q, want\n%q", verdicts, want)
	}
}

func TestFailureAfterSomeRounds(t *testing.T) {
	rounds := 0
	w := workload{rounds: 5, system: []system{{ours, func(context.Context, *peers) ([]float64, error) {
		if rounds++; rounds == 3 {
			return nil, errors.New("it broke\nat some length")
		}
		return []float64{1}, nil
	}}}}
	s := w.measure(t.Context(), nil)
	if got := s.cells(s.lines[0]); !slices.Equal(got, []string{ours, "not measured: it broke"}) {
		t.Errorf("cells: %q", got)
	}
}

func TestChoose(t *testing.T) {
	all := []workload{{name: "add-1"}, {name: "add-2"}, {name: "address"}, {name: "lock"}}
	for names, want := range map[string]string{
		"":             "add-1 add-2 address lock",
		"lock,add-1":   "add-1 lock",
		"add":          "add-1 add-2",
		"address,lock": "address lock",
	} {
		got, err := choose(all, names)
		var list []string
		for _, w := range got {
			list = append(list, w.name)
		}
		if err != nil || strings.Join(list, " ") != want {
			t.Errorf("%q: %v, %v; want %s", names, list, err, want)
		}
	}
	if _, err := choose(all, "lock,ad"); err == nil || !strings.Contains(err.Error(), `"ad"`) {
		t.Errorf("an unknown name: %v", err)
	}
}
