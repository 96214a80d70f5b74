package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
)

// describeMachine says on what the numbers were had, a line for each part.
func describeMachine(ctx context.Context) []string {
	cpu := procField("/proc/cpuinfo", "model name")
	if cpu == "" {
		cpu = runtime.GOARCH
	}
	memory := ""
	if kib, err := strconv.Atoi(strings.TrimSuffix(procField("/proc/meminfo", "MemTotal"), " kB")); err == nil {
		memory = fmt.Sprintf(", %d GiB of memory", (kib+1<<19)>>20)
	}
	virtual := ""
	if strings.Contains(procField("/proc/cpuinfo", "flags"), "hypervisor") {
		virtual = ", a virtual machine"
	}
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return []string{
		fmt.Sprintf("%s, %d CPUs%s%s", cpu, runtime.NumCPU(), memory, virtual),
		fmt.Sprintf("%s %s, %s", runtime.GOOS, version().FindString(string(kernel)), runtime.Version()),
		"C: gcc " + versionOf(ctx, "gcc", "-dumpfullversion") + ", glibc " + versionOf(ctx, "getconf", "GNU_LIBC_VERSION"),
		"CPython " + versionOf(ctx, "python3", "--version"),
	}
}

// version finds the part of a version that people use. It is made when it is wanted: children of
// this program have no use for it.
var version = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[0-9]+(\.[0-9]+)+`) })

func versionOf(ctx context.Context, name string, args ...string) string {
	out, err := exec.CommandContext(ctx, name, args...).Output()
	if v := version().FindString(string(out)); err == nil && v != "" {
		return v
	}
	return "(none)"
}

// procField is the value of the first line "name: value" of a file, "" without one.
func procField(file, name string) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
