package main

import (
	"fmt"
	"strconv"
	"strings"
)

// threadsOf counts the threads of a process.
func threadsOf(pid int) (int, error) {
	return strconv.Atoi(procField(fmt.Sprintf("/proc/%d/status", pid), "Threads"))
}

// memoryOf is a line of a process's smaps_rollup in MiB: Rss, which counts what is
// shared in full, or Pss, which divides it among those who share it.
func memoryOf(pid int, name string) (float64, error) {
	kib, err := strconv.Atoi(strings.TrimSuffix(procField(fmt.Sprintf("/proc/%d/smaps_rollup", pid), name), " kB"))
	return float64(kib) / 1024, err
}

// availableMiB is how much memory may be used without harm.
func availableMiB() int {
	kib, err := strconv.Atoi(strings.TrimSuffix(procField("/proc/meminfo", "MemAvailable"), " kB"))
	if err != nil {
		return 0
	}
	return kib / 1024
}
