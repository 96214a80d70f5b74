package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
)

// report is all that a run found out.
type report struct {
	Machine  []string
	Command  string
	Sections []*section
}

// section is a workload with what was measured.
type section struct {
	workload workload
	lines    []line
	verdicts []verdict
}

// line is one system of a section.
type line struct {
	system  string
	samples []float64 // sorted
	err     error     // why there are none
}

// verdict is a bar with what was found.
type verdict struct {
	text string
	met  bool
}

// A result is a line as programs read it.
type result struct {
	Workload string  `json:"workload"`
	System   string  `json:"system"`
	Unit     unit    `json:"unit"`
	Median   float64 `json:"median"`
	P99      float64 `json:"p99"`
	Min      float64 `json:"min"`
	Max      float64 `json:"max"`
	N        int     `json:"n"`
}

// results has the lines that were measured.
func (r *report) results() []result {
	list := []result{}
	for _, s := range r.Sections {
		for _, l := range s.lines {
			if n := len(l.samples); n > 0 {
				list = append(list, result{s.workload.name, l.system, s.workload.unit,
					median.of(l.samples), p99.of(l.samples), l.samples[0], l.samples[n-1], n})
			}
		}
	}
	return list
}

// find returns the samples of a system.
func (s *section) find(system string) []float64 {
	for _, l := range s.lines {
		if l.system == system {
			return l.samples
		}
	}
	return nil
}

// judge compares with the bars.
func (s *section) judge() {
	u := s.workload.unit
	for _, b := range s.workload.bars {
		found, than := b.figure.of(s.lines[0].samples), b.figure.of(s.find(b.against))
		limit, text := u.in(b.times), u.in
		switch {
		case b.against == "":
		case b.more:
			found -= than
			limit += " more than " + b.against
		default:
			found /= than
			limit = number(b.times) + " × " + b.against
			text = func(x float64) string { return number(x) + " ×" }
		}
		v := verdict{met: found <= b.times, text: fmt.Sprintf("%s ≤ %s: ", b.figure, limit)}
		if math.IsNaN(found) {
			v.text += "not measured"
		} else {
			v.text += text(found)
		}
		s.verdicts = append(s.verdicts, v)
	}
}

func (v verdict) String() string {
	if v.met {
		return v.text
	}
	return v.text + ", NOT MET"
}

var columns = []string{"system", "median", "p99", "spread", "n", "to ours"}

// cells are the columns of a line.
func (s *section) cells(l line) []string {
	if len(l.samples) == 0 {
		return []string{l.system, "not measured: " + reason(l.err)}
	}
	u := s.workload.unit
	ratio := "–"
	if first := s.lines[0].samples; len(first) > 0 && median.of(first) > 0 {
		ratio = number(median.of(l.samples)/median.of(first)) + " ×"
	}
	n := len(l.samples)
	tail := "" // where it would be the maximum it says nothing
	if n >= 100 {
		tail = u.in(p99.of(l.samples))
	}
	return []string{l.system, u.in(median.of(l.samples)), tail, u.in(l.samples[0]) + " .. " + u.in(l.samples[n-1]), fmt.Sprint(n), ratio}
}

// reason is an error on one line.
func reason(err error) string {
	if err == nil {
		err = errors.New("nothing was measured")
	}
	text, _, _ := strings.Cut(strings.TrimSpace(err.Error()), "\n")
	return text
}

func (s *section) print(w io.Writer) {
	fmt.Fprintf(w, "\n%s: %s\n", s.workload.name, s.workload.title)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "  %s\n", strings.Join(columns, "\t"))
	for _, l := range s.lines {
		fmt.Fprintf(t, "  %s\n", strings.Join(s.cells(l), "\t"))
	}
	t.Flush()
	for _, v := range s.verdicts {
		fmt.Fprintf(w, "  bar: %v\n", v)
	}
}

// markdown writes the report as a page.
func (r *report) markdown(w io.Writer) error {
	fmt.Fprint(w, "# Measured beside others\n\nThis page is written by the command itself:\n\n```sh\n"+r.Command+"\n```\n\n")
	for _, line := range r.Machine {
		fmt.Fprintf(w, "- %s\n", line)
	}
	fmt.Fprint(w, "\nThe systems of a workload take turns, round after round; a number is the median of the rounds, the spread their smallest and largest.\n"+
		"Smaller is better. The ratio is that of the medians. Only numbers of one run can be compared.\n")
	for _, s := range r.Sections {
		fmt.Fprintf(w, "\n## %s\n\n", s.workload.title)
		if s.workload.note != "" {
			fmt.Fprintf(w, "%s\n\n", s.workload.note)
		}
		fmt.Fprintf(w, "| %s |\n|%s\n", strings.Join(columns, " | "), strings.Repeat("---|", len(columns)))
		for _, l := range s.lines {
			cells := s.cells(l)
			for len(cells) < len(columns) {
				cells = append(cells, "")
			}
			fmt.Fprintf(w, "| %s |\n", strings.ReplaceAll(strings.Join(cells, " | "), "|  |", "| |"))
		}
		if len(s.verdicts) > 0 {
			fmt.Fprintln(w)
		}
		for _, v := range s.verdicts {
			fmt.Fprintf(w, "- bar: %v\n", v)
		}
	}
	return nil
}
