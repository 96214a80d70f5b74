"""Prints every public name of CPython's multiprocessing, one to a line, without the leading "multiprocessing.".

Public is: what `__all__` of the package and of each of its submodules lists, and the public attributes of these classes
and of the objects that these functions return. An object that is reachable by two names (`Lock` and `synchronize.Lock`)
has its attributes listed under the first. No process is started.
"""
import importlib
import inspect
import multiprocessing
import pkgutil
import sys
import types

# Names of Windows only; importing these modules fails elsewhere.
WINDOWS = {'popen_spawn_win32': ['Popen']}

# Classes that are in no `__all__` but whose objects the public functions return.
RETURNED = {
    'connection': ['Connection'],
    'managers': ['Server', 'Namespace', 'Value', 'Array', 'IteratorProxy', 'AcquirerProxy', 'ConditionProxy', 'EventProxy',
                 'BarrierProxy', 'NamespaceProxy', 'ValueProxy', 'ListProxy', 'DictProxy', 'ArrayProxy', 'PoolProxy',
                 'RemoteError', 'AutoProxy', 'MakeProxyType', 'RebuildProxy'],
    'pool': ['AsyncResult', 'MapResult', 'IMapIterator', 'IMapUnorderedIterator', 'MaybeEncodingError'],
    'sharedctypes': ['SynchronizedString'],
}

# Attributes that exist only after a call that would start a process.
RUNTIME = ['managers.BaseManager.shutdown']

names = set(RUNTIME)
walked = set()


def attributes(prefix, cls, instance=None):
    """Adds the public attributes of cls, and of one object of it, under prefix."""
    if cls in walked or cls.__module__ == 'builtins' or issubclass(cls, type):
        return
    walked.add(cls)
    found = set(vars(instance)) if hasattr(instance, '__dict__') else set()
    for base in cls.__mro__:
        if base.__module__ != 'builtins':
            found |= set(vars(base))
    for name in found:
        if not name.startswith('_'):
            names.add(f'{prefix}.{name}')


def package():
    for name in multiprocessing.__all__:
        names.add(name)
    made = {
        'Process': lambda: multiprocessing.Process(),
        'Lock': lambda: multiprocessing.Lock(),
        'RLock': lambda: multiprocessing.RLock(),
        'Semaphore': lambda: multiprocessing.Semaphore(),
        'BoundedSemaphore': lambda: multiprocessing.BoundedSemaphore(),
        'Condition': lambda: multiprocessing.Condition(),
        'Event': lambda: multiprocessing.Event(),
        'Barrier': lambda: multiprocessing.Barrier(2),
        'Queue': lambda: multiprocessing.Queue(),
        'JoinableQueue': lambda: multiprocessing.JoinableQueue(),
        'SimpleQueue': lambda: multiprocessing.SimpleQueue(),
        'Value': lambda: multiprocessing.Value('i'),
        'Array': lambda: multiprocessing.Array('i', 1),
    }
    for name, make in made.items():
        instance = make()
        attributes(name, type(instance), instance)
    from multiprocessing.pool import Pool
    attributes('Pool', Pool)


def submodule(path):
    short = path.removeprefix('multiprocessing.')
    module = importlib.import_module(path)
    public = list(getattr(module, '__all__', ())) + RETURNED.get(short, [])
    for name in public:
        names.add(f'{short}.{name}')
        thing = getattr(module, name)
        if inspect.isclass(thing):
            attributes(f'{short}.{name}', thing)


def main():
    package()
    found = pkgutil.walk_packages(multiprocessing.__path__, 'multiprocessing.')
    for path in sorted(info.name for info in found):
        short = path.removeprefix('multiprocessing.')
        if short in WINDOWS and sys.platform != 'win32':
            names.update(f'{short}.{name}' for name in WINDOWS[short])
        else:
            submodule(path)
    for name in sorted(names):
        print(name)


if __name__ == '__main__':
    main()
