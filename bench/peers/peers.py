"""What CPython's multiprocessing does on the same machine. Each command prints one number per sample, in nanoseconds.

peers.py start spawn|forkserver|fork N   start and join a process with an empty function
peers.py pair MS                         acquire and release of a Lock, nobody else there
peers.py hammer PROCESSES MS             the same, by several processes at once, around an increment
peers.py meet event|cond|barrier PROCESSES N   from one that wakes to the run of the other, in turn; or a round of a barrier
peers.py map N CHUNK                     Pool.map of a function that returns its argument, per task; 0 is Pool's own choice of chunks
peers.py apply N                         Pool.apply of it, per task
"""

import multiprocessing
import os
import sys
import time


def nothing():
    pass


def start(method, n):
    context = multiprocessing.get_context(method)
    for i in range(n + 1):
        begin = time.monotonic_ns()
        process = context.Process(target=nothing)
        process.start()
        process.join()
        if process.exitcode != 0:
            sys.exit(f"exit code {process.exitcode}")
        if i > 0:  # the first one starts the fork server too
            print(time.monotonic_ns() - begin, flush=True)


def pair(ms):
    lock = multiprocessing.Lock()
    begin, ops = time.monotonic_ns(), 0
    while time.monotonic_ns() - begin < ms * 1_000_000:
        for _ in range(1000):
            with lock:
                pass
        ops += 1000
    print((time.monotonic_ns() - begin) / ops)


def hammer_body(lock, counter, ready, begin, stop, ops):
    ready.release()
    begin.wait()
    n = 0
    while not stop.value:
        with lock:
            counter.value += 1
        n += 1
    with ops.get_lock():
        ops.value += n


def hammer(processes, ms):
    lock, ready, begin = multiprocessing.Lock(), multiprocessing.Semaphore(0), multiprocessing.Event()
    counter, stop = multiprocessing.RawValue("q", 0), multiprocessing.RawValue("b", 0)
    ops = multiprocessing.Value("q", 0)
    children = [multiprocessing.Process(target=hammer_body, args=(lock, counter, ready, begin, stop, ops), daemon=True)
                for _ in range(processes)]
    for child in children:
        child.start()
    for _ in children:
        ready.acquire()
    started = time.monotonic_ns()
    begin.set()
    time.sleep(ms / 1000)
    stop.value = 1
    ended = time.monotonic_ns()
    for child in children:
        child.join()
    if counter.value != ops.value:
        sys.exit(f"{ops.value} increments, counted {counter.value}")
    print((ended - started) / ops.value)


def meet_rounds(what, i, n, events, conds, turn, barrier):
    cpus = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cpus[i % len(cpus)]})

    def give():
        if what == "event":
            events[1 - i].set()
            return
        with conds[1 - i]:
            turn.value = 1 - i
            conds[1 - i].notify()

    def take():
        if what == "event":
            events[i].wait()
            events[i].clear()
            return
        with conds[i]:
            conds[i].wait_for(lambda: turn.value == i)

    barrier.wait()
    begin = time.monotonic_ns()
    for _ in range(n):
        if what == "barrier":
            barrier.wait()
        elif i == 0:
            give()
            take()
        else:
            take()
            give()
    took = time.monotonic_ns() - begin
    if i == 0:
        print(took / (n if what == "barrier" else 2 * n), flush=True)


def meet(what, processes, n):
    lock = multiprocessing.Lock()
    events = [multiprocessing.Event() for _ in range(2)]
    conds = [multiprocessing.Condition(lock) for _ in range(2)]
    turn, barrier = multiprocessing.RawValue("i", 2), multiprocessing.Barrier(processes)
    children = [multiprocessing.Process(target=meet_rounds, args=(what, i, n, events, conds, turn, barrier), daemon=True)
                for i in range(processes)]
    for child in children:
        child.start()
    for child in children:
        child.join()
        if child.exitcode != 0:
            sys.exit(f"exit code {child.exitcode}")
def same(x):
    return x


def map_all(n, chunk):
    with multiprocessing.Pool(2) as pool:
        pool.map(same, range(10))
        begin = time.monotonic_ns()
        results = pool.map(same, range(n), chunksize=chunk or None)
        took = time.monotonic_ns() - begin
    if results != list(range(n)):
        sys.exit("wrong results")
    print(took / n)


def apply_each(n):
    with multiprocessing.Pool(2) as pool:
        pool.apply(same, (0,))
        begin = time.monotonic_ns()
        for i in range(n):
            if pool.apply(same, (i,)) != i:
                sys.exit("wrong result")
        print((time.monotonic_ns() - begin) / n)


if __name__ == "__main__":
    command, *args = sys.argv[1:]
    {
        "start": start, "pair": pair, "hammer": hammer, "meet": meet, "map": map_all, "apply": apply_each,
    }[command](*(int(a) if a.isdigit() else a for a in args))
