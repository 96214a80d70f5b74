package manager_test

import (
	"bufio"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/internal/pythons"
	"github.com/multiproc-go/multiproc/manager"
)

// soakServerProgram is a server that tells on each line of its standard input what it has: connections, goroutines, bytes of the heap.
func soakServerProgram() error {
	s, err := manager.NewServer(manager.Options{Authkey: []byte("key"), ReleaseDead: true, Grace: 3 * time.Second})
	if err != nil {
		return err
	}
	fmt.Println(s.Addr())
	go func() {
		for in := bufio.NewScanner(os.Stdin); in.Scan(); {
			runtime.GC() // twice: pools keep things for one
			debug.FreeOSMemory()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			fmt.Println(s.Connections(), s.Kept(), runtime.NumGoroutine(), m.HeapAlloc)
		}
		s.Close()
	}()
	return s.Serve(context.Background())
}

// soakStock is what the server of the soak has.
type soakStock struct{ connections, objects, goroutines, heap int }

// TestSoak has clients of several Pythons and of Go come, go and die for a while, and then looks at what is left. Set MULTIPROC_SOAK_SECONDS for a
// longer run, and MULTIPROC_SOAK_SEED to begin as another did.
func TestSoak(t *testing.T) {
	modetest.NeedProcess(t, "kills some")
	t.Parallel() // it waits for the server's grace most of the time
	seconds, seed := 5, rand.Uint64()
	if testing.Short() {
		seconds = 2
	}
	if n, err := strconv.Atoi(os.Getenv("MULTIPROC_SOAK_SECONDS")); err == nil {
		seconds = n
	}
	if n, err := strconv.ParseUint(os.Getenv("MULTIPROC_SOAK_SEED"), 10, 64); err == nil {
		seed = n
	}
	t.Logf("MULTIPROC_SOAK_SEED=%d", seed)
	server := modetest.Program(t, "soak-server")
	server.Stderr = os.Stderr
	in := must(server.StdinPipe())(t)
	out := bufio.NewReader(must(server.StdoutPipe())(t))
	ok(t, server.Start())
	defer func() {
		in.Close()
		ok(t, server.Wait())
	}()
	line := must(out.ReadString('\n'))(t)
	address := line[:len(line)-1]
	stock := func() (s soakStock) {
		fmt.Fprintln(in, "tell")
		line := must(out.ReadString('\n'))(t)
		must(fmt.Sscan(line, &s.connections, &s.objects, &s.goroutines, &s.heap))(t)
		return s
	}
	soak(t, address, seed, 1) // what is made once, such as the pools of the runtime, is made now
	before := settledStock(t, stock)
	clients := soak(t, address, seed+1, time.Duration(seconds)*time.Second)
	after := settledStock(t, stock)
	t.Logf("%d clients; before %+v, after %+v", clients, before, after)
	const slack = 2 << 20 // of maps that have grown, and what the runtime keeps
	if after.heap > before.heap+slack {
		t.Errorf("the heap has grown from %d to %d bytes", before.heap, after.heap)
	}
	if after.goroutines > before.goroutines {
		t.Errorf("there are %d goroutines more", after.goroutines-before.goroutines)
	}
}

// settledStock waits until nothing is left of the clients.
func settledStock(t *testing.T, stock func() soakStock) (s soakStock) {
	t.Helper()
	for ctx := modetest.Patient(t); ; {
		if s = stock(); s.connections == 0 && s.objects == 0 {
			return s
		}
		if ctx.Err() != nil {
			t.Fatalf("it is left with %+v", s)
		}
		time.Sleep(50 * time.Millisecond) // the collector runs each time
	}
}

// soak runs clients, some at a time, and returns how many there were. With a time of 1 each kind of them runs once.
func soak(t *testing.T, address string, seed uint64, d time.Duration) int {
	ctx, cancel := context.WithTimeout(context.Background(), d+modetest.Watchdog)
	defer cancel()
	c := must(manager.Dial(ctx, "unix", address, manager.DialOptions{Authkey: []byte("key")}))(t)
	defer c.Close()
	s := must(newSoaked(ctx, c))(t)
	interpreters := pythons.Find(8, 9, 10, 11, 12, 13)
	if len(interpreters) == 0 {
		t.Log("NOT RUN with Python: there is none")
	}
	make := func(random *rand.Rand, kind int) *exec.Cmd {
		steps := 5 + random.IntN(60)
		if kind < len(interpreters) {
			args := append([]string{filepath.Join("testdata", "soak.py"), address, hex.EncodeToString([]byte("key")), fmt.Sprint(random.Uint32()), fmt.Sprint(steps)}, s.idents()...)
			cmd := exec.Command(interpreters[kind].Path, args...)
			cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", "PYTHONWARNINGS=ignore")
			return cmd
		}
		handles, err := s.handles()
		if err != nil {
			t.Error(err)
		}
		return modetest.Program(t, "soak", "MULTIPROC_TEST_SOAK="+handles, fmt.Sprintf("MULTIPROC_TEST_SOAK_STEPS=%d %d", random.Uint32(), 10*steps))
	}
	end := time.Now().Add(d)
	var mu sync.Mutex
	var all sync.WaitGroup
	clients := 0
	const together = 4
	for i := range together {
		random := rand.New(rand.NewPCG(seed, uint64(i)))
		all.Go(func() {
			for n := 0; !t.Failed() && (d == 1 && n*together+i <= len(interpreters) || d > 1 && time.Now().Before(end)); n++ {
				kind := n*together + i
				if d > 1 {
					kind = random.IntN(len(interpreters) + max(2, len(interpreters)/2))
				}
				runSoakClient(t, make(random, kind), random, d > 1)
				mu.Lock()
				clients++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return clients
}

// runSoakClient runs a client to its end, or until it is killed.
func runSoakClient(t *testing.T, cmd *exec.Cmd, random *rand.Rand, mayKill bool) {
	r, w, err := os.Pipe()
	fine := func(err error) {
		if err != nil {
			t.Error(err)
		}
	}
	fine(err)
	cmd.Stdout, cmd.Stderr = w, w
	fine(cmd.Start())
	w.Close()
	kill := mayKill && random.IntN(2) == 0
	if kill {
		time.AfterFunc(time.Duration(50+random.IntN(1000))*time.Millisecond, func() { cmd.Process.Kill() })
	}
	said, _ := io.ReadAll(r) // until its children have ended too
	r.Close()
	if err := cmd.Wait(); err != nil && !(kill && cmd.ProcessState.ExitCode() < 0) {
		t.Errorf("%v: %v\n%s", cmd.Args, err, said)
	}
}
