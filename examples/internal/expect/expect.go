// Package expect tests an example as its reader meets it: it builds the program in the
// current folder, runs it, and compares what it prints with a file.
//
// # The file
//
// It has the output, line by line. What differs from run to run is a placeholder:
//
//	<pid>      [0-9]+            a process id
//	<number>   [0-9]+            any other number
//	<seconds>  [0-9]+\.[0-9]{4}  a time
//	<time>     [0-9.]+m?s        a time as Go prints it
//	<mutex>    mutex@0x[0-9a-f]+ a mutex as it prints itself
//
// Lines that begin with "~ " are printed by processes that do not wait for each other: such
// neighbours come in any order. Each takes the first line of the output that fits and is
// not taken, so the narrower of two patterns stands first.
package expect

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

var placeholders = map[string]string{
	"<pid>":     `[0-9]+`,
	"<number>":  `[0-9]+`,
	"<seconds>": `[0-9]+\.[0-9]{4}`,
	"<time>":    `[0-9.]+m?s`,
	"<mutex>":   `mutex@0x[0-9a-f]+`,
}

var placeholder = regexp.MustCompile(`<[a-z]+>`)

// anyOrder is what a line begins with that may change places with its neighbours.
const anyOrder = "~ "

// Match fails the test unless output is what the file says.
func Match(t testing.TB, file, output string) {
	t.Helper()
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := compare(string(want), output); err != nil {
		t.Errorf("%s:%v\nthe whole output:\n%s", file, err, output)
	}
}

// compare tells where output is not what want says. Its errors begin with a line number.
func compare(want, output string) error {
	wants, lines := split(want), split(output)
	for i := 0; i < len(wants); {
		n := block(wants[i:])
		if len(lines) < i+n {
			return fmt.Errorf("%d: nothing more is printed after %d lines", len(lines)+1, len(lines))
		}
		if err := compareBlock(wants[i:i+n], lines[i:i+n], i+1); err != nil {
			return err
		}
		i += n
	}
	if len(lines) > len(wants) {
		return fmt.Errorf("%d: printed beyond the end: %q", len(wants)+1, lines[len(wants)])
	}
	return nil
}

// split leaves no empty line after the last newline.
func split(text string) []string {
	text = strings.ReplaceAll(text, "\r\n", "\n") // a checkout on Windows
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

// block is the number of lines at the beginning of wants that may change places.
func block(wants []string) int {
	n := 0
	for n < len(wants) && strings.HasPrefix(wants[n], anyOrder) {
		n++
	}
	return max(n, 1)
}

// compareBlock finds a line for each want.
func compareBlock(wants, lines []string, number int) error {
	taken := make([]bool, len(lines))
next:
	for i, want := range wants {
		pattern, err := compile(strings.TrimPrefix(want, anyOrder))
		if err != nil {
			return fmt.Errorf("%d: %w", number+i, err)
		}
		for j, line := range lines {
			if !taken[j] && pattern.MatchString(line) {
				taken[j] = true
				continue next
			}
		}
		return fmt.Errorf("%d: want %q, got:\n%s", number+i, want, strings.Join(lines, "\n"))
	}
	return nil
}

func compile(want string) (*regexp.Regexp, error) {
	expression, rest := "", want
	for {
		at := placeholder.FindStringIndex(rest)
		if at == nil {
			return regexp.Compile("^" + expression + regexp.QuoteMeta(rest) + "$")
		}
		name := rest[at[0]:at[1]]
		if placeholders[name] == "" {
			return nil, fmt.Errorf("there is no placeholder %s", name)
		}
		expression += regexp.QuoteMeta(rest[:at[0]]) + placeholders[name]
		rest = rest[at[1]:]
	}
}
