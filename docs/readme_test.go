package docs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// pairs are the pages that exist in English and in Chinese.
var pairs = [][2]string{
	{"../README.md", "../README.zh-CN.md"},
	{"FROM-PYTHON.md", "FROM-PYTHON.zh-CN.md"},
}

// TestTranslationsAgree compares what the two languages of a page have in common: the levels of its headings, the shape of
// its tables, and its code but for comments and what is in quotes.
func TestTranslationsAgree(t *testing.T) {
	for _, pair := range pairs {
		english, chinese := readMarkdown(t, pair[0]), readMarkdown(t, pair[1])
		agree(t, english, chinese, "heading", levels(english.headings), levels(chinese.headings))
		agree(t, english, chinese, "table", shapes(english.tables), shapes(chinese.tables))
		agree(t, english, chinese, "code block", code(english.blocks), code(chinese.blocks))
	}
}

// mark is a line of a page and what the other language must have in the same place.
type mark struct {
	line int
	is   string
}

func agree(t *testing.T, english, chinese *markdown, what string, a, b []mark) {
	t.Helper()
	if len(a) != len(b) {
		t.Errorf("%s has %d marks of kind %q, %s has %d", english.name, len(a), what, chinese.name, len(b))
	}
	for i := range min(len(a), len(b)) {
		if a[i].is != b[i].is {
			t.Errorf("%s:%d and %s:%d: the %s differs:\n%s\n%s", english.name, a[i].line, chinese.name, b[i].line, what, a[i].is, b[i].is)
		}
	}
}

func levels(headings []heading) (marks []mark) {
	for _, h := range headings {
		marks = append(marks, mark{h.line, strings.Repeat("#", h.level)})
	}
	return marks
}

// shapes has a mark for every row: the number of its cells, and the code in them where the cell is all code.
func shapes(tables []table) (marks []mark) {
	for _, table := range tables {
		for i, row := range table.rows {
			shape := ""
			for _, cell := range row {
				if allCode.MatchString(cell) {
					shape += cell
				}
				shape += "|"
			}
			marks = append(marks, mark{table.line + i, shape})
		}
	}
	return marks
}

var (
	allCode = regexp.MustCompile("^`[^`]*`$")
	prose   = regexp.MustCompile(`"[^"\n]*"|'[^'\n]*'|(//|#).*`)
)

func code(blocks []block) (marks []mark) {
	for _, b := range blocks {
		marks = append(marks, mark{b.line, b.language + "\n" + prose.ReplaceAllString(b.text, "")})
	}
	return marks
}

// TestLinksResolve follows the links of every page to files of the repository and to headings in them.
func TestLinksResolve(t *testing.T) {
	for _, name := range allPages(t) {
		page := readMarkdown(t, name)
		for _, link := range page.links {
			if strings.Contains(link.target, "://") {
				continue
			}
			path, fragment, _ := strings.Cut(link.target, "#")
			target := page
			if path != "" {
				file := filepath.Join(filepath.Dir(name), path)
				if _, err := os.Stat(file); err != nil {
					t.Errorf("%s:%d: there is no %s", name, link.line, link.target)
					continue
				}
				if fragment == "" {
					continue
				}
				target = readMarkdown(t, file)
			}
			if fragment != "" && !target.anchors[fragment] {
				t.Errorf("%s:%d: no heading is reached by %s", name, link.line, link.target)
			}
		}
	}
}

func allPages(t *testing.T) []string {
	t.Helper()
	var pages []string
	for _, pattern := range []string{"../*.md", "*.md", "adr/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, found...)
	}
	return pages
}

// TestProgramsCompile vets every complete Go program of every page, in a module of its own as a reader would have it.
func TestProgramsCompile(t *testing.T) {
	repository, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile(filepath.Join(repository, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", "module example.com/reader\n\ngo 1.26.0\n\nrequire github.com/multiproc-go/multiproc v0.0.0\n\n"+
		"replace github.com/multiproc-go/multiproc => "+strconv.Quote(repository)+"\n")
	write("go.sum", string(sums))
	programs := 0
	for _, name := range allPages(t) {
		for _, b := range readMarkdown(t, name).blocks {
			if b.language != "go" || !strings.HasPrefix(b.text, "package main\n") {
				continue
			}
			programs++
			// The line directive makes an error name the page and its line.
			page, err := filepath.Abs(name)
			if err != nil {
				t.Fatal(err)
			}
			folder := strings.NewReplacer("/", "_", ".", "_").Replace(strings.TrimPrefix(name, "../")) + strconv.Itoa(b.line)
			write(filepath.Join(folder, "main.go"), "//line "+page+":"+strconv.Itoa(b.line+1)+"\n"+b.text)
		}
	}
	if programs < 4 {
		t.Errorf("the pages have %d complete programs; the two languages of README and FROM-PYTHON have one each", programs)
	}
	vet := exec.Command("go", "vet", "./...")
	vet.Dir = dir
	vet.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
	if output, err := vet.CombinedOutput(); err != nil {
		t.Errorf("go vet: %v\n%s", err, output)
	}
}
