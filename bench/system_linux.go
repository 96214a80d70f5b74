package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// affordable are the CPUs that this process was given.
func affordable() ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(os.Getpid(), &set); err != nil {
		return nil, fmt.Errorf("sched_getaffinity: %w", err)
	}
	var cpus []int
	for cpu := range len(set) * 64 {
		if set.IsSet(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	return cpus, nil
}

// pinThread keeps the calling goroutine on its thread, and that on the i-th CPU,
// until the result is called.
func pinThread(i int) (undo func(), err error) {
	cpus, err := affordable()
	if err != nil {
		return nil, err
	}
	runtime.LockOSThread()
	var before, set unix.CPUSet
	set.Set(cpus[i%len(cpus)])
	for _, cpu := range cpus {
		before.Set(cpu)
	}
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		runtime.UnlockOSThread()
		return nil, fmt.Errorf("sched_setaffinity: %w", err)
	}
	return func() {
		if unix.SchedSetaffinity(0, &before) == nil {
			runtime.UnlockOSThread()
		} // else the thread ends with its goroutine
	}, nil
}

// pinProcess keeps all threads of this process, and those to come, on the i-th CPU.
func pinProcess(i int) error {
	cpus, err := affordable()
	if err != nil {
		return err
	}
	var set unix.CPUSet
	set.Set(cpus[i%len(cpus)])
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, task := range tasks {
		tid, err := strconv.Atoi(task.Name())
		if err != nil {
			return err
		}
		if err := unix.SchedSetaffinity(tid, &set); err != nil && err != unix.ESRCH {
			return fmt.Errorf("sched_setaffinity: %w", err)
		}
	}
	return nil
}

// monotonic is a clock that all processes of the machine read alike, in nanoseconds.
func monotonic() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic(err)
	}
	return t.Nano()
}
