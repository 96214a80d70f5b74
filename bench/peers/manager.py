"""A manager's server and stock Python clients that set and get items of a dict.

manager.py ADDRESS KEYHEX PID CLIENTS OPERATIONS   of the server at ADDRESS, whose process is PID
manager.py python         CLIENTS OPERATIONS       of a server of this Python's own

Each client has a dict and does as many operations. Prints nanoseconds per operation: of time, of the server's user CPU, and of
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


def client(address, key, operations, ready, go):
    multiprocessing.current_process().authkey = key
    m = SyncManager(address, authkey=key)
    m.connect()
    d = m.dict()
    work(d, 200)
    ready.release()
    go.acquire()
    work(d, operations)


def work(d, operations):
    for i in range(operations // 2):
        d["key"] = i
        if d["key"] != i:
            sys.exit("another value")


def main():
    address, *rest, clients, operations = sys.argv[1:]
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
    processes = [multiprocessing.Process(target=client, args=(address, key, operations, ready, go)) for _ in range(clients)]
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
