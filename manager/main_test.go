package manager_test

import (
	"flag"
	"testing"

	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/multiproctest"
)

// programs are what a test binary is in another process of a test.
var programs = map[string]func() error{
	"memory":      memoryProgram,
	"holder":      holderProgram,
	"waiters":     waitersProgram,
	"flood":       floodProgram,
	"soak":        soakProgram,
	"soak-server": soakServerProgram,
}

func TestMain(m *testing.M) {
	modetest.RunProgram(programs)
	// Those that are parallel wait for Pythons: for how many has little to do with the number of processors. Who gives the flag has the last word.
	if err := flag.Set("test.parallel", "6"); err != nil {
		panic(err)
	}
	multiproctest.Main(m)
}
