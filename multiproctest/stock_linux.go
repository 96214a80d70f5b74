package multiproctest

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"strings"
)

const shmDir = "/dev/shm"

// systemStock is what the kernel knows of this process.
func systemStock() stock {
	var s stock
	s = append(s, children()...)
	s = append(s, descriptors()...)
	s = append(s, mappings()...)
	return append(s, names()...)
}

func children() []finding {
	var list []finding
	files, _ := filepath.Glob("/proc/self/task/*/children") // of each thread those that it started
	for _, file := range files {
		b, _ := os.ReadFile(file) // the thread may have ended; another has its children then
		for _, pid := range strings.Fields(string(b)) {
			command, _ := os.ReadFile("/proc/" + pid + "/cmdline") // nothing, if it has ended
			text := pid + " " + strings.TrimSpace(string(bytes.ReplaceAll(command, []byte{0}, []byte{' '})))
			list = append(list, finding{"child process", pid, text})
		}
	}
	return list
}

func descriptors() []finding {
	var list []finding
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, e := range entries {
		// The one that ReadDir read from is closed by now.
		if target, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil {
			text := e.Name() + " -> " + target
			list = append(list, finding{"descriptor", text, text})
		}
	}
	return list
}

// mappings are those that other processes may share.
func mappings() []finding {
	var list []finding
	f, err := os.Open("/proc/self/maps")
	if err != nil {
		return nil
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if at, rest, _ := strings.Cut(lines.Text(), " "); len(rest) > 4 && rest[3] == 's' {
			list = append(list, finding{"shared mapping", at, lines.Text()})
		}
	}
	return list
}

const nameKind = "name in shared memory"

func names() []finding {
	var list []finding
	entries, _ := os.ReadDir(shmDir)
	for _, e := range entries {
		path := filepath.Join(shmDir, e.Name())
		list = append(list, finding{nameKind, path, path})
	}
	return list
}

// foreign tells names that another process has mapped: they are the business of
// another program, or of another package's tests.
func foreign(f finding) bool {
	if f.kind != nameKind {
		return false
	}
	files, _ := filepath.Glob("/proc/[0-9]*/maps")
	self, _ := os.Readlink("/proc/self")
	for _, file := range files {
		if file == "/proc/"+self+"/maps" {
			continue
		}
		if b, _ := os.ReadFile(file); bytes.Contains(b, []byte(" "+f.key+"\n")) {
			return true
		}
	}
	return false
}
