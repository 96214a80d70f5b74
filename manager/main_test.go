package manager_test

import (
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
	multiproctest.Main(m)
}
