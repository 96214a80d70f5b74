package housetest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const (
	module = "github.com/multiproc-go/multiproc"
	root   = "../.."
)

// file is one Go file that is not a test, for whatever system.
type file struct {
	path    string // in the repository
	pkg     string // its folder; "." is the root
	syntax  *ast.File
	imports []string
}

func (f *file) name() string { return path.Base(f.path) }

// at is where a node stands.
func at(files *token.FileSet, n ast.Node) string {
	p := files.Position(n.Pos())
	name, err := filepath.Rel(root, p.Filename)
	if err != nil {
		name = p.Filename
	}
	return filepath.ToSlash(name) + ":" + strconv.Itoa(p.Line)
}

// source reads the module. Folders with a go.mod of their own are other modules.
func source(t *testing.T) ([]*file, *token.FileSet) {
	t.Helper()
	set := token.NewFileSet()
	var list []*file
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			base := d.Name()
			_, other := os.Stat(filepath.Join(name, "go.mod"))
			if name != root && (other == nil || base == "testdata" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_")) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		syntax, err := parser.ParseFile(set, name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		f := &file{path: rel, pkg: path.Dir(rel), syntax: syntax}
		for _, spec := range syntax.Imports {
			p, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			f.imports = append(f.imports, p)
		}
		list = append(list, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 50 {
		t.Fatalf("%d files: that is not the whole module", len(list))
	}
	return list, set
}

// packages is the files by package.
func packages(files []*file) map[string][]*file {
	m := make(map[string][]*file)
	for _, f := range files {
		m[f.pkg] = append(m[f.pkg], f)
	}
	return m
}

// inside reports whether pkg is tree or below it.
func inside(pkg, tree string) bool {
	return pkg == tree || tree != "." && strings.HasPrefix(pkg, tree+"/")
}
