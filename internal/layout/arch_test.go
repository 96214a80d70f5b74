package layout

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestGoldenElsewhere computes every size and offset as the compiler does for other
// architectures, from the source. Those of 32 bits cannot run processes, but their
// compiler aligns differently, and so shows what is not aligned by itself.
func TestGoldenElsewhere(t *testing.T) {
	golden, err := os.ReadFile("testdata/layout.golden")
	if err != nil {
		t.Fatal(err)
	}
	want := withoutTypes(string(golden))
	for _, arch := range []string{"amd64", "arm64", "riscv64", "ppc64le", "s390x", "loong64", "386", "arm"} {
		sizes := types.SizesFor("gc", arch)
		if sizes == nil {
			t.Errorf("%s: unknown to go/types", arch)
			continue
		}
		if got := describeFor(t, sizes); got != want {
			t.Errorf("%s has another layout:\n%s", arch, difference(got, want))
		}
	}
}

// withoutTypes drops the header line and each field's type, which go/types and reflect
// spell differently.
func withoutTypes(golden string) string {
	var b strings.Builder
	for i, line := range strings.Split(strings.TrimSpace(golden), "\n") {
		fields := strings.Fields(line)
		switch {
		case i == 0:
		case strings.HasPrefix(line, "\t"):
			fmt.Fprintf(&b, "\t%s\n", strings.Join(fields[:3], " "))
		default:
			fmt.Fprintln(&b, line)
		}
	}
	return b.String()
}

// describeFor is describe without types, for another compiler's sizes.
func describeFor(t *testing.T, sizes types.Sizes) string {
	t.Helper()
	set := token.NewFileSet()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	config := types.Config{Importer: importer.ForCompiler(set, "source", nil), Sizes: sizes}
	pkg, err := config.Check("layout", set, files, nil)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, typ := range structs() {
		s := pkg.Scope().Lookup(typ.Name()).Type().Underlying().(*types.Struct)
		fields := make([]*types.Var, s.NumFields())
		for i := range fields {
			fields[i] = s.Field(i)
		}
		fmt.Fprintf(&b, "%s %d\n", typ.Name(), sizes.Sizeof(s))
		for i, off := range sizes.Offsetsof(fields) {
			fmt.Fprintf(&b, "\t%s %d %d\n", fields[i].Name(), off, sizes.Sizeof(fields[i].Type()))
		}
	}
	return b.String()
}

func difference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	var b strings.Builder
	for i := range max(len(g), len(w)) {
		var x, y string
		if i < len(g) {
			x = g[i]
		}
		if i < len(w) {
			y = w[i]
		}
		if x != y {
			fmt.Fprintf(&b, "line %d: %q, want %q\n", i+1, x, y)
		}
	}
	return b.String()
}

// TestEveryStructIsListed: what is declared here and not in structs would be in
// no golden file and in no signature.
func TestEveryStructIsListed(t *testing.T) {
	listed := make(map[string]bool)
	for _, typ := range structs() {
		listed[typ.Name()] = true
	}
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok {
				if _, ok := spec.Type.(*ast.StructType); ok && !listed[spec.Name.Name] {
					t.Errorf("%s: %s is not in structs", name, spec.Name.Name)
				}
			}
			return true
		})
	}
}
