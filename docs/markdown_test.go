package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// markdown is what these tests read of a page; lines count from 1.
type markdown struct {
	name     string
	headings []heading
	tables   []table
	blocks   []block
	links    []link
	anchors  map[string]bool
}

type heading struct {
	line, level int
	text        string
}

type table struct {
	line int
	rows [][]string // cells, the header first, without the line of dashes
}

type block struct {
	line           int
	language, text string
}

type link struct {
	line   int
	target string
}

var codeSpan = regexp.MustCompile("`[^`]*`")

// readMarkdown reads a page of this folder, or one above it as "../README.md".
func readMarkdown(t *testing.T, name string) *markdown {
	t.Helper()
	text, err := os.ReadFile(filepath.FromSlash(name))
	if err != nil {
		t.Fatal(err)
	}
	page := &markdown{name: name, anchors: map[string]bool{}}
	var open *block
	inTable := false
	for i, line := range strings.Split(string(text), "\n") {
		switch {
		case open != nil && line == "```":
			page.blocks = append(page.blocks, *open)
			open = nil
		case open != nil:
			open.text += line + "\n"
		case strings.HasPrefix(line, "```"):
			open = &block{line: i + 1, language: line[3:]}
		case strings.HasPrefix(line, "#"):
			title := strings.TrimLeft(line, "#")
			page.headings = append(page.headings, heading{i + 1, len(line) - len(title), strings.TrimSpace(title)})
			page.anchors[anchor(title)] = true
		case strings.HasPrefix(line, "|"):
			page.addTableLine(i+1, line, inTable)
		}
		inTable = open == nil && strings.HasPrefix(line, "|")
		if open == nil {
			page.addLinks(i+1, line)
		}
	}
	if open != nil {
		t.Fatalf("%s:%d: a code block without an end", name, open.line)
	}
	return page
}

func (page *markdown) addTableLine(number int, line string, inside bool) {
	if !inside {
		page.tables = append(page.tables, table{line: number})
	}
	if strings.Trim(line, "|-: ") == "" && inside {
		return
	}
	cells := strings.Split(strings.Trim(line, "|"), "|")
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i])
	}
	last := &page.tables[len(page.tables)-1]
	last.rows = append(last.rows, cells)
}

func (page *markdown) addLinks(number int, line string) {
	line = codeSpan.ReplaceAllString(line, "")
	for {
		_, rest, found := strings.Cut(line, "](")
		if !found {
			return
		}
		target, after, found := strings.Cut(rest, ")")
		if !found {
			return
		}
		page.links = append(page.links, link{number, target})
		line = after
	}
}

// anchor is the name that a heading gets on the web: small letters, hyphens for spaces, no punctuation.
func anchor(title string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ' || r == '-':
			return '-'
		case r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return -1
	}, strings.TrimSpace(title))
}
