"""Stock clients of this Python against our server.

    server_check.py ADDRESS KEYHEX [PART ...]

ADDRESS is a path or host:port. Each part prints its name when it has passed; without names all run.
"""
import array
import copy
import gc
import multiprocessing
import os
import pickle
import queue
import sys
import threading
import time
from multiprocessing.managers import BaseManager, BaseProxy, MakeProxyType, RemoteError, SyncManager, Token


class Manager(SyncManager):
    pass


Manager.register("Counter")
Manager.register("RWLock")
Manager.register("set")  # 3.14 has a proxy of its own


def connect(address=None, key=None):
    m = Manager(address or ADDRESS, authkey=key or KEY)
    m.connect()
    return m


def raises(kind, text, function, *args, **kwargs):
    try:
        result = function(*args, **kwargs)
    except kind as e:
        assert text in str(e), (text, str(e))
        return e
    raise AssertionError("%r instead of %s(%r)" % (result, kind.__name__, text))


def check_dict():
    m = connect()
    d = m.dict({"a": 1}, b=2.5)
    assert d.copy() == {"a": 1, "b": 2.5}
    d["c"] = [1, (2, None), {"x": b"y"}]
    assert d["c"] == [1, (2, None), {"x": b"y"}]
    d["c"].append("lost")
    assert d["c"] == [1, (2, None), {"x": b"y"}]
    d[1] = "int"
    assert d[True] == "int" and d[1.0] == "int" and 1 in d and "1" not in d
    assert len(d) == 4 and list(d.keys()) == ["a", "b", "c", 1]
    assert list(d) == ["a", "b", "c", 1]
    assert str(d) == "{'a': 1, 'b': 2.5, 'c': [1, (2, None), {'x': b'y'}], 1: 'int'}", str(d)
    assert d.pop("c")[0] == 1 and d.get("c") is None and d.get("c", 5) == 5
    assert d.setdefault("d", 7) == 7 and d.setdefault("d", 8) == 7
    raises(KeyError, "zz", d.__getitem__, "zz")
    raises(KeyError, "zz", d.pop, "zz")
    raises(TypeError, "unhashable", d.__setitem__, [], 1)
    d.update([("e", 1)], f=2)
    del d["e"]
    assert d.popitem() == ("f", 2)
    assert d.items() == [("a", 1), ("b", 2.5), (1, "int"), ("d", 7)], d.items()
    assert d.values() == [1, 2.5, "int", 7]
    big = {i: str(i) for i in range(5000)}
    d.clear()
    d.update(big)
    assert d.copy() == big and len(d) == 5000
    it = iter(d)
    next(it)
    d["new"] = 1
    raises(RuntimeError, "changed size", next, it)
    assert copy.deepcopy(m.dict(x=1)) == {"x": 1}
    for value in [2 ** 200, -1, float("inf"), 1j, "\u00e9\U0001f600", "\ud800", b"\0" * 100000, bytearray(b"x"), {1, 2},
                  frozenset([3]), range(3), slice(1, None), array.array("i", [1, 2]), time.struct_time(range(9)), None, Ellipsis, int]:
        d["v"] = value
        assert d["v"] == value and type(d["v"]) is type(value), value
    d["nan"] = float("nan")
    assert d["nan"] != d["nan"]


def check_list():
    m = connect()
    l = m.list(range(10))
    assert l[:] == list(range(10)) and l[-1] == 9 and l[2:8:3] == [2, 5]
    l.append("x")
    l.extend([1, 2])
    l += [3]
    l *= 2
    assert len(l) == 28, len(l)
    del l[10:]
    l.sort(reverse=True)
    assert l[:] == list(range(9, -1, -1))
    l.reverse()
    l.insert(0, None)
    assert l.pop() == 9 and l.pop(0) is None and l.index(3) == 3 and l.count(3) == 1 and 3 in l
    l[0] = "a"
    l[1:3] = ["b"]
    l.remove("a")
    assert list(l) == ["b"] + list(range(3, 9))
    assert l + [1] == ["b", 3, 4, 5, 6, 7, 8, 1]
    assert (l * 2)[7] == "b"
    assert list(reversed(l)) == [8, 7, 6, 5, 4, 3, "b"]
    raises(IndexError, "list index out of range", l.__getitem__, 100)
    raises(ValueError, "not in list", l.remove, 99)
    raises(IndexError, "pop from empty list", m.list().pop)
    raises(TypeError, "not supported between instances of", l.sort)
    assert str(l) == "['b', 3, 4, 5, 6, 7, 8]"
    assert "ListProxy" in repr(l) and "typeid 'list'" in repr(l)


def check_namespace():
    m = connect()
    n = m.Namespace(x=1, _hidden=2)
    n.y = [1]
    assert n.x == 1 and n.y == [1]
    assert str(n) == "Namespace(x=1, y=[1])", str(n)
    del n.x
    assert not hasattr(n, "x")
    raises(AttributeError, "x", lambda: n.x)


def check_value():
    m = connect()
    v = m.Value("i", 4)
    v.value += 1
    assert v.value == 5 and v.get() == 5 and str(v) == "Value('i', 5)", str(v)
    v.set("anything")
    assert v.value == "anything"


def check_array():
    m = connect()
    a = m.Array("i", range(4))
    a[0] = 9
    assert a[0] == 9 and len(a) == 4 and a[1:3] == array.array("i", [1, 2]) and list(a) == [9, 1, 2, 3]
    raises(OverflowError, "", a.__setitem__, 0, 2 ** 40)
    raises(TypeError, "", a.__setitem__, 0, "x")
    raises(IndexError, "", a.__getitem__, 9)
    assert str(a) == "array('i', [9, 1, 2, 3])"


def check_iterator():
    m = connect()
    d = m.dict.fromkeys("abc") if False else m.dict(a=1, b=2, c=3)
    it = iter(d)
    assert next(it) == "a" and list(it) == ["b", "c"]
    raises(StopIteration, "", next, it)
    n = m._number_of_objects()
    for _ in range(20):
        list(d)
    del it
    gc.collect()  # 3.12 has a cycle with the StopIteration that the iterator has raised
    assert m._number_of_objects() <= n + 1, (n, m._number_of_objects())


def check_nested():
    multiprocessing.current_process().authkey = KEY
    m = connect()
    outer, inner = m.list(), m.dict(a=1)
    outer.append(inner)
    outer[0]["a"] = 2
    assert inner["a"] == 2
    ident = inner._token.id
    del inner
    assert outer[0]["a"] == 2 and outer[0]._token.id == ident
    outer.append(outer)
    assert outer[1][1][0]["a"] == 2
    d = m.dict(list=m.list([m.Namespace(x=1)]))
    d["list"][0].x = 5
    assert d["list"][0].x == 5
    d["list"].append(m.Value("d", 1.5))
    assert d["list"][1].value == 1.5
    p = pickle.loads(pickle.dumps(outer))
    assert p[0]["a"] == 2
    assert "DictProxy" in str(outer) and "typeid 'dict'" in str(outer), str(outer)


def in_thread(f, *args):
    """Runs f in a thread, which has a connection of its own, and returns what waits for its result."""
    result = queue.Queue()

    def run():
        try:
            result.put(f(*args))
        except Exception as e:
            result.put(e)

    threading.Thread(target=run, daemon=True).start()
    return lambda: result.get(timeout=60)


def check_queue():
    m = connect()
    for q in (m.Queue(2), m.JoinableQueue(maxsize=2)):
        q.put(1)
        q.put({"a": [1, (2,)]}, True, 1)
        assert q.full() and not q.empty() and q.qsize() == 2
        raises(queue.Full, "", q.put, 3, False)
        raises(queue.Full, "", q.put, 3, timeout=0.01)
        raises(queue.Full, "", q.put_nowait, 3)
        raises(ValueError, "'timeout' must be a non-negative number", q.put, 3, True, -1)
        later = in_thread(q.put, "later")
        assert q.get() == 1 and q.get() == {"a": [1, (2,)]} and later() is None and q.get(timeout=5) == "later"
        raises(queue.Empty, "", q.get_nowait)
        raises(queue.Empty, "", q.get, timeout=0.01)
        later = in_thread(q.join)
        q.task_done()
        q.task_done()
        q.task_done()
        assert later() is None
        raises(ValueError, "task_done() called too many times", q.task_done)
        getters = [in_thread(q.get) for _ in range(3)]
        for i in range(3):
            q.put(i)
        assert sorted(g() for g in getters) == [0, 1, 2]
        assert "queue.Queue" in str(q), str(q)
    if sys.version_info >= (3, 13):
        q.shutdown()
        raises(queue.ShutDown, "", q.get)


def check_locks():
    m = connect()
    lock, event = m.Lock(), m.Event()
    with lock:
        assert not lock.acquire(False) and not lock.acquire(True, 0.01)
        raises(ValueError, "can't specify a timeout for a non-blocking call", lock.acquire, False, 1)
        later = in_thread(lock.acquire)
        assert str(lock).startswith("<locked _thread.lock"), str(lock)
    assert later() is True
    lock.release()  # whoever has acquired it
    raises(RuntimeError, "release unlocked lock", lock.release)
    rlock = m.RLock()
    assert rlock.acquire() and rlock.acquire() and in_thread(rlock.acquire, False)() is False
    rlock.release()
    rlock.release()
    raises(RuntimeError, "cannot release un-acquired lock", rlock.release)
    for s in (m.Semaphore(2), m.BoundedSemaphore(2)):
        assert s.acquire() and s.acquire() and not s.acquire(False) and not s.acquire(True, 0.01)
        later = in_thread(s.acquire)
        s.release()
        assert later() is True
        s.release()
        s.release()
    raises(ValueError, "Semaphore released too many times", s.release)
    assert "value=2/2" in str(s), str(s)
    assert not event.is_set() and event.wait(0.01) is False
    later = in_thread(event.wait)
    event.set()
    assert later() is True and event.wait() is True and event.is_set()
    event.clear()
    assert not event.is_set()


def check_segments():
    from multiprocessing import resource_tracker, shared_memory
    from multiprocessing.managers import SharedMemoryManager, dispatch

    def server(*request):
        conn = manager._Client(manager._address, authkey=manager._authkey)
        try:
            return dispatch(conn, None, *request)
        finally:
            conn.close()

    manager = SharedMemoryManager(ADDRESS, authkey=KEY)
    manager.connect()
    before = set(server("list_segments"))
    block, released = manager.SharedMemory(100), manager.SharedMemory(10)
    sequence = manager.ShareableList([1, "two", 3.5, None, b"5"])
    block.buf[:5] = b"hello"
    assert set(server("list_segments")) - before == {block.name, released.name, sequence.shm.name}
    other = shared_memory.SharedMemory(block.name)
    assert bytes(other.buf[:5]) == b"hello"
    other.close()
    assert list(shared_memory.ShareableList(name=sequence.shm.name)) == [1, "two", 3.5, None, b"5"]
    assert server("track_segment", (block.name,)) is None  # twice is once
    assert server("release_segment", (released.name,)) is None
    raises(FileNotFoundError, released.name, shared_memory.SharedMemory, released.name)
    raises(RemoteError, "x not in list", server, "release_segment", (released.name,))
    raises(RemoteError, "there is no segment", server, "track_segment", ("psm_that_there_is_not",)) if sys.platform == "linux" else None
    for name in ("", ".", "..", "a/b", "../tmp/x", "x" * 300, "nul\0"):
        raises(RemoteError, "is no name of a segment", server, "track_segment", (name,))
    raises(RemoteError, "must be str", server, "track_segment", (1,))
    raises(RemoteError, "argument", server, "list_segments", (1,))
    assert set(server("list_segments")) - before == {block.name, sequence.shm.name}
    for segment in (block, sequence.shm, released):  # they are the server's now, whatever becomes of this process
        resource_tracker.unregister(segment._name, "shared_memory")


def check_condition():
    multiprocessing.current_process().authkey = KEY
    m = connect()
    for c in (m.Condition(), m.Condition(m.Lock()), m.Condition(m.RLock())):
        raises(RuntimeError, "cannot wait on un-acquired lock", c.wait, 1)
        raises(RuntimeError, "cannot notify on un-acquired lock", c.notify)
        state = m.list([0])

        def wait():
            with c:
                return c.wait_for(lambda: state[0] > 0, timeout=60)

        waiters = [in_thread(wait) for _ in range(3)]
        with c:
            assert c.wait(0.01) is False
            state[0] = 1
            c.notify(1)
            c.notify_all()
        assert [w() for w in waiters] == [True] * 3


def check_barrier():
    m = connect()
    b = m.Barrier(3, timeout=60)
    for _ in range(2):
        others = [in_thread(b.wait) for _ in range(2)]
        assert sorted([b.wait()] + [o() for o in others]) == [0, 1, 2]
    assert b.parties == 3 and b.n_waiting == 0 and not b.broken
    other = in_thread(b.wait)
    while b.n_waiting != 1:
        time.sleep(0.001)
    raises(threading.BrokenBarrierError, "", b.wait, 0.01)
    assert isinstance(other(), threading.BrokenBarrierError) and b.broken
    b.reset()
    assert not b.broken
    b.abort()
    raises(threading.BrokenBarrierError, "", b.wait)
    raises(RemoteError, "runs no Python code", m.Barrier, 2, os.getpid)
    raises(RemoteError, "use a multiprocessing.Pool of the client's own", m.Pool, 2)


def check_set():
    m = connect()
    s = m.set([1, 2])
    s.add(3)
    s.update({4}, [5])
    s.discard(9)
    s.remove(5)
    raises(KeyError, "9", s.remove, 9)
    assert s.copy() == {1, 2, 3, 4} and len(s) == 4 and 3 in s and sorted(s) == [1, 2, 3, 4]
    assert s | {7} == {1, 2, 3, 4, 7} and {1, 9} & s == {1} and s - {1} == {2, 3, 4} and s ^ {1} == {2, 3, 4}
    assert s >= {1} and s.issuperset([1]) and not s.isdisjoint([1]) and s <= {1, 2, 3, 4, 5}
    assert s.pop() in {1, 2, 3, 4} and len(s) == 3
    raises(TypeError, "unhashable type: 'list'", s.add, [])


def check_rwlock():
    m = connect()
    lock = m.RWLock()
    assert lock.acquire_read() and in_thread(lock.acquire_read)() and not in_thread(lock.acquire_write, False)()
    lock.release_read()
    while lock.readers():  # the other reader's thread has ended, and its connection ends with it
        gc.collect()
        time.sleep(0.001)
    assert lock.acquire_write() and lock.locked() and not in_thread(lock.acquire_read, True, 0.01)()
    lock.release_write()
    raises(RuntimeError, "cannot release un-acquired lock", lock.release_write)


def check_errors():
    m = connect()
    d = m.dict()
    raises(RemoteError, "KeyError", BaseProxy(Token("dict", ADDRESS, "nothing"), "pickle", authkey=KEY, incref=False)._callmethod, "get", (1,))
    raises(RemoteError, "frobnicate", d._callmethod, "frobnicate")
    raises(RemoteError, "", d._callmethod, "__class__")
    raises(RemoteError, "", m._create, "NoSuchType")
    raises(TypeError, "", d._callmethod, "get", ())
    d["still"] = "here"
    assert d["still"] == "here"
    e = raises(RemoteError, "", d._callmethod, "frobnicate")
    assert ".go" not in str(e), str(e)
    try:
        SyncManager(ADDRESS, authkey=b"wrong").connect()
    except multiprocessing.AuthenticationError:
        pass
    except (EOFError, OSError):
        pass
    else:
        raise AssertionError("connected with the wrong key")


def check_counts():
    m = connect()
    gc.collect()  # what earlier checks have left in cycles
    before = m._number_of_objects()
    things = [m.dict(), m.list(), m.Namespace(), m.Value("i", 1), m.Array("i", [1])]
    assert m._number_of_objects() == before + 5
    info = m._debug_info()
    assert things[0]._token.id in info and "refcount=1" in info, info
    idents = {t._token.id for t in things}
    assert len(idents) == 5
    del things
    assert m._number_of_objects() == before
    things = [m.dict() for _ in range(5)]
    assert not idents & {t._token.id for t in things}, "an ident was used again"


def check_threads():
    m = connect()
    v = m.list()

    def work(n):
        for i in range(50):
            v.append((n, i))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    got = v[:]
    assert len(got) == 400
    for n in range(8):
        assert [i for k, i in got if k == n] == list(range(50))


def check_usertype():
    multiprocessing.current_process().authkey = KEY
    m = connect()
    c = m.Counter(40, 1)
    assert c.echo(m.dict(a=1))["a"] == 1
    assert c.Add(1) == 42 and c.add(1) == 43
    c.add_name("a", "b")
    assert c.names() == (["a", "b"], 2)
    assert c.echo({"a": [1, (2,)]}) == {"a": [1, (2,)]}
    raises(RuntimeError, "it does not work", c.fail, "it does not work")
    raises(KeyError, "k", c.raise_, "KeyError", "k")
    raises(TypeError, "takes 1 argument", c.add)
    raises(TypeError, "keyword", c.add, n=1)
    raises(RemoteError, "panic in Counter.Panic", c.panic)
    raises(RemoteError, "Unserializable", c.channel)
    raises(ValueError, "negative", c.raise_, "ValueError", "negative")
    assert str(c) == "Counter of 43", str(c)
    raises(ValueError, "negative", m.Counter, -1)
    raises(TypeError, "argument 1", m.Counter, "x")
    assert not hasattr(c, "close") and not hasattr(c, "Close")
    assert c.add(0) == 43


def check_counter():
    """The server's own Counter. Needs a server without a user type of that name."""
    m = connect()
    c = m.Counter(40)
    assert c.get() == 40 and c.add() == 41 and c.add(2) == 43 and c.add(n=-3) == 40 and c.sub() == 39 and c.sub(9) == 30
    assert c.set(1 << 100) is None and c.add(1) == (1 << 100) + 1
    assert not c.compare_and_set(5, 6) and c.compare_and_set((1 << 100) + 1, 7) and c.get() == 7
    assert str(c) == "Counter(7)" and m.Counter().get() == 0, str(c)
    raises(TypeError, "", c.add, "x")
    raises(TypeError, "", c.add, 1.5)
    threads = [in_thread(lambda: [c.add(1) for _ in range(50)]) for _ in range(4)]
    for wait in threads:
        assert isinstance(wait(), list)
    assert c.get() == 207


def child(d, l, c, n):
    d["child %d" % n] = os.getpid()
    l.append(n)
    c.add(1)
    d["nested"].append(n)
    d["mine %d" % n] = "kept"


def children(method):
    multiprocessing.current_process().authkey = KEY
    ctx = multiprocessing.get_context(method)
    m = connect()
    d, l, c = m.dict(), m.list(), m.Counter()
    d["nested"] = m.list()
    processes = [ctx.Process(target=child, args=(d, l, c, n)) for n in range(3)]
    for p in processes:
        p.start()
    for p in processes:
        p.join()
        assert p.exitcode == 0, p.exitcode
    assert sorted(l) == [0, 1, 2] and c.add(0) == 3 and sorted(d["nested"]) == [0, 1, 2]
    assert [d["child %d" % n] for n in range(3)] == [p.pid for p in processes]


def check_fork():
    children("fork")


def check_spawn():
    children("spawn")


def check_forkserver():
    children("forkserver")


def orphan(d):
    time.sleep(0)
    d["child"] = "used it"


def check_spawned_child_keeps():
    """A spawned child counts no reference of its own, but uses what its parent has dropped."""
    multiprocessing.current_process().authkey = KEY
    m = connect()
    d, result = m.dict(), m.dict()
    ctx = multiprocessing.get_context("spawn")
    go = ctx.Event()
    p = ctx.Process(target=late, args=(d, result, go))
    p.start()
    while "ready" not in result:
        time.sleep(0.01)
    del d
    go.set()
    p.join()
    assert p.exitcode == 0 and result["after"] == "alive", result


def late(d, result, go):
    d["x"] = "alive"
    result["ready"] = 1
    go.wait()
    result["after"] = d["x"]


def fill(d, n):
    for i in range(n):
        d[i] = i


def check_pool():
    """Proxies as arguments of tasks."""
    multiprocessing.current_process().authkey = KEY
    m = connect()
    ds = [m.dict() for _ in range(4)]
    with multiprocessing.get_context("fork").Pool(2) as pool:
        pool.starmap(fill, [(d, 20) for d in ds])
    assert [len(d) for d in ds] == [20] * 4


def check_killed_client():
    """What a client that was killed has created is freed."""
    m = connect()
    before = m._number_of_objects()
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            mine = connect()
            things = [mine.dict() for _ in range(10)]
            os.write(w, b"%d" % mine._number_of_objects())
            time.sleep(1000)
        finally:
            os._exit(1)
    assert int(os.read(r, 100)) == before + 10
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    if ":" in sys.argv[1] and "/" not in sys.argv[1]:
        return  # over TCP nobody can tell
    while m._number_of_objects() != before:
        time.sleep(0.01)


def check_killed_server():
    """Needs a server that is killed as soon as "ready" is printed."""
    m = connect()
    d = m.dict(a=1)
    assert d["a"] == 1
    print("ready", flush=True)
    raises((EOFError, ConnectionError), "", lambda: [d["a"] for _ in iter(int, 1)])
    print("told", flush=True)
    raises((EOFError, OSError), "", d.__getitem__, "a")
    raises(OSError, "", m.dict)


CHECKS = {name[6:]: value for name, value in list(globals().items()) if name.startswith("check_")}

if __name__ == "__main__" or __name__ == "__mp_main__":
    ADDRESS = sys.argv[1]
    if "/" not in ADDRESS and not ADDRESS.startswith("@"):
        host, port = ADDRESS.rsplit(":", 1)
        ADDRESS = (host, int(port))
    elif ADDRESS.startswith("@"):
        ADDRESS = "\0" + ADDRESS[1:]
    KEY = bytes.fromhex(sys.argv[2])

if __name__ == "__main__":
    failed = False
    for name in sys.argv[3:] or [n for n in CHECKS if n not in ("killed_server", "counter")]:
        try:
            CHECKS[name]()
        except BaseException:
            import traceback
            print("FAILED", name, flush=True)
            traceback.print_exc()
            failed = True
        else:
            print("passed", name, flush=True)
    sys.exit(failed)
