package housetest

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
	"testing"
)

// state is every package variable that may change, with the reason why it must be one.
// A process has one family, one registry of entries and one configuration.
var state = map[string]string{
	"conn.writeBuffers":           "a pool: idle connections keep no write buffer",
	"conn.scratches":              "a pool: messages are encoded into memory that is there",
	"conn.manyBuffers":            "a pool: idle connections keep no write buffer",
	"config":                      "the program's configuration, written once by Init",
	"here":                        "this process as it sees itself",
	"registry":                    "the entries, which package variables declare",
	"internal/crashpoint.hook":    "set by tests alone",
	"internal/entry.means":        "how the root's entries are found from above, provided once by Init",
	"internal/family.own":         "this process's membership",
	"internal/family.tracked":     "in test builds: what was made and not closed",
	"internal/handoff.analyses":   "a cache: what is found out about a type never changes",
	"internal/handoff.sentinels":  "errors that survive the wire, which package variables register",
	"internal/handoff/mark.own":   "the answer to a question that can be asked of the kernel only once",
	"internal/memory.failBacking": "set by tests alone",
	"internal/memory.growing":     "serializes checks of one process; a Memory per process is all there is",
	"internal/pythons.answers":    "a cache: an interpreter's version never changes",
	"internal/race.stand":         "the words that stand for locks before the race detector",
	"internal/sys.hasWaitv":       "asked once: the kernel does not change",
	"internal/handoff.buffers":    "a pool: encoding takes no new buffer each time",
	"queue.scratches":             "a pool: items are copied out of a locked queue into memory that is there",
	"manager.known":               "a process has one pool of connections for a server, however many handles lead there",
	"multiproctest.patience":      "shortened by its own tests",
	"pickle.renamings":            "made of two texts when it is first asked for, and constant",
	"pickle.seeds":                "drawn once: hashes must not be predictable",
	"pickle.structs":              "a cache: what is found out about a type never changes",
	"psync.owners":                "numbers the owners that this process has made, so that no two are alike",
	"shm.typeInfos":               "a cache: what is found out about a type never changes",
}

// constants are variables that nothing writes to: Go has no constants of their types.
var constants = []string{
	"psync.mutexShape", "psync.rwMutexShape", "psync.semaphoreShape", "psync.reentrantShape", "psync.onceShape", "psync.eventShape", "psync.condShape", "psync.barrierShape", "internal/cond.nodeShape", "internal/cond.errCrowded",
	"internal/family.kindNames", "internal/family.crcTable",
	"internal/handoff.refusedTypes", "internal/handoff.ownForms", "internal/handoff.usual", "internal/handoff.encMode", "internal/handoff.decMode",
	"internal/sys.resources",
	"internal/wait.Spins",
	"pool.worker",
	"pickle.commonOps",
	"manager.plain", "manager/internal/state.absent", "manager/internal/state.typecodes",
	"multiproctest.everlasting",
}

// TestPackageState: no variable without a reason. Errors and reflect.Types, by their
// initializers, are constants.
func TestPackageState(t *testing.T) {
	files, set := source(t)
	seen := make(map[string]bool)
	for _, f := range files {
		if isProgram(f) {
			continue
		}
		for _, d := range f.syntax.Decls {
			gen, ok := d.(*ast.GenDecl)
			if !ok || gen.Tok != token.VAR {
				continue
			}
			for _, spec := range gen.Specs {
				v := spec.(*ast.ValueSpec)
				for i, name := range v.Names {
					full := strings.TrimPrefix(f.pkg+"."+name.Name, "..")
					seen[full] = true
					if name.Name == "_" || state[full] != "" || slices.Contains(constants, full) {
						continue
					}
					if i < len(v.Values) && isConstant(name.Name, v.Values[i]) {
						continue
					}
					t.Errorf("%s: package variable %q is not in the lists", at(set, name), full)
				}
			}
		}
	}
	for full := range state {
		if !seen[full] {
			t.Errorf("state lists %q, which is not there", full)
		}
	}
	for _, full := range constants {
		if !seen[full] {
			t.Errorf("constants lists %q, which is not there", full)
		}
	}
}

// isConstant knows errors (made, or another package's under a name of this one) and types.
func isConstant(name string, value ast.Expr) bool {
	if call, ok := value.(*ast.CallExpr); ok {
		fn := call.Fun
		if index, ok := fn.(*ast.IndexExpr); ok {
			fn = index.X
		}
		switch text(fn) {
		case "reflect.TypeFor", "errors.New", "fmt.Errorf", "Because", "handoff.Because", "handoff.Sentinel", "registered":
			return true
		}
		return false
	}
	return strings.HasPrefix(name, "Err") && strings.Contains(text(value), ".Err")
}

// text is an expression of names and dots as it is written.
func text(e ast.Expr) string {
	switch x := e.(type) {
	case *ast.Ident:
		return x.Name
	case *ast.SelectorExpr:
		return text(x.X) + "." + x.Sel.Name
	}
	return ""
}

// TestVariablesAreNotWritten: what is called a constant is one.
func TestVariablesAreNotWritten(t *testing.T) {
	files, set := source(t)
	for _, f := range files {
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			var written []ast.Expr
			switch n := n.(type) {
			case *ast.AssignStmt:
				if n.Tok != token.DEFINE {
					written = n.Lhs
				}
			case *ast.IncDecStmt:
				written = []ast.Expr{n.X}
			}
			for _, e := range written {
				for {
					if index, ok := e.(*ast.IndexExpr); ok {
						e = index.X
						continue
					}
					break
				}
				if name := text(e); name != "" && slices.Contains(constants, f.pkg+"."+name) {
					t.Errorf("%s: writes %s", at(set, e), name)
				}
			}
			return true
		})
	}
}
