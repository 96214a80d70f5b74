"""The queues and pipes of CPython's multiprocessing. Each command prints one number, in nanoseconds.

flow.py simple|queue|pipe ITEM SENDERS RECEIVERS N   N items from some processes to others, per item
flow.py turn ITEM 1 1 N                              an item there and back through two SimpleQueues

ITEM is int, record (a dict), 1KiB, or 1MiB, which is copied from a pattern before it is sent and compared with
it when it has come. With one process of each kind, each is on a CPU of its own.
"""

import multiprocessing
import os
import sys
import time

ITEMS = {
    "int": 7,
    "record": {"ID": 7, "From": "somebody", "Text": "hello, world"},
    "1KiB": bytes(1 << 10),
    "1MiB": (b"multiproc" * ((1 << 20) // 9 + 1))[: 1 << 20],
}


def pin(i):
    cpus = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cpus[i % len(cpus)]})


class Pipe:
    """A Pipe with the methods of a queue, for one process at each end."""

    def __init__(self):
        self.reader, self.writer = multiprocessing.Pipe(duplex=False)
        self.put, self.get = self.writer.send_bytes, self.reader.recv_bytes


def send(q, name, n):
    item = ITEMS[name]
    if name == "1MiB":
        message = bytearray(len(item))
        for _ in range(n):
            message[:] = item
            q.put(message)
        return
    for _ in range(n):
        q.put(item)


def receive(q, name, n):
    item = ITEMS[name]
    if name == "1MiB":
        for i in range(n):
            if q.get() != item:
                sys.exit(f"message {i} is not what was sent")
        return
    for _ in range(n):
        q.get()


def part(body, q, name, n, cpu, barrier, times):
    if cpu >= 0:
        pin(cpu)
    barrier.wait()
    begin = time.monotonic_ns()
    body(q, name, n)
    times.put((begin, time.monotonic_ns()))


def run(bodies, n):
    """Starts the processes, waits for them, and prints the time of the whole per item."""
    barrier, times = multiprocessing.Barrier(len(bodies)), multiprocessing.SimpleQueue()
    children = []
    for i, (body, q, name, share) in enumerate(bodies):
        cpu = i if len(bodies) == 2 else -1
        children.append(multiprocessing.Process(target=part, args=(body, q, name, share, cpu, barrier, times), daemon=True))
    for child in children:
        child.start()
    for child in children:
        child.join()
        if child.exitcode != 0:
            sys.exit(f"exit code {child.exitcode}")
    told = [times.get() for _ in children]
    print((max(end for _, end in told) - min(begin for begin, _ in told)) / n)


def there(q, name, n):
    for _ in range(n):
        q[0].put(ITEMS[name])
        q[1].get()


def back(q, name, n):
    for _ in range(n):
        q[1].put(q[0].get())


def main(how, name, senders, receivers, n):
    if how == "turn":
        ways = [multiprocessing.SimpleQueue() for _ in range(2)]
        run([(there, ways, name, n), (back, ways, name, n)], n)
        return
    q = {"simple": multiprocessing.SimpleQueue, "queue": lambda: multiprocessing.Queue(1024), "pipe": Pipe}[how]()
    run([(send, q, name, n // senders)] * senders + [(receive, q, name, n // receivers)] * receivers, n)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:]))
