package family

import (
	"flag"
	"fmt"
	"runtime"
	"sort"
	"strings"
	"sync"
)

// tracked remembers, in test builds, where each open block was made.
var tracked = struct {
	sync.Mutex
	blocks map[trackKey]string
}{}

type trackKey struct {
	off uint64
	gen uint32
}

// testBuild tells a test binary by a flag that only package testing defines.
func testBuild() bool { return flag.Lookup("test.v") != nil }

func track(r Ref, s Shape) {
	if !testBuild() {
		return
	}
	var pcs [12]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs[:])])
	var b strings.Builder
	fmt.Fprintf(&b, "%s of %d bytes, made at", kindNames[s.Kind], s.Bytes)
	for f, more := frames.Next(); more; f, more = frames.Next() {
		fmt.Fprintf(&b, "\n\t%s\n\t\t%s:%d", f.Function, f.File, f.Line)
	}
	tracked.Lock()
	defer tracked.Unlock()
	if tracked.blocks == nil {
		tracked.blocks = make(map[trackKey]string)
	}
	tracked.blocks[trackKey{r.Off, r.Gen}] = b.String()
}

func untrack(r Ref) {
	if !testBuild() {
		return
	}
	tracked.Lock()
	defer tracked.Unlock()
	delete(tracked.blocks, trackKey{r.Off, r.Gen})
}

// Unclosed tells, in test builds, what this process has made that nobody has closed,
// with the stack that made it.
func Unclosed() []string {
	m := own.member.Load()
	if m == nil {
		return nil
	}
	tracked.Lock()
	defer tracked.Unlock()
	var list []string
	for k, where := range tracked.blocks {
		if m.Arena.Block(k.off).Generation.Load() == k.gen { // else another process closed it
			list = append(list, where)
		}
	}
	sort.Strings(list)
	return list
}
