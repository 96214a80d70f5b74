"""What becomes of what a client had in hand when it was killed: the same on CPython's server and on ours.

    ghosts.py ADDRESS KEYHEX     on our server
    ghosts.py                    on CPython's own

Each line of the output is a name and yes or no: whether the others can go on as if the dead had never been.
"""
import multiprocessing
import os
import queue
import signal
import sys
import time
from multiprocessing.managers import SyncManager

PATIENCE = 1.0  # how long a thing that should happen at once is awaited


def main():
    ours = len(sys.argv) > 2
    if ours:
        key = bytes.fromhex(sys.argv[2])
        multiprocessing.current_process().authkey = key
        manager = SyncManager(sys.argv[1], authkey=key)
        manager.connect()
    else:
        manager = SyncManager()
        manager.start()

    # It keeps our connection open: CPython's server tells clients apart by the ident of a thread, which is used again.
    anchor = manager.dict()
    len(anchor)

    def client(do, then=None):
        """A process that does something, says so, and is killed; with then, while it does that."""
        ready, w = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                from multiprocessing import util
                util._run_after_forkers()  # connections of its own, as a child of multiprocessing has
                do()
                os.write(w, b"1")
                if then is None:
                    time.sleep(1000)
                then()
            finally:
                os._exit(1)
        os.close(w)
        os.read(ready, 1)
        os.close(ready)
        return pid

    def kill(pid):
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)

    def waits(pid):
        """Until the client sleeps in a read: its request is with the server by then."""
        while True:
            with open("/proc/%d/stat" % pid) as f:
                if f.read().rsplit(")", 1)[1].split()[0] == "S":
                    break
        time.sleep(0.2)

    def get():
        q = manager.Queue()
        pid = client(q.qsize, q.get)
        waits(pid)
        kill(pid)
        time.sleep(0.1)
        q.put("item")
        time.sleep(0.1)
        try:
            return q.get(timeout=PATIENCE) == "item"
        except queue.Empty:
            return False

    def unread():
        """The item is on its way to a client that is stopped, and then killed."""
        q = manager.Queue()
        pid = client(q.qsize, q.get)
        waits(pid)
        os.kill(pid, signal.SIGSTOP)
        q.put("item")
        q.put("second")
        time.sleep(0.1)
        kill(pid)
        time.sleep(0.1)  # until the server has heard of it, the second is the first
        try:
            return q.get(timeout=PATIENCE) == "item" and q.get(timeout=PATIENCE) == "second"
        except queue.Empty:
            return False

    def acquire():
        lock = manager.Lock()
        lock.acquire()
        other = manager.Event()
        pid = client(other.is_set, lock.acquire)
        waits(pid)
        kill(pid)
        time.sleep(0.1)
        lock.release()
        time.sleep(0.1)  # a ghost needs a moment to take it
        return lock.acquire(True, PATIENCE)

    def rlock():
        lock = manager.RLock()
        kill(client(lock.acquire))
        return lock.acquire(True, PATIENCE)

    def condition():
        lock = manager.Condition()
        kill(client(lock.acquire))
        return lock.acquire(True, PATIENCE)

    def gone(before):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if manager._number_of_objects() <= before:
                return True
            time.sleep(0.02)
        return False

    def refcounts():
        before = manager._number_of_objects()
        kill(client(lambda: setattr(main, "kept", [manager.dict() for _ in range(5)])))
        return gone(before)

    def nested():
        """What was nested once goes with what it was in."""
        outer, inner = manager.list(), manager.list()
        outer.append(inner)
        token, probe = inner._token, type(inner)
        del inner
        outer.pop()
        del outer
        from multiprocessing.managers import RemoteError
        proxy = probe(token, "pickle", authkey=manager._authkey, incref=False)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            time.sleep(0.3)  # each use of it is one more grace
            try:
                len(proxy)
            except RemoteError:
                return True
        return False

    def in_flight():
        """A proxy that is pickled, and dropped before it is unpickled."""
        import pickle
        old, multiprocessing.current_process().authkey = multiprocessing.current_process().authkey, bytes(manager._authkey)
        d = manager.dict(a=1)
        data = pickle.dumps(d)
        del d
        try:
            return pickle.loads(data)["a"] == 1
        except Exception:
            return False
        finally:
            multiprocessing.current_process().authkey = old

    def spawned():
        """A spawned child uses what its parent has dropped."""
        ctx = multiprocessing.get_context("spawn")
        d, result, go = manager.dict(x="alive"), manager.dict(), ctx.Event()
        p = ctx.Process(target=late, args=(d, result, go))
        p.start()
        while "ready" not in result:
            time.sleep(0.01)
        del d
        go.set()
        p.join()
        return result.get("after") == "alive"

    for check in [get, unread, acquire, rlock, condition, refcounts, nested, in_flight, spawned]:
        print(check.__name__, "yes" if check() else "no", flush=True)
    if not ours:
        manager.shutdown()


def late(d, result, go):
    try:
        d["x"]
        result["ready"] = 1
        go.wait()
        result["after"] = d["x"]
    except Exception as e:
        result["after"] = repr(e)


if __name__ == "__main__":
    main()
