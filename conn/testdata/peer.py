"""The other end of the tests: CPython's own multiprocessing.connection.

    peer.py serve FAMILY ADDRESS KEY    accept connections until stdin ends, echo their messages
    peer.py dial FAMILY ADDRESS KEY     connect, send messages of many sizes, check their echoes
    peer.py raw FAMILY ADDRESS KEY      connect, send and receive the long form of the header
    peer.py digests FAMILY ADDRESS KEY  connect without a handshake; answer five challenges, deliver five
    peer.py time FAMILY ADDRESS KEY N   connect, print the nanoseconds of N round trips

ADDRESS is host:port, a path, or @name for an abstract socket; KEY is hexadecimal or "none".
Each connection of serve ends with a line on stdout.
"""
import os
import struct
import sys
import threading
import time
from multiprocessing import AuthenticationError, connection

SIZES = [0, 1, 100, 1019, 1020, 1021, 16383, 16384, 16385, 65536, 1 << 20, 5_000_000]


def parse(family, address):
    if family == "AF_INET":
        host, port = address.rsplit(":", 1)
        return host, int(port)
    return "\0" + address[1:] if address.startswith("@") else address


def show(address):
    if isinstance(address, tuple):
        return "%s:%d" % address
    if isinstance(address, bytes):
        address = address.decode()
    return "@" + address[1:] if address.startswith("\0") else address


def echo(c):
    n = 0
    try:
        while True:
            c.send_bytes(c.recv_bytes())
            n += 1
    except EOFError:
        print("echoed", n, flush=True)


def serve(family, address, key):
    listener = connection.Listener(parse(family, address) if address else None, family, backlog=16, authkey=key)
    print(show(listener.address), flush=True)

    def accept():
        while True:
            try:
                c = listener.accept()
            except AuthenticationError as e:
                print("AuthenticationError:", e, flush=True)
            except (EOFError, ConnectionError) as e:
                print(type(e).__name__ + ":", e, flush=True)
            except OSError:
                return  # the listener is closed
            else:
                threading.Thread(target=echo, args=(c,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    sys.stdin.read()
    listener.close()


def dial(c):
    for size in SIZES:
        message = os.urandom(size)
        sender = threading.Thread(target=c.send_bytes, args=(message,))
        sender.start()
        assert c.recv_bytes() == message, size
        sender.join()
    print("ok")


def raw(c):
    for size in [0, 1, 5000, 100_000]:
        message = os.urandom(size)
        data = struct.pack("!iQ", -1, size) + message
        while data:
            data = data[os.write(c.fileno(), data):]
        assert c.recv_bytes() == message, size
    print("ok")


def digests(c, key):
    for name in ["md5", "sha256", "sha384", "sha3_256", "sha3_384"]:
        connection.answer_challenge(c, key)
        connection.deliver_challenge(c, key, *([name] if sys.version_info >= (3, 12) else []))
    print("ok")


def timed(c, n):
    message = b"x" * 60
    for _ in range(200):
        c.send_bytes(message)
        c.recv_bytes()
    times = []
    for _ in range(n):
        start = time.perf_counter_ns()
        c.send_bytes(message)
        c.recv_bytes()
        times.append(time.perf_counter_ns() - start)
    times.sort()
    print(sum(times) // n, times[n // 2], times[n * 99 // 100])


def main():
    action, family, address, key = sys.argv[1:5]
    key = None if key == "none" else bytes.fromhex(key)
    if action == "serve":
        return serve(family, address, key)
    try:
        c = connection.Client(parse(family, address), family, authkey=None if action == "digests" else key)
    except AuthenticationError as e:
        print("AuthenticationError:", e)
        return
    with c:
        if action == "dial":
            dial(c)
        elif action == "raw":
            raw(c)
        elif action == "digests":
            digests(c, key)
        elif action == "time":
            timed(c, int(sys.argv[5]))


main()
