// Package pythons finds the CPythons of a machine, for tests against them: what is on PATH, and
// what pyenv has.
package pythons

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Interpreter is one CPython.
type Interpreter struct {
	Path  string
	Minor int // of 3.minor
}

func (p Interpreter) String() string { return fmt.Sprintf("3.%d", p.Minor) }

// Find returns those of pyenv with these minor versions, or with any if none are named, and the
// python3 on PATH, whatever that is: one of each version.
func Find(minors ...int) (list []Interpreter) {
	candidates := installed("*")
	if len(minors) > 0 {
		candidates = nil
		for _, minor := range minors {
			candidates = append(candidates, installed(fmt.Sprint(minor, "*"))...)
		}
	}
	for _, path := range append(candidates, "python3") {
		minor, ok := ask(path)
		if ok && !slices.ContainsFunc(list, func(p Interpreter) bool { return p.Minor == minor }) {
			list = append(list, Interpreter{path, minor})
		}
	}
	return list
}

// Each runs test as a subtest with each of these minor versions. One that the machine does not have is a subtest that
// is skipped and says so, so that a run which has to have all of them, as in CI, shows what it had not.
func Each(t *testing.T, test func(t *testing.T, p Interpreter), minors ...int) {
	found := Find(minors...)
	for _, minor := range minors {
		p := Interpreter{Minor: minor}
		if i := slices.IndexFunc(found, func(p Interpreter) bool { return p.Minor == minor }); i >= 0 {
			p = found[i]
		} else {
			p.Path = Version(minor)
		}
		t.Run(p.String(), func(t *testing.T) {
			if p.Path == "" {
				t.Skipf("NOT RUN: there is no CPython %v under pyenv or on PATH", p)
			}
			test(t, p)
		})
	}
}

// Version returns the path of a CPython of one minor version, or "". A python3.13 on PATH may be a launcher
// that fails: it must run.
func Version(minor int) string {
	candidates := append([]string{fmt.Sprint("python3.", minor), "python3"}, installed(fmt.Sprint(minor, "*"))...)
	for _, path := range candidates {
		if got, ok := ask(path); ok && got == minor {
			return path
		}
	}
	return ""
}

// installed are the interpreters under pyenv whose minor version matches a pattern.
func installed(minor string) []string {
	root := os.Getenv("PYENV_ROOT")
	if home, err := os.UserHomeDir(); root == "" && err == nil {
		root = filepath.Join(home, ".pyenv")
	}
	found, _ := filepath.Glob(filepath.Join(root, "versions", "3."+minor, "bin", "python3"))
	return found
}

// answers are what interpreters have said, by path: an int, which is -1 unless that is a CPython 3.
var answers sync.Map

// ask runs an interpreter for its version, once. It is not ok unless that is a CPython 3.
func ask(path string) (minor int, ok bool) {
	answer, asked := answers.Load(path)
	if !asked {
		answer = -1
		if minor, ok := run(path); ok {
			answer = minor
		}
		answers.Store(path, answer)
	}
	return answer.(int), answer.(int) >= 0
}

func run(path string) (minor int, ok bool) {
	output, err := exec.Command(path, "-c", "import sys; print(sys.implementation.name, *sys.version_info[:2])").Output()
	fields := strings.Fields(string(output))
	if err != nil || len(fields) != 3 || fields[0] != "cpython" || fields[1] != "3" {
		return 0, false
	}
	minor, err = strconv.Atoi(fields[2])
	return minor, err == nil
}
