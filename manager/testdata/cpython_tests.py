"""CPython's own tests of managers, of this Python's test package, against our server.

    cpython_tests.py ADDRESS KEYHEX [TEST ...]

ADDRESS is a path or host:port. TEST is Class or Class.method as in CPython's _test_multiprocessing, with
WithManager in front for the classes that are made for several kinds; without any, all that need a server. The last line
says how many have run, passed, were skipped, and were refused since they need Python code in the server. The exit code is 3 if this Python has no tests.
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

# The classes whose tests need a server, and of these the tests that run in the client alone, or in a server of their own.
DEFAULT = [
    "WithManagerTestQueue", "WithManagerTestLock", "WithManagerTestSemaphore", "WithManagerTestCondition",
    "WithManagerTestEvent", "WithManagerTestBarrier", "WithManagerTestContainers",
    "TestSyncManagerTypes", "TestManagerExceptions", "TestInitializers",
]
# These need Python code in the server, which has to refuse.
REFUSED = ["WithManagerTestBarrier.test_action", "TestSyncManagerTypes.test_pool"]

ADDRESS, KEY = sys.argv[1], bytes.fromhex(sys.argv[2])
if "/" not in ADDRESS:
    host, port = ADDRESS.rsplit(":", 1)
    ADDRESS = (host, int(port))


class Ours(multiprocessing.managers.SyncManager):
    """A manager whose server runs already: a stock client, with what the tests expect of one that has started it."""

    def __init__(self, *args, **kwargs):
        super().__init__(ADDRESS, authkey=KEY)

    def start(self, initializer=None, initargs=()):
        if initializer is not None and not callable(initializer):
            raise TypeError("initializer must be a callable")
        self.connect()
        if initializer is not None:
            initializer(*initargs)
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
        if not sys.argv[3:] and name not in names:
            continue  # this version does not have it yet
        suite.addTests(loader.loadTestsFromName(name, sys.modules["__main__"]))
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(suite)
    failed = result.failures + result.errors
    refused = [t for t, text in failed if t.id().split(".", 1)[-1] in REFUSED and "runs no Python code" in text]
    bad = len(failed) - len(refused)
    print("ran", result.testsRun, "passed", result.testsRun - len(failed) - len(result.skipped), "skipped", len(result.skipped), "refused", len(refused))
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
