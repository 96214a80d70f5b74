"""A manager's server and stock Python clients that use an object each.

manager.py WORK ADDRESS KEYHEX PID CLIENTS OPERATIONS   of the server at ADDRESS, whose process is PID
manager.py WORK python         CLIENTS OPERATIONS       of a server of this Python's own

WORK is dict (set and get), queue (put and get) or lock (acquire and release). Each client does as many operations. Prints nanoseconds per operation: of time, of the server's user CPU, and of
all its CPU. CPU times are those of /proc/PID/stat.
"""

import multiprocessing
import os
import sys
import time
from multiprocessing.managers import SyncManager


def cpu(pid):
    with open("/proc/%d/stat" % pid) as f:
        fields = f.read().rsplit(")", 1)[1].split()
    tick = 1e9 / os.sysconf("SC_CLK_TCK")
    return int(fields[11]) * tick, int(fields[12]) * tick


def client(work, address, key, operations, ready, go):
    multiprocessing.current_process().authkey = key
    m = SyncManager(address, authkey=key)
    m.connect()
    make, work = {"dict": (m.dict, of_dict), "queue": (m.Queue, of_queue), "lock": (m.Lock, of_lock)}[work]
    thing = make()
    work(thing, 200)
    ready.release()
    go.acquire()
    work(thing, operations)


def of_dict(d, operations):
    for i in range(operations // 2):
        d["key"] = i
        if d["key"] != i:
            sys.exit("another value")


def of_queue(q, operations):
    for i in range(operations // 2):
        q.put(i)
        if q.get() != i:
            sys.exit("another item")


def of_lock(lock, operations):
    for i in range(operations // 2):
        if not lock.acquire():
            sys.exit("not acquired")
        lock.release()


def main():
    work, address, *rest, clients, operations = sys.argv[1:]
    clients, operations = int(clients), int(operations)
    multiprocessing.set_start_method("fork")
    if address == "python":
        key = os.urandom(32)
        server = SyncManager(authkey=key)
        server.start()
        pid, address = server._process.pid, server.address
    else:
        key, pid = bytes.fromhex(rest[0]), int(rest[1])
    ready, go = multiprocessing.Semaphore(0), multiprocessing.Semaphore(0)
    processes = [multiprocessing.Process(target=client, args=(work, address, key, operations, ready, go)) for _ in range(clients)]
    for p in processes:
        p.start()
    for _ in processes:
        ready.acquire()
    user, system = cpu(pid)
    begin = time.monotonic_ns()
    for _ in processes:
        go.release()
    for p in processes:
        p.join()
    took = time.monotonic_ns() - begin
    user_after, system_after = cpu(pid)
    if any(p.exitcode != 0 for p in processes):
        sys.exit("a client has failed")
    user, system, n = user_after - user, system_after - system, operations * clients
    print(took / n, user / n, (user + system) / n)


if __name__ == "__main__":
    main()
