package housetest

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
	"testing"
)

// selfExplaining methods are known from the standard library: a comment would repeat it.
var selfExplaining = []string{"Error", "Unwrap", "Is", "As", "String", "GoString", "LogValue"}

// explained constants have their words in the doc of a type, as a table of all states.
var explained = map[string]string{
	"internal/layout/lock.go":    "Lock",
	"internal/layout/process.go": "Lease",
}

// TestPackageDocs: each package says what it is, once.
func TestPackageDocs(t *testing.T) {
	files, _ := source(t)
	for pkg, list := range packages(files) {
		var docs []string
		for _, f := range list {
			if f.syntax.Doc == nil {
				continue
			}
			docs = append(docs, f.path)
			want := "Package " + f.syntax.Name.Name + " "
			if f.syntax.Name.Name == "main" {
				want = ""
			}
			if text := f.syntax.Doc.Text(); !strings.HasPrefix(text, want) || len(strings.Fields(text)) < 6 {
				t.Errorf("%s: the package doc begins %.40q, not %q", f.path, text, want)
			}
		}
		if len(docs) != 1 {
			t.Errorf("package %s has %d package docs: %v", pkg, len(docs), docs)
		}
	}
}

// TestExportedDocs: whoever reads the list of exported names is told what each is.
func TestExportedDocs(t *testing.T) {
	files, set := source(t)
	for _, f := range files {
		if isProgram(f) {
			continue
		}
		for _, d := range f.syntax.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if !d.Name.IsExported() || d.Recv != nil && !receiver(d).IsExported() {
					continue
				}
				if d.Recv != nil && slices.Contains(selfExplaining, d.Name.Name) {
					continue
				}
				wantDoc(t, set, d, d.Name.Name, d.Doc)
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					genDoc(t, set, f, d, spec)
				}
			}
		}
	}
}

func genDoc(t *testing.T, set *token.FileSet, f *file, d *ast.GenDecl, spec ast.Spec) {
	t.Helper()
	switch s := spec.(type) {
	case *ast.TypeSpec:
		if s.Name.IsExported() {
			wantDoc(t, set, s, s.Name.Name, s.Doc, d.Doc)
		}
	case *ast.ValueSpec:
		for _, name := range s.Names {
			if prefix := explained[f.path]; prefix != "" && strings.HasPrefix(name.Name, prefix) {
				continue
			}
			// A group's doc speaks for its members, and so does a comment at the line's
			// end or at the first of them.
			if name.IsExported() && s.Doc == nil && s.Comment == nil && d.Doc == nil && !explainedAbove(d, s) {
				t.Errorf("%s: %s has no doc", at(set, s), name.Name)
			}
		}
	}
}

// explainedAbove reports whether a spec before s in its group has a doc.
func explainedAbove(d *ast.GenDecl, s *ast.ValueSpec) bool {
	documented := false
	for _, spec := range d.Specs {
		v := spec.(*ast.ValueSpec)
		documented = documented || v.Doc != nil
		if v == s {
			return documented
		}
	}
	return false
}

// wantDoc checks that one of docs is there and speaks of name.
func wantDoc(t *testing.T, set *token.FileSet, n ast.Node, name string, docs ...*ast.CommentGroup) {
	t.Helper()
	for _, doc := range docs {
		if doc == nil {
			continue
		}
		words := strings.Fields(doc.Text())
		if len(words) >= 3 && slices.ContainsFunc(words[:3], func(w string) bool { return strings.TrimRight(w, ":,") == name }) {
			return
		}
		t.Errorf("%s: the doc of %s does not begin with it: %.40q", at(set, n), name, doc.Text())
		return
	}
	t.Errorf("%s: %s has no doc", at(set, n), name)
}

func receiver(d *ast.FuncDecl) *ast.Ident {
	typ := d.Recv.List[0].Type
	for {
		switch x := typ.(type) {
		case *ast.StarExpr:
			typ = x.X
		case *ast.IndexExpr:
			typ = x.X
		case *ast.IndexListExpr:
			typ = x.X
		case *ast.Ident:
			return x
		default:
			return ast.NewIdent("_")
		}
	}
}
