package main

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/multiproc-go/multiproc/examples/internal/expect"
)

func TestMain(m *testing.M) { expect.Main(m) }

func TestCounter(t *testing.T) {
	program := expect.Build(t)
	expect.InBothModes(t, func(t *testing.T, mode expect.Mode) {
		for range 10 { // 500000 every time
			out := program.Prints(t, "expected.txt", mode)
			pids := pidsOf(t, out.Stdout)
			switch {
			case mode == expect.Processes && (len(pids) != 5 || slices.Contains(pids, out.Pid)):
				t.Errorf("not five processes beside %d: %v", out.Pid, pids)
			case mode == expect.Goroutines && !slices.Equal(pids, []int{out.Pid}):
				t.Errorf("not process %d alone: %v", out.Pid, pids)
			}
		}
	})
}

// pidsOf returns the process ids in the output, each once.
func pidsOf(t *testing.T, output string) []int {
	var pids []int
	for _, match := range regexp.MustCompile(`process ([0-9]+) starts`).FindAllStringSubmatch(output, -1) {
		pid, err := strconv.Atoi(match[1])
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	slices.Sort(pids)
	return slices.Compact(pids)
}

func TestChinese(t *testing.T) {
	program := expect.Build(t)
	expect.InBothModes(t, func(t *testing.T, mode expect.Mode) {
		program.Prints(t, "expected-zh.txt", mode, "-lang", "zh")
		program.Env = []string{"LANG=zh_CN.UTF-8"}
		program.Prints(t, "expected-zh.txt", mode)
		program.Prints(t, "expected.txt", mode, "-lang", "en")
	})
}

func TestFlags(t *testing.T) {
	program := expect.Build(t)
	expect.InBothModes(t, func(t *testing.T, mode expect.Mode) {
		out := program.Run(t, mode, "-processes", "3", "-increments", "7")
		if out.Code != 0 || strings.Count(out.Stdout, "starts") != 3 || !strings.HasSuffix(out.Stdout, ": 21\n") {
			t.Errorf("3 processes, 7 increments: %+v", out)
		}
		out = program.Run(t, mode, "-lang", "tlh")
		if out.Code != 1 || out.Stdout != "" || !strings.Contains(out.Stderr, "-lang tlh: want en or zh") {
			t.Errorf("an unknown language: %+v", out)
		}
	})
}

func TestNoRace(t *testing.T) {
	expect.BuildRace(t).Prints(t, "expected.txt", expect.Goroutines)
}

func TestLanguage(t *testing.T) {
	tests := []struct {
		env  map[string]string
		want string
	}{
		{nil, "en"},
		{map[string]string{"LANG": "zh_CN.UTF-8"}, "zh"},
		{map[string]string{"LANG": "zh"}, "zh"},
		{map[string]string{"LANG": "de_DE.UTF-8"}, "en"},
		{map[string]string{"LANG": "en_GB", "LC_MESSAGES": "zh_TW"}, "zh"},
		{map[string]string{"LANG": "zh_CN", "LC_MESSAGES": "en_GB"}, "en"},
		{map[string]string{"LANG": "zh_CN", "LC_MESSAGES": "zh_CN", "LC_ALL": "C"}, "en"},
		{map[string]string{"LANG": "en_GB", "LC_ALL": "zh_HK"}, "zh"},
	}
	for _, test := range tests {
		if got := language(func(name string) string { return test.env[name] }); got != test.want {
			t.Errorf("%v: got %s, want %s", test.env, got, test.want)
		}
	}
}
