"""A stock Python client of the soak: uses shared objects, and its own, at random.

    soak.py ADDRESS KEYHEX SEED STEPS [TYPEID=IDENT ...]

It may be killed at any moment. It ends after so many steps; sometimes without any cleaning up.
"""
import gc
import multiprocessing
import os
import queue
import random
import sys
import threading
from multiprocessing import managers
from multiprocessing.managers import SyncManager, Token

ADDRESS, KEY, SEED, STEPS = sys.argv[1], bytes.fromhex(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
IDENTS = dict(arg.split("=") for arg in sys.argv[5:])
CLASSES = {
    "dict": managers.DictProxy, "list": managers.ListProxy, "Queue": managers.AutoProxy, "Lock": managers.AcquirerProxy,
    "RLock": managers.AcquirerProxy, "Condition": managers.ConditionProxy, "Event": managers.EventProxy,
    "Semaphore": managers.AcquirerProxy,
}


def connect():
    multiprocessing.current_process().authkey = KEY
    m = SyncManager(ADDRESS, authkey=KEY)
    m.connect()
    shared = {t: CLASSES[t](Token(t, ADDRESS, ident), "pickle", manager=m, authkey=KEY) for t, ident in IDENTS.items()}
    return m, shared


def of_dict(m, s, r):
    d, key = s["dict"], r.randrange(50)
    d[key] = r.choice([r.random(), "text" * r.randrange(50), [1, (2, None)], {"a": b"b"}, 1 << r.randrange(200)])
    d.get(r.randrange(50))
    d.update({r.randrange(50): i for i in range(r.randrange(10))})
    d.pop(r.randrange(50), None)
    try:
        del d["not there"]
    except KeyError:
        pass
    if r.random() < 0.2 and multiprocessing.parent_process() is None:  # a proxy that was forked cannot, in CPython
        try:
            for _ in d:
                pass
        except RuntimeError:  # it has changed
            pass


def of_nested(m, s, r):
    own = r.choice([m.dict, m.list])()
    s["dict"]["nested-%d" % r.randrange(10)] = own
    s["list"].append(own)
    own.copy() if isinstance(own, managers.DictProxy) else own.append(own)
    taken = s["dict"].get("nested-%d" % r.randrange(10))
    if taken is not None:
        len(taken)
    m.Namespace(x=own)
    m.Value("i", 1).value += 1


def of_list(m, s, r):
    l = s["list"]
    l.append(r.randrange(1000))
    l.extend(range(r.randrange(5)))
    while len(l) > 60:
        try:
            l.pop(0)
        except IndexError:
            break
    len(l[:10])


def of_queue(m, s, r):
    q = s["Queue"]
    try:
        q.put(r.choice([r.random(), "x" * r.randrange(3000), m.list([1])]), timeout=0.01)
    except queue.Full:
        pass
    try:
        q.get(timeout=0.01 * r.random())
    except queue.Empty:
        pass


def of_locks(m, s, r):
    if s["Lock"].acquire(timeout=0.05):
        s["Lock"].release()
    if s["Semaphore"].acquire(timeout=0.05):
        s["Semaphore"].release()
    with s["RLock"]:
        with s["RLock"]:
            pass
    with s["Condition"]:
        s["Condition"].notify(2) if r.random() < 0.5 else s["Condition"].wait(0.01)
    s["Event"].set() if r.random() < 0.5 else s["Event"].clear()
    s["Event"].wait(0.01)


def of_threads(m, s, r):
    threads = [threading.Thread(target=work, args=(m, s, r.random(), 3)) for _ in range(3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


def of_fork(m, s, r):
    p = multiprocessing.get_context("fork").Process(target=work, args=(m, s, r.random(), 3))
    p.start()
    if r.random() < 0.3:
        p.kill()
        p.join()
    else:
        p.join()
        assert p.exitcode == 0, p.exitcode


def work(m, s, seed, steps):
    r = random.Random(seed)
    for _ in range(steps):
        r.choice([of_dict, of_nested, of_list, of_queue, of_locks])(m, s, r)


def main():
    m, s = connect()
    r = random.Random(SEED)
    for _ in range(STEPS):
        r.choice([of_dict, of_nested, of_list, of_queue, of_locks, of_locks, of_threads, of_fork])(m, s, r)
        if r.random() < 0.1:
            gc.collect()
    if r.random() < 0.5:
        os._exit(0)


if __name__ == "__main__":
    main()
