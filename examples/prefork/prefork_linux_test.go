package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc/examples/internal/expect"
)

// server is the program, as somebody runs it in a terminal.
type server struct {
	cmd *exec.Cmd
	out *bufio.Reader
	url string
}

func startServer(t *testing.T, mode expect.Mode, args ...string) *server {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := &server{cmd: exec.Command(exe, args...)}
	s.cmd.Env = append(os.Environ(), programEnv+"=1", "MULTIPROC_MODE="+string(mode))
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // as a shell does
	s.cmd.Stderr = os.Stderr
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	watchdog := time.AfterFunc(time.Minute, func() { syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL) })
	t.Cleanup(func() { watchdog.Stop(); syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL) })
	s.out = bufio.NewReader(out)
	line, err := s.out.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(line)
	s.url = fields[len(fields)-1]
	return s
}

// get asks on a connection of its own.
func (s *server) get(t *testing.T, path string) string {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	r, err := (&http.Client{Transport: transport, Timeout: time.Minute}).Get(s.url + path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func (s *server) metric(t *testing.T, pattern string) (sum int) {
	t.Helper()
	for _, m := range regexp.MustCompile(`(?m)^`+pattern+`\{.*\} ([0-9]+)$`).FindAllStringSubmatch(s.get(t, "/metrics"), -1) {
		n, err := strconv.Atoi(m[1])
		if err != nil {
			t.Fatal(err)
		}
		sum += n
	}
	return sum
}

// TestServer: a worker is killed by somebody else, and Ctrl-C ends the whole.
func TestServer(t *testing.T) {
	expect.InBothModes(t, func(t *testing.T, mode expect.Mode) {
		s := startServer(t, mode, "-workers", "2")
		asked := 0
		for range 50 {
			if text := s.get(t, "/tea"); !strings.HasPrefix(text, "Your tea, from worker-") {
				t.Fatal(text)
			}
			asked++
		}
		if mode == expect.Processes {
			text := s.get(t, "/coffee")
			asked++
			var worker string
			var pid int
			if _, err := fmt.Sscanf(text, "Your coffee, from %s (pid %d).", &worker, &pid); err != nil {
				t.Fatal(text, err)
			}
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			for asked++; s.metric(t, "prefork_restarts_total") == 0; asked++ {
				time.Sleep(time.Millisecond)
			}
		}
		asked++
		if n := s.metric(t, "prefork_hits_total"); n != asked {
			t.Errorf("%d hits, and %d were answered", n, asked)
		}
		syscall.Kill(-s.cmd.Process.Pid, syscall.SIGINT)
		rest, err := io.ReadAll(s.out)
		if want := fmt.Sprintf("main: stopping after %d hits\n", asked); string(rest) != want || err != nil {
			t.Errorf("%q, %v, want %q", rest, err, want)
		}
		s.cmd.Wait()
		if code := s.cmd.ProcessState.ExitCode(); code != 130 {
			t.Errorf("exit code %d", code)
		}
	})
}
