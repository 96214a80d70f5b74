"""Round trips through CPython's multiprocessing.Pipe, between two processes. It prints one number, in nanoseconds a trip.

pipes.py int N        a number there, and one back
pipes.py bytes SIZE N so many bytes there, and a number back
"""

import multiprocessing
import sys
import time


def answer(conn, n):
    for _ in range(n):
        conn.send(conn.recv())


def swallow(conn, n):
    for _ in range(n):
        conn.send(len(conn.recv_bytes()))


if __name__ == "__main__":
    what, *args = sys.argv[1:]
    args = [int(a) for a in args]
    size, n = args[0] if what == "bytes" else 0, args[-1]
    warm = max(n // 10, 1)
    ours, theirs = multiprocessing.Pipe()
    target = swallow if what == "bytes" else answer
    process = multiprocessing.Process(target=target, args=(theirs, warm + n))
    process.start()
    data = bytes(size)
    for i in range(warm + n):
        if i == warm:
            begin = time.monotonic_ns()
        if what == "bytes":
            ours.send_bytes(data)
        else:
            ours.send(i)
        ours.recv()
    print((time.monotonic_ns() - begin) / n)
    process.join()
