package main

import (
	"fmt"
	"os"
	"strings"
)

// The part of a README that a run writes stands between these lines.
const (
	readmeBegin = "<!-- written by go run ./bench -readme: begin -->\n"
	readmeEnd   = "<!-- end -->\n"
)

// readme puts the short table into the file of that name.
func (r *report) readme(name string) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	head, rest, found := strings.Cut(string(text), readmeBegin)
	_, tail, ended := strings.Cut(rest, readmeEnd)
	if !found || !ended {
		return fmt.Errorf("bench: %s has no lines %q and %q", name, strings.TrimSpace(readmeBegin), strings.TrimSpace(readmeEnd))
	}
	return os.WriteFile(name, []byte(head+readmeBegin+"\n"+r.short()+"\n"+readmeEnd+tail), 0o644)
}

// short is a table of the medians of what is in the picture, and of where it was measured.
func (r *report) short() string {
	var b strings.Builder
	b.WriteString("| | multiproc | others |\n|---|---|---|\n")
	for _, s := range r.Sections {
		if !s.workload.chart || len(s.lines) == 0 || len(s.lines[0].samples) == 0 {
			continue
		}
		u := s.workload.unit
		var others []string
		for _, l := range s.lines[1:] {
			if len(l.samples) > 0 {
				others = append(others, fmt.Sprintf("%s %s", l.system, u.in(median.of(l.samples))))
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", s.workload.title, u.in(median.of(s.lines[0].samples)), strings.Join(others, ", "))
	}
	fmt.Fprintf(&b, "\nMedians of one run: %s. `%s`\n", strings.Join(r.Machine, "; "), r.Command)
	return b.String()
}
