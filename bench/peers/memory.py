"""What a manager's server needs for what a stock Python client does to it.

memory.py WORK ADDRESS KEYHEX PID N   of the server at ADDRESS, whose process is PID
memory.py WORK python N               of a server of this Python's own

WORK is connections: prints the KiB for each of N idle connections; or items: the MiB for a dict of N ints by ints. It is resident
memory, before and after.
"""

import multiprocessing
import os
import sys
import time
from multiprocessing.connection import Client
from multiprocessing.managers import SyncManager


def resident(pid):
    with open("/proc/%d/statm" % pid) as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def connections(m, address, key, n):
    return [connection(address, key, i) for i in range(n)]


def connection(address, key, i):
    c = Client(address, authkey=key)
    c.send((None, "accept_connection", ("client-%d" % i,), {}))
    if c.recv() != ("#RETURN", None):
        sys.exit("not accepted")
    return c


def items(m, address, key, n):
    d = m.dict()
    for i in range(0, n, 10_000):
        d.update({k: k for k in range(i, min(n, i + 10_000))})
    if len(d) != n:
        sys.exit("another length")
    return d


def main():
    work, address, *rest, n = sys.argv[1:]
    n = int(n)
    if address == "python":
        key = os.urandom(32)
        server = SyncManager(authkey=key)
        server.start()
        pid, address = server._process.pid, server.address
    else:
        key, pid = bytes.fromhex(rest[0]), int(rest[1])
    multiprocessing.current_process().authkey = key
    m = SyncManager(address, authkey=key)
    m.connect()
    first = m.dict(a=1)
    before = resident(pid)
    kept = {"connections": connections, "items": items}[work](m, address, key, n)
    time.sleep(0.2)
    used = resident(pid) - before
    if first["a"] != 1:
        sys.exit("the server is gone")
    print(used / n / 1024 if work == "connections" else used / (1 << 20))
    del kept


if __name__ == "__main__":
    main()
