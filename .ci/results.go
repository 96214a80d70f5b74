//go:build ignore

// Results reads the events of go test -json: what failed, how many passed, what did not run.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
)

// event is one line of go test -json. Test is empty in what concerns a whole package.
type event struct {
	Action, Package, Test, Output string
	ImportPath, FailedBuild       string // of what did not compile
	Elapsed                       float64
}

// results is what one or more runs have in common: keys are package.Test, or the package alone.
type results struct {
	passed, failed, skipped map[string]int
	output                  map[string][]string
	elapsed                 map[string]float64 // of packages
}

func main() {
	show := flag.Bool("show", false, "print what failed, and a line for each package")
	count := flag.Bool("count", false, "print how many passed and how many failed")
	skips := flag.String("skips", "", "print what did not run; fail if this `file` does not allow it")
	flag.Parse()
	r, err := read(flag.Args())
	switch {
	case err != nil:
	case *show:
		r.show()
	case *count:
		fmt.Println(total(r.passed), total(r.failed))
	case *skips != "":
		err = r.notRun(*skips)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func read(files []string) (*results, error) {
	r := &results{map[string]int{}, map[string]int{}, map[string]int{}, map[string][]string{}, map[string]float64{}}
	for _, name := range files {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		lines := bufio.NewScanner(file)
		lines.Buffer(nil, 16<<20)
		for lines.Scan() {
			var e event
			if json.Unmarshal(lines.Bytes(), &e) != nil {
				fmt.Fprintln(os.Stderr, lines.Text()) // not an event: the go command itself speaks
				continue
			}
			r.add(e)
		}
		if err := lines.Err(); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		file.Close()
	}
	return r, nil
}

func (r *results) add(e event) {
	key := e.Package
	if e.Test != "" {
		key += "." + e.Test
	}
	switch e.Action {
	case "output", "build-output":
		r.output[key+e.ImportPath] = append(r.output[key+e.ImportPath], e.Output)
	case "pass":
		if e.Test == "" {
			r.elapsed[key] += e.Elapsed
		} else {
			r.passed[key]++
		}
	case "skip":
		if e.Test != "" { // else a package without tests
			r.skipped[key]++
		}
	case "fail":
		// A package comes after its tests, and counts only if nothing else explains its failure: it crashed, say.
		if e.Test == "" && (e.FailedBuild != "" || r.anyFailed(key)) {
			break
		}
		r.failed[key]++
	case "build-fail":
		r.failed[e.ImportPath]++
	}
}

// anyFailed reports whether a test of the package has failed.
func (r *results) anyFailed(name string) bool {
	for key := range r.failed {
		if strings.HasPrefix(key, name+".Test") || strings.HasPrefix(key, name+".Example") || strings.HasPrefix(key, name+".Fuzz") {
			return true
		}
	}
	return false
}

func (r *results) show() {
	for _, key := range sorted(r.failed) {
		fmt.Printf("FAIL %s\n%s", key, strings.Join(r.output[key], ""))
	}
	for _, name := range sorted(r.elapsed) {
		fmt.Printf("ok   %s %.1f s\n", name, r.elapsed[name])
	}
	fmt.Printf("%d passed, %d failed, %d skipped\n", total(r.passed), total(r.failed), total(r.skipped))
}

// notRun lists the tests that were skipped and passed in no run, and fails if the file of allowed ones does not have them.
func (r *results) notRun(file string) error {
	allowed, err := readAllowed(file)
	if err != nil {
		return err
	}
	elsewhere, missing := 0, 0
	for _, key := range sorted(r.skipped) {
		if r.passed[key] > 0 || r.failed[key] > 0 {
			elsewhere++
			continue
		}
		line := key + ": " + reason(r.output[key])
		at := slices.IndexFunc(allowed, func(a allowance) bool { return a.pattern.MatchString(line) })
		if at >= 0 {
			fmt.Printf("  %s (allowed: %s)\n", line, allowed[at].reason)
			continue
		}
		fmt.Printf("  %s\n", line)
		missing++
	}
	if missing == 0 && elsewhere == len(r.skipped) {
		fmt.Println("  nothing")
	}
	fmt.Printf("(skipped in one run, but run in another: %d)\n", elsewhere)
	if missing > 0 {
		return fmt.Errorf("%d tests did not run, and %s does not allow it", missing, file)
	}
	return nil
}

type allowance struct {
	pattern *regexp.Regexp
	reason  string
}

func readAllowed(file string) ([]allowance, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var list []allowance
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		expression, why, found := strings.Cut(line, "\t")
		if !found || strings.TrimSpace(why) == "" {
			return nil, fmt.Errorf("%s: %q has no reason", file, line)
		}
		pattern, err := regexp.Compile(expression)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		list = append(list, allowance{pattern, why})
	}
	return list, nil
}

// reason is what the test said when it skipped, on one line.
func reason(output []string) string {
	var said []string
	for _, line := range output {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "=== ") && !strings.HasPrefix(line, "--- ") && !slices.Contains(said, line) {
			said = append(said, line)
		}
	}
	if said == nil {
		return "it did not say why"
	}
	return strings.Join(said, " ")
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func total(m map[string]int) int {
	n := 0
	for _, count := range m {
		n += count
	}
	return n
}
