package manager_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/multiproc-go/multiproc/manager/internal/wire"
)

// TestProtocolNamesOurMethods: PROTOCOL.md has the methods that Python does not have, and no others.
func TestProtocolNamesOurMethods(t *testing.T) {
	page, err := os.ReadFile("../PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, match := range regexp.MustCompile("`(#[a-z]+)`").FindAllStringSubmatch(string(page), -1) {
		told = append(told, match[1])
	}
	files, err := filepath.Glob("internal/state/*.go")
	if err != nil {
		t.Fatal(err)
	}
	there := []string{wire.FuncBatch} // of the server itself
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range regexp.MustCompile(`name: "(#[a-z]+)"`).FindAllStringSubmatch(string(source), -1) {
			there = append(there, match[1])
		}
	}
	slices.Sort(told)
	slices.Sort(there)
	told, there = slices.Compact(told), slices.Compact(there)
	if len(there) == 0 || !slices.Equal(told, there) {
		t.Errorf("PROTOCOL.md has %v, the objects have %v", told, there)
	}
}
