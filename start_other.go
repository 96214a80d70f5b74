//go:build !linux

package multiproc

import (
	"context"

	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/handoff"
)

const haveProcesses = false

func startProcess(context.Context, *Process, Task, *family.Member, handoff.Payload) error {
	return errNoProcesses()
}

func beChild() {}
