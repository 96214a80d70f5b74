"""A manager of CPython for the client's tests.

    served.py unix PATH | served.py tcp

reads the key as a line of hex, prints the address, and serves until the end of its input.
"""
import array
import os
import sys
import threading
from multiprocessing.managers import AcquirerProxy, DictProxy, ListProxy, SyncManager


class Counter:
    """What a program may register: an object that is nothing of Python's own."""

    def __init__(self, start=0, *, step=1):
        self.n = start
        self.step = step

    def add(self, n=None):
        self.n += self.step if n is None else n
        return self.n

    def state(self):
        return {'n': self.n, 'step': self.step, 'raw': b'\x00\xff', 'parts': (1, 2.5, None, True), 'big': 1 << 80}

    def fail(self, name):
        raise {'key': KeyError('a'), 'value': ValueError('no', 3), 'own': Own('mine')}[name]

    def lock(self):
        return threading.Lock()

    def __repr__(self):
        return 'Counter(%d)' % self.n


class NoLock:
    def acquire(self, blocking=True, timeout=None):
        return None

    def release(self):
        pass


class SlowLock:
    """One that is to be had at the third time."""
    asked = 0

    def acquire(self, blocking=True, timeout=None):
        assert blocking and 0 < timeout < 10
        self.asked += 1
        return self.asked == 3

    def release(self):
        self.asked = None

    def __repr__(self):
        return 'SlowLock, released' if self.asked is None else 'SlowLock, asked %d times' % self.asked


class Own(Exception):
    pass


class Manager(SyncManager):
    pass


shared_dict, shared_list, counter = {'a': 1}, [1, 2], Counter()
Manager.register('Counter', Counter)
Manager.register('NoLock', NoLock, AcquirerProxy)
Manager.register('SlowLock', SlowLock, AcquirerProxy)
Manager.register('the_dict', lambda: shared_dict, DictProxy)
Manager.register('the_list', lambda: shared_list, ListProxy)
Manager.register('the_counter', lambda: counter)


Manager.register('set', set, exposed=('__contains__', '__len__', 'add', 'clear', 'copy', 'difference_update', 'discard',
                                      'intersection_update', 'pop', 'remove', 'update'))  # 3.14 has it


def main():
    key = bytes.fromhex(sys.stdin.readline().strip())
    address = sys.argv[2] if sys.argv[1] == 'unix' else ('127.0.0.1', 0)
    server = Manager(address, key).get_server()
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    where = server.address
    print(where if isinstance(where, str) else '%s:%d' % where, flush=True)
    server.serve_forever()


if __name__ == '__main__':
    main()
