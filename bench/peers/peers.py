"""What CPython's multiprocessing does on the same machine. Each command prints one number per sample, in nanoseconds.

peers.py start spawn|forkserver|fork N   start and join a process with an empty function
peers.py pair MS                         acquire and release of a Lock, nobody else there
peers.py hammer PROCESSES MS             the same, by several processes at once, around an increment
peers.py map N CHUNK                     Pool.map of a function that returns its argument, per task; 0 is Pool's own choice of chunks
peers.py apply N                         Pool.apply of it, per task
"""

import multiprocessing
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
    {"start": start, "pair": pair, "hammer": hammer, "map": map_all, "apply": apply_each}[command](*(int(a) if a.isdigit() else a for a in args))
