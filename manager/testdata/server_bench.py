"""Drive a manager's server with dict set and get from stock proxies, and say what that cost the server.

    server_bench.py python KEYHEX OPERATIONS CLIENTS        CPython's own server, of this Python
    server_bench.py PID:ADDRESS KEYHEX OPERATIONS CLIENTS   the process PID at ADDRESS: a path, or host:port

Prints one line of JSON: seconds, operations per second, and the server's user and system
microseconds per operation, by /proc/PID/stat.
"""
import json
import multiprocessing
import os
import sys
import time
from multiprocessing.managers import SyncManager


def cpu(pid):
    with open("/proc/%d/stat" % pid) as f:
        fields = f.read().rsplit(")", 1)[1].split()
    tick = os.sysconf("SC_CLK_TCK")
    return int(fields[11]) / tick, int(fields[12]) / tick


def client(address, key, count, ready, go):
    multiprocessing.current_process().authkey = key
    m = SyncManager(address, authkey=key)
    m.connect()
    d = m.dict()
    work(d, 200)
    ready.release()
    go.acquire()
    work(d, count)


def work(d, count):
    for i in range(count // 2):
        d["key"] = i
        assert d["key"] == i


def main():
    where, key, count, clients = sys.argv[1], bytes.fromhex(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    multiprocessing.set_start_method("fork")
    multiprocessing.current_process().authkey = key
    if where == "python":
        server = SyncManager(authkey=key)
        server.start()
        pid, address = server._process.pid, server.address
    else:
        pid, address = where.split(":", 1)
        pid = int(pid)
        if "/" not in address:
            host, port = address.rsplit(":", 1)
            address = (host, int(port))
    ready, go = multiprocessing.Semaphore(0), multiprocessing.Semaphore(0)
    processes = [multiprocessing.Process(target=client, args=(address, key, count, ready, go)) for _ in range(clients)]
    for p in processes:
        p.start()
    for _ in processes:
        ready.acquire()
    user, system = cpu(pid)
    start = time.perf_counter()
    for _ in processes:
        go.release()
    for p in processes:
        p.join()
        assert p.exitcode == 0, p.exitcode
    seconds = time.perf_counter() - start
    user2, system2 = cpu(pid)
    n = count * clients
    print(json.dumps({
        "server": "python" if where == "python" else "go",
        "clients": clients,
        "seconds": round(seconds, 3),
        "per_second": round(n / seconds),
        "user_us": round((user2 - user) / n * 1e6, 2),
        "system_us": round((system2 - system) / n * 1e6, 2),
    }))


if __name__ == "__main__":
    main()
