//go:build !linux

package sys

import (
	"errors"
	"os"
	"runtime"
	"sync/atomic"
	"time"
)

func hasWaitv() bool                                          { return false }
func futexWaitv([]Waitv, time.Duration)                       {}
func futexWait(*atomic.Uint32, uint32, uint32, time.Duration) {}
func futexWake(*atomic.Uint32, int, bool) int                 { return 0 }
func futexWakeBits(*atomic.Uint32, uint32)                    {}
func createMemory(string, uint64) (*os.File, error)           { return nil, errors.ErrUnsupported }
func memoryUsage(*os.File) (Usage, error)                     { return Usage{}, errors.ErrUnsupported }
func sizeIsSealed(*os.File) bool                              { return false }
func mapShared(*os.File, uint64) ([]byte, error)              { return nil, errors.ErrUnsupported }
func mapOwn(int) ([]byte, error)                              { return nil, errors.ErrUnsupported }
func unmap([]byte) error                                      { return errors.ErrUnsupported }
func back(*os.File, uint64, uint64) error                     { return errors.ErrUnsupported }
func giveBack(*os.File, uint64, uint64) error                 { return errors.ErrUnsupported }
func headroom() (uint64, bool)                                { return 0, false }
func threadID() int                                           { return 0 }
func watchDeath([]byte, *atomic.Uint32) error                 { return errors.ErrUnsupported }
func statOf(int) (procStat, error)                            { return procStat{}, errors.ErrUnsupported }
func stopped(int, uint64, uint64, bool) bool                  { return false }
func inode(*os.File) (uint64, error)                          { return 0, errors.ErrUnsupported }

func monotonic() uint64   { return uint64(time.Now().UnixNano()) }
func nap(d time.Duration) { time.Sleep(d) }
func yield()              { runtime.Gosched() }

func registerBarrier() error { return errors.ErrUnsupported }
func barrier() bool          { return false }

func procIsOurs() error { return errors.ErrUnsupported }
