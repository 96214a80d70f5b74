package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadme(t *testing.T) {
	name := filepath.Join(t.TempDir(), "README.md")
	before := "# Title\n" + readmeBegin + "what was there\n" + readmeEnd + "rest\n"
	if err := os.WriteFile(name, []byte(before), 0o644); err != nil {
		t.Fatal(err)
	}
	r := &report{Machine: []string{"a machine"}, Command: "go run ./bench", Sections: []*section{
		{workload: workload{title: "seen", chart: true, unit: nanoseconds}, lines: []line{{system: ours, samples: []float64{7}}, {system: "peer", samples: []float64{8}}, {system: "absent"}}},
		{workload: workload{title: "not in the picture"}, lines: []line{{system: ours, samples: []float64{7}}}},
	}}
	for range 2 { // the second time it replaces its own
		if err := r.readme(name); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	got := string(text)
	if !strings.HasPrefix(got, "# Title\n"+readmeBegin) || !strings.HasSuffix(got, readmeEnd+"rest\n") ||
		strings.Count(got, "| seen | 7 ns | peer 8 ns |\n") != 1 || strings.Contains(got, "what was there") || strings.Contains(got, "not in") {
		t.Errorf("%s", got)
	}
	if err := os.WriteFile(name, []byte("no lines"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := r.readme(name); err == nil || !strings.Contains(err.Error(), name) {
		t.Errorf("a file without the lines: %v", err)
	}
}
