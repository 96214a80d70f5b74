package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/multiproc-go/multiproc/internal/pythons"
)

// pythonRow is one row of a table of PYTHON.md whose first column is headed "Python".
type pythonRow struct {
	line    int
	names   []string // in full, without "multiprocessing."
	version []string // of each name: "3.14" if the cell says so, else empty
	ours    string
}

var backticked = regexp.MustCompile("`([^`]+)`(?: \\((3\\.\\d+)\\))?")

func pythonRows(t *testing.T) []pythonRow {
	t.Helper()
	var rows []pythonRow
	for _, table := range readMarkdown(t, "PYTHON.md").tables {
		if table.rows[0][0] != "Python" {
			continue
		}
		for i, cells := range table.rows[1:] {
			row := pythonRow{line: table.line + 2 + i, ours: cells[1]}
			owner := ""
			for _, match := range backticked.FindAllStringSubmatch(cells[0], -1) {
				name := match[1]
				if strings.HasPrefix(name, ".") {
					name = owner + name
				} else {
					owner = name
				}
				row.names = append(row.names, name)
				row.version = append(row.version, match[2])
			}
			if len(row.names) == 0 {
				t.Errorf("PYTHON.md:%d: a row without a name", row.line)
			}
			rows = append(rows, row)
		}
	}
	return rows
}

// TestEveryPythonNameIsListed holds PYTHON.md against the names that CPython 3.13 has, in both directions.
func TestEveryPythonNameIsListed(t *testing.T) {
	python := pythons.Version(13)
	if python == "" {
		t.Skip("NOT CHECKED: docs/PYTHON.md against CPython, because there is no Python 3.13 (python3.13 on PATH, or $PYENV_ROOT/versions/3.13*)")
	}
	command := exec.Command(python, filepath.Join("testdata", "names.py"))
	command.Stderr = os.Stderr
	output, err := command.Output()
	if err != nil {
		t.Fatalf("names.py: %v", err)
	}
	exists := map[string]bool{}
	for _, name := range strings.Fields(string(output)) {
		exists[name] = true
	}
	if len(exists) < 400 {
		t.Fatalf("names.py printed %d names; there are more than 400", len(exists))
	}

	listed := map[string]int{}
	for _, row := range pythonRows(t) {
		for i, name := range row.names {
			if first, twice := listed[name]; twice {
				t.Errorf("PYTHON.md:%d: %s stands in line %d too", row.line, name, first)
			}
			listed[name] = row.line
			switch {
			case row.version[i] == "" && !exists[name]:
				t.Errorf("PYTHON.md:%d: CPython 3.13 has no multiprocessing.%s", row.line, name)
			case row.version[i] != "" && exists[name]:
				t.Errorf("PYTHON.md:%d: multiprocessing.%s is marked %s, but 3.13 has it", row.line, name, row.version[i])
			}
		}
	}
	for name := range exists {
		if listed[name] == 0 {
			t.Errorf("PYTHON.md lacks multiprocessing.%s", name)
		}
	}
}

// TestPythonTableNamesWhatWeHave checks the second column: a name of ours that exists, or one of the two ways to say no.
func TestPythonTableNamesWhatWeHave(t *testing.T) {
	packages := map[string]map[string]bool{"multiproc": exported(t, "..")}
	for _, pkg := range []string{"conn", "manager", "pickle", "pool", "psync", "queue", "shm"} {
		packages[pkg] = exported(t, filepath.Join("..", pkg))
	}
	for _, row := range pythonRows(t) {
		if row.ours == "**not yet**" || row.ours == "**not planned**" {
			continue
		}
		names := backticked.FindAllStringSubmatch(row.ours, -1)
		if names == nil {
			t.Errorf("PYTHON.md:%d: %q is neither a name nor **not yet** nor **not planned**", row.line, row.ours)
		}
		for _, match := range names {
			pkg, name, found := strings.Cut(strings.TrimSuffix(match[1], "[T]"), ".")
			if ours, known := packages[pkg]; known && found && !ours[name] {
				t.Errorf("PYTHON.md:%d: there is no %s", row.line, match[1])
			}
		}
	}
}

// exported lists what the package in dir declares for its users: Name, and Type.Method.
func exported(t *testing.T, dir string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range parsed.Decls {
			addDeclared(names, decl)
		}
	}
	return names
}

func addDeclared(names map[string]bool, decl ast.Decl) {
	switch decl := decl.(type) {
	case *ast.FuncDecl:
		if decl.Recv == nil {
			names[decl.Name.Name] = true
		} else {
			names[receiver(decl.Recv.List[0].Type)+"."+decl.Name.Name] = true
		}
	case *ast.GenDecl:
		for _, spec := range decl.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				names[spec.Name.Name] = true
			case *ast.ValueSpec:
				for _, name := range spec.Names {
					names[name.Name] = true
				}
			}
		}
	}
}

// receiver is the name of a receiver's type, without its pointer and its type parameters.
func receiver(expr ast.Expr) string {
	switch expr := expr.(type) {
	case *ast.StarExpr:
		return receiver(expr.X)
	case *ast.IndexExpr:
		return receiver(expr.X)
	case *ast.IndexListExpr:
		return receiver(expr.X)
	case *ast.Ident:
		return expr.Name
	}
	return ""
}
