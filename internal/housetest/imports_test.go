package housetest

import (
	"go/ast"
	"slices"
	"strings"
	"testing"
)

// floors, from the ground up. A package imports from floors below its own only; those
// on one floor do not know each other.
var floors = [][]string{
	{"internal/sys", "internal/race", "internal/crashpoint", "internal/layout", "internal/pythons", "internal/plain", "pickle"},
	{"internal/memory", "internal/handoff/mark"},
	{"internal/lease"},
	{"internal/wait", "internal/blocked"},
	{"internal/lock"},
	{"internal/arena", "internal/event", "internal/barrier"},
	{"internal/holds"},
	{"internal/rwlock", "internal/sema"},
	{"internal/deadlock"},
	{"internal/family"},
	{"internal/handoff", "internal/cond", "internal/ring"},
	{"internal/entry"},
	{".", "psync"},
	{"shm", "queue", "conn", "manager/internal/wire"},
	{"manager/internal/state"},
	{"manager", "pool"},
	{"internal/modetest"},
	{"multiproctest"},
	{"internal/housetest"},
}

// above are trees of programs, which import what they like and nobody imports.
var above = []string{"examples", "cmd", "bench", "docs", "internal/crashtest"}

// forbidden imports between packages whose floors would allow them.
var forbidden = []struct {
	from, to string
	why      string
}{
	{"shm", ".", "whoever shares memory need not start processes; handoff and family tell a handle all that it must know"},
	{"shm", "psync", "a value's own lock is the word of internal/lock; a guard would be a second truth about who holds it"},
	{"psync", ".", "whoever locks need not start processes"},
	{".", "internal/arena", "the root starts processes; memory is the family's business"},
	{".", "internal/lock", "the root starts processes; locks are the family's business"},
	{".", "internal/memory", "the root passes the arena's file on and does not look into it"},
	{".", "internal/wait", "the root waits for processes, with what the standard library has"},
	{"queue", ".", "whoever passes messages need not start processes"},
	{"queue", "psync", "a queue's locks are the words of internal/lock: what a death leaves is repaired under them, and nobody is told"},
	{"queue", "internal/lock", "the mechanism is internal/ring"},
	{"conn", ".", "whoever passes messages need not start processes; what Select waits for has a method for that"},
	{"conn", "psync", "the same: Select knows a method, not an event"},
	{"conn", "internal/ring", "the same"},
	{"internal/handoff", "internal/arena", "handoff moves handles; what they name it must not know"},
	{"internal/handoff", "internal/lock", "handoff moves handles; what they name it must not know"},
}

// external imports, beside the standard library's, by those who may have them.
var external = []struct {
	prefix string
	pkgs   []string
	why    string
}{
	{"golang.org/x/sys/", []string{"internal/sys"}, "the only raw system calls, behind one neutral face"},
	{"github.com/fxamacker/cbor/v2", []string{"internal/handoff"}, "arguments are CBOR on the wire, and nothing else is"},
}

// standard imports that only some may have.
var standard = []struct {
	path string
	pkgs []string
	why  string
}{
	{"syscall", []string{"internal/sys", ".", "internal/handoff", "conn", "manager"}, "names of signals, errors and wait states: see syscallNames"},
	{"testing", []string{"multiproctest", "internal/modetest", "internal/pythons"}, "helpers of tests; it would define flags in programs"},
	{"os/exec", []string{".", "internal/modetest", "internal/pythons"}, "children are started in one place"},
	{"net", []string{"conn", "manager"}, "it makes children start slower and larger: only who wants connections pays"},
	{"os/user", nil, "the same"},
	{"log", nil, "libraries return errors and give log/slog records to who asks for them"},
	{"plugin", nil, "a child is the same program"},
	{"C", nil, "the project builds without cgo"},
}

// isProgram tells what is above the house.
func isProgram(f *file) bool {
	return slices.ContainsFunc(above, func(tree string) bool { return inside(f.pkg, tree) })
}

func floorOf(pkg string) int {
	return slices.IndexFunc(floors, func(floor []string) bool { return slices.Contains(floor, pkg) })
}

func TestImports(t *testing.T) {
	files, _ := source(t)
	seen := make(map[string]bool)
	for _, f := range files {
		seen[f.pkg] = true
		program := isProgram(f)
		own := floorOf(f.pkg)
		if own < 0 && !program {
			t.Errorf("%s: the package has no floor", f.path)
			continue
		}
		for _, p := range f.imports {
			if to, ours := strings.CutPrefix(p+"/", module+"/"); ours {
				to = strings.TrimSuffix(to, "/")
				if to == "" {
					to = "."
				}
				checkFloor(t, f, own, to, program)
				continue
			}
			if !program {
				checkOutside(t, f, p)
			}
		}
	}
	for _, floor := range floors {
		for _, pkg := range floor {
			if !seen[pkg] {
				t.Errorf("the floors have a package %q that there is not", pkg)
			}
		}
	}
	for _, rule := range forbidden {
		if !seen[rule.from] || !seen[rule.to] {
			t.Errorf("a rule about %q and %q, of which one is not there", rule.from, rule.to)
		}
	}
}

func checkFloor(t *testing.T, f *file, own int, to string, program bool) {
	t.Helper()
	if program {
		if strings.HasPrefix(to, "internal/") && (inside(f.pkg, "examples") || inside(f.pkg, "cmd")) {
			t.Errorf("%s: a program that people read imports %s", f.path, to)
		}
		return
	}
	if below := floorOf(to); below < 0 || below >= own {
		t.Errorf("%s imports %s, which is not on a floor below its own", f.path, to)
	}
	for _, rule := range forbidden {
		if rule.from == f.pkg && rule.to == to {
			t.Errorf("%s imports %s, but %s", f.path, to, rule.why)
		}
	}
}

func checkOutside(t *testing.T, f *file, p string) {
	t.Helper()
	for _, rule := range standard {
		if rule.path == p && !slices.ContainsFunc(rule.pkgs, func(tree string) bool { return inside(f.pkg, tree) }) {
			t.Errorf("%s imports %s: %s", f.path, p, rule.why)
		}
	}
	if first, _, _ := strings.Cut(p, "/"); !strings.Contains(first, ".") {
		return
	}
	for _, rule := range external {
		if strings.HasPrefix(p, rule.prefix) {
			if !slices.Contains(rule.pkgs, f.pkg) {
				t.Errorf("%s imports %s, which is for %v: %s", f.path, p, rule.pkgs, rule.why)
			}
			return
		}
	}
	t.Errorf("%s imports %s: the core depends on nothing but what external lists", f.path, p)
}

// syscallNames are what packages other than internal/sys may name of package syscall,
// by prefix: none of them is a system call.
var syscallNames = map[string]string{
	"SIG":        "signals",
	"Signal":     "signals",
	"Errno":      "errors of the system",
	"E":          "errors of the system",
	"WaitStatus": "how a process ended",
	"Stdin":      "well-known descriptors",
	"Conn":       "an interface; the runtime guards the descriptor behind it",
	"RawConn":    "an interface; the runtime guards the descriptor behind it",
}

func TestSystemCalls(t *testing.T) {
	files, set := source(t)
	for _, f := range files {
		if f.pkg == "internal/sys" || isProgram(f) || !slices.Contains(f.imports, "syscall") {
			continue
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := sel.X.(*ast.Ident); !ok || x.Name != "syscall" {
				return true
			}
			for prefix := range syscallNames {
				if sel.Sel.Name == prefix || strings.HasPrefix(sel.Sel.Name, prefix) && (prefix == "SIG" || prefix == "E" && sel.Sel.Name != "Exec") {
					return true
				}
			}
			t.Errorf("%s: syscall.%s; raw system calls stand in internal/sys", at(set, sel), sel.Sel.Name)
			return true
		})
	}
}

// unsafeFiles may import unsafe although they are not called *_unsafe.go.
var unsafeFiles = map[string]string{
	"internal/sys/":             "what the kernel takes are addresses",
	"internal/race/":            "what the race detector takes are addresses",
	"internal/memory/memory.go": "the floor that turns offsets into addresses, and nothing else",
	"internal/memory/heap.go":   "the same, for Go memory",
	"internal/lease/table.go":   "two tables at fixed offsets, and their sizes",
	"internal/family/ref.go":    "passes the address of a payload on, as unsafe.Pointer, and never looks behind it",
}

func TestUnsafe(t *testing.T) {
	files, set := source(t)
	used := make(map[string]bool)
	for _, f := range files {
		if strings.HasSuffix(f.name(), "_unsafe.go") {
			if !slices.Contains(f.imports, "unsafe") && !hasSafety(f) {
				t.Errorf("%s is called unsafe and has neither the import nor a SAFETY comment", f.path)
			}
			continue
		}
		if !slices.Contains(f.imports, "unsafe") {
			continue
		}
		listed := ""
		for name := range unsafeFiles {
			if f.path == name || strings.HasSuffix(name, "/") && strings.HasPrefix(f.path, name) {
				listed = name
			}
		}
		used[listed] = true
		if listed == "" {
			t.Errorf("%s imports unsafe", at(set, f.syntax.Name))
		}
	}
	for name := range unsafeFiles {
		if !used[name] {
			t.Errorf("unsafeFiles lists %s, which does not import unsafe", name)
		}
	}
}

func hasSafety(f *file) bool {
	return slices.ContainsFunc(f.syntax.Comments, func(g *ast.CommentGroup) bool { return strings.Contains(g.Text(), "SAFETY:") })
}

// TestPointerConversions: who makes a typed pointer of an address says why that is right.
func TestPointerConversions(t *testing.T) {
	files, _ := source(t)
	for _, f := range files {
		if strings.HasSuffix(f.name(), "_unsafe.go") && !hasSafety(f) {
			t.Errorf("%s has no SAFETY comment", f.path)
		}
	}
}
