"""pickles.py decode|encode MS: nanoseconds of C _pickle for a request to a manager, d["a"], and its reply, 1."""

import pickle
import sys
import time

REQUEST = pickle.dumps(("7f00abcdef01", "__getitem__", ("a",), {}), 4)
assert len(REQUEST) == 52

command, ms = sys.argv[1], int(sys.argv[2])


def decode():
    loads, request = pickle.loads, REQUEST
    for _ in range(1000):
        loads(request)


def encode():
    dumps = pickle.dumps
    for _ in range(1000):
        dumps(("#RETURN", 1), 4)


work, n, begin = {"decode": decode, "encode": encode}[command], 0, time.monotonic_ns()
while time.monotonic_ns() - begin < ms * 1_000_000:
    work()
    n += 1000
print((time.monotonic_ns() - begin) / n)
