package family

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/multiproc-go/multiproc/internal/arena"
	"github.com/multiproc-go/multiproc/internal/blocked"
	"github.com/multiproc-go/multiproc/internal/deadlock"
	"github.com/multiproc-go/multiproc/internal/lease"
	"github.com/multiproc-go/multiproc/internal/lock"
	"github.com/multiproc-go/multiproc/internal/memory"
	"github.com/multiproc-go/multiproc/internal/wait"
)

// Mode is what a member is.
type Mode int

const (
	Processes  Mode = iota // a process of its own
	Goroutines             // a goroutine of this process
)

func (m Mode) String() string { return [...]string{"processes", "goroutines"}[m] }

// EnvMode chooses the mode where the program does not: "processes" or "goroutines".
const EnvMode = "MULTIPROC_MODE"

// Config says how a family is made. The zero value is good.
type Config struct {
	Mode       Mode
	ArenaLimit int64 // bytes that may be backed by memory; 0 is the machine's limits only
}

// own is this process's membership.
var own struct {
	member atomic.Pointer[Member]
	logger atomic.Pointer[slog.Logger]
	mu     sync.Mutex // guards what follows, and the making of member
	config *Config
}

// Configure sets what the environment does not. It must come before the first use.
func Configure(c Config) error {
	own.mu.Lock()
	defer own.mu.Unlock()
	if own.member.Load() != nil {
		return ErrConfigured
	}
	if c.Mode == Processes && runtime.GOOS != "linux" {
		return fmt.Errorf("multiproc: processes on %s: %w", runtime.GOOS, errors.ErrUnsupported)
	}
	if c.ArenaLimit < 0 {
		return fmt.Errorf("multiproc: arena limit %d is negative", c.ArenaLimit)
	}
	own.config = &c
	return nil
}

// DefaultMode is the mode that the environment and the system choose.
func DefaultMode() (Mode, error) {
	switch v := os.Getenv(EnvMode); {
	case v == "goroutines", v == "" && runtime.GOOS != "linux":
		return Goroutines, nil
	case v == "", v == "processes" && runtime.GOOS == "linux":
		return Processes, nil
	case v == "processes":
		return 0, fmt.Errorf("multiproc: %s=%s on %s: %w", EnvMode, v, runtime.GOOS, errors.ErrUnsupported)
	default:
		return 0, fmt.Errorf("multiproc: %s=%s: want processes or goroutines", EnvMode, v)
	}
}

// ModeOf is the mode of the family, or that which it is going to have.
func ModeOf() Mode {
	if m := own.member.Load(); m != nil {
		return m.mode
	}
	own.mu.Lock()
	defer own.mu.Unlock()
	c, _ := config()
	return c.Mode
}

// config is the program's choice, else the environment's. It is called with own.mu held.
func config() (Config, error) {
	if own.config != nil {
		return *own.config, nil
	}
	mode, err := DefaultMode()
	return Config{Mode: mode}, err
}

// Current is this process's own membership. The first use makes a new family with
// this process as its root. In a child it is an error before [Join].
func Current() (*Member, error) {
	if m := own.member.Load(); m != nil {
		return m, nil
	}
	own.mu.Lock()
	defer own.mu.Unlock()
	if m := own.member.Load(); m != nil {
		return m, nil
	}
	if isChild() {
		return nil, ErrNotJoined
	}
	m, err := found()
	if err != nil {
		return nil, err // not for good: there may be memory and descriptors later
	}
	own.member.Store(m)
	return m, nil
}

// rootName is what a family's first process is called.
const rootName = "main"

// found makes a new family.
func found() (*Member, error) {
	c, err := config()
	if err != nil {
		return nil, err
	}
	limit := uint64(c.ArenaLimit)
	if c.Mode == Goroutines {
		mem, err := memory.NewHeap(limit)
		if err != nil {
			return nil, err
		}
		m, err := assemble(mem, c.Mode, wait.Local).spawn(0)
		if err == nil {
			m.Describe(rootName, "")
		}
		return m, err
	}
	way, err := wait.ChooseWay()
	if err != nil {
		return nil, err
	}
	mem, err := memory.Create(limit)
	if err != nil {
		return nil, err
	}
	f := assemble(mem, c.Mode, way)
	id, err := f.Table.Reserve(0)
	if err == nil {
		var m *Member
		if m, err = f.enlist(id, 0); err == nil {
			m.Describe(rootName, "")
			return m, nil
		}
	}
	return nil, errors.Join(err, mem.Close())
}

// Family is what all members in this process have in common.
type Family struct {
	lock.Env
	Arena *arena.Arena
	mem   *memory.Memory
	mode  Mode
	way   wait.Way
	root  lease.ID // in goroutine mode

	mu       sync.Mutex // guards children
	children map[lease.ID][]*Member
}

func assemble(mem *memory.Memory, mode Mode, way wait.Way) *Family {
	f := &Family{mem: mem, mode: mode, way: way, children: make(map[lease.ID][]*Member)}
	f.Table = lease.NewTable(mem)
	f.Hub = wait.NewHub(mem, f.Table, way)
	f.Book = blocked.New(mem, f.Table)
	if mode == Processes {
		f.Quiet.Begin(&mem.Header().Quiet)
	}
	f.Arena = arena.New(mem, &f.Env)
	f.Book.MakeRoom = f.makeRoom
	finder := &deadlock.Finder{Env: &f.Env, Arena: f.Arena, Tell: tell}
	f.Book.Look = finder.Look
	return f
}

// enlist makes this process the one that lives in slot id. Its start time may be 0 if it
// is not known.
func (f *Family) enlist(id lease.ID, started uint64) (*Member, error) {
	f.Hub.Join(f.Table, id)
	m := &Member{Family: f, id: id, orphaned: make(chan struct{})}
	err := lease.StartWarden(f.Table, id, started, f.way == wait.Waitv, wait.LastResort(lease.Restlessness), func() { close(m.orphaned) })
	return m, err
}

// Invitation is what a child needs to become a member, beside the arena itself.
type Invitation struct {
	Family  [16]byte
	ID      uint32
	Started uint64 // the child's start time as its parent sees it; 0 if it does not
}

// Join makes this process a member of its parent's family, and takes the
// arena's file over. It returns ErrOrphan if the parent has died or given up.
func Join(inv Invitation, arenaFile *os.File) (*Member, error) {
	own.mu.Lock()
	defer own.mu.Unlock()
	if own.member.Load() != nil {
		return nil, errors.New("multiproc: joined twice")
	}
	way, err := wait.ChooseWay()
	if err != nil {
		return nil, err
	}
	mem, err := memory.Open(arenaFile, inv.Family)
	if err != nil {
		return nil, err
	}
	m, err := assemble(mem, Processes, way).enlist(lease.ID(inv.ID), inv.Started)
	if err != nil {
		return nil, err
	}
	own.member.Store(m)
	return m, nil
}

type memberKey struct{}

// NewContext says that what runs under ctx runs as m.
func NewContext(ctx context.Context, m *Member) context.Context {
	return context.WithValue(ctx, memberKey{}, m)
}

// FromContext is the member that ctx belongs to, or nil.
func FromContext(ctx context.Context) *Member {
	m, _ := ctx.Value(memberKey{}).(*Member)
	return m
}

// Of is the member that ctx belongs to, else this process's own.
func Of(ctx context.Context) (*Member, error) {
	if m := FromContext(ctx); m != nil {
		return m, nil
	}
	return Current()
}
