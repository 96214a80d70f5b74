package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestFuzzTargetsAreNamed: CONTRIBUTING has a row for each package with its fuzz targets, and no others.
func TestFuzzTargetsAreNamed(t *testing.T) {
	text, err := os.ReadFile("../CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	named := make(map[string]string) // rows, by package
	for _, row := range regexp.MustCompile("(?m)^\\| `(\\./[a-z/]+)` \\| (.*Fuzz.*)$").FindAllStringSubmatch(string(text), -1) {
		named[row[1]] = row[2]
	}
	target := regexp.MustCompile(`(?m)^func (Fuzz\w+)\(`)
	found := make(map[string]int)
	err = filepath.WalkDir("..", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		dir := "./" + strings.TrimPrefix(filepath.ToSlash(filepath.Dir(path)), "../")
		for _, match := range target.FindAllStringSubmatch(string(source), -1) {
			found[dir]++
			if !strings.Contains(named[dir], "`"+match[1]+"`") {
				t.Errorf("CONTRIBUTING.md does not name %s of %s", match[1], dir)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for dir, row := range named {
		if n := strings.Count(row, "`Fuzz"); n != found[dir] {
			t.Errorf("CONTRIBUTING.md names %d fuzz targets of %s, which has %d", n, dir, found[dir])
		}
	}
	if len(found) < 5 {
		t.Errorf("fuzz targets were found in %d packages only", len(found))
	}
}
