"""CPython's own tests of managers, of this Python's test package, against our server.

    cpython_tests.py ADDRESS KEYHEX [TEST ...]

ADDRESS is a path or host:port. TEST is Class or Class.method as in CPython's _test_multiprocessing, with
WithManager in front for the classes that are made for several kinds; without any, those of the types that the server
has run. The last line says how many have run, passed and were skipped. The exit code is 3 if this Python has no tests.
"""
import multiprocessing
import multiprocessing.managers
import sys
import types
import unittest

try:
    from test import _test_multiprocessing as tests
except ImportError as e:
    print("no tests:", e)
    sys.exit(3)

# What needs a Queue, a lock, a pool or the like comes with those types.
DEFAULT = [
    "WithManagerTestContainers.test_list",
    "WithManagerTestContainers.test_list_iter",
    "WithManagerTestContainers.test_list_proxy_in_list",
    "WithManagerTestContainers.test_dict",
    "WithManagerTestContainers.test_dict_iter",
    "WithManagerTestContainers.test_dict_proxy_nested",
    "WithManagerTestContainers.test_namespace",
    "TestSyncManagerTypes.test_list",
    "TestSyncManagerTypes.test_dict",
    "TestSyncManagerTypes.test_value",
    "TestSyncManagerTypes.test_array",
    "TestSyncManagerTypes.test_namespace",
]

ADDRESS, KEY = sys.argv[1], bytes.fromhex(sys.argv[2])
if "/" not in ADDRESS:
    host, port = ADDRESS.rsplit(":", 1)
    ADDRESS = (host, int(port))


class Ours(multiprocessing.managers.SyncManager):
    """A manager whose server runs already: a stock client, with what the tests expect of one that has started it."""

    def __init__(self, *args, **kwargs):
        super().__init__(ADDRESS, authkey=KEY)

    def start(self, *args, **kwargs):
        self.connect()
        self._process = types.SimpleNamespace(is_alive=lambda: True, join=lambda timeout=None: None, exitcode=0)
        self.shutdown = lambda: None


def manager():
    m = Ours()
    m.start()
    return m


def main():
    multiprocessing.current_process().authkey = KEY
    multiprocessing.Manager = manager
    multiprocessing.managers.SyncManager = Ours
    names = {"__name__": "__main__"}
    tests.install_tests_in_module_dict(names, "fork")
    globals().update(names)
    names["TestSyncManagerTypes"].manager_class = Ours
    loader = unittest.TestLoader()
    suite = unittest.TestSuite()
    selected = sys.argv[3:] or DEFAULT
    for name in selected:
        suite.addTests(loader.loadTestsFromName(name, sys.modules["__main__"]))
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(suite)
    bad = len(result.failures) + len(result.errors)
    print("ran", result.testsRun, "passed", result.testsRun - bad - len(result.skipped), "skipped", len(result.skipped))
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
