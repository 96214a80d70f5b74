"""Does to local objects what CPython's manager server does to shared ones.

Each line of the input is the pickle, in hex, of ('new', typeid, args, kwargs) or of (number, method, args, kwargs), where
objects are numbered as they come. Each line of the output is the pickle of the server's reply, in hex.
"""
import io
import pickle
import queue
import resource
import sys
import threading
import warnings
from multiprocessing import managers
from multiprocessing.reduction import ForkingPickler

warnings.simplefilter('ignore')
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))  # what is too large shall fail here too

registry = {'list': list, 'dict': dict, 'Namespace': managers.Namespace, 'Value': managers.Value, 'Array': managers.Array, 'set': set,
            'Queue': queue.Queue, 'JoinableQueue': queue.Queue, 'Lock': threading.Lock, 'RLock': threading.RLock,
            'Semaphore': threading.Semaphore, 'BoundedSemaphore': threading.BoundedSemaphore,
            'Condition': threading.Condition, 'Event': threading.Event, 'Barrier': threading.Barrier,
            'Iterator': lambda *args, **kwargs: given(args, kwargs)}
proxied = {(dict, '__iter__'), (list, '__iter__')}
objects = []


def given(args, kwargs):
    if kwargs or len(args) != 1:
        raise ValueError('Without callable, must have one non-keyword argument')
    if not hasattr(args[0], '__next__'):  # CPython takes anything and fails later
        raise TypeError("'%s' object is not an iterator" % type(args[0]).__name__)
    return args[0]


def failure(e):
    name = type(e).__name__
    text = str(e)
    return '#TRACEBACK', 'Traceback (most recent call last):\n' + name + (': ' + text if text else '') + '\n'


def answer(request):
    if request[0] == 'new':
        _, typeid, args, kwargs = request
        try:
            objects.append(registry[typeid](*args, **kwargs))
        except Exception as e:
            return failure(e)
        return '#RETURN', len(objects) - 1
    number, method, args, kwargs = request
    if number >= len(objects):
        return '#TRACEBACK', 'there is no such object'
    obj = objects[number]
    if method in ('__repr__', '#GETVALUE'):
        try:
            return '#RETURN', repr(obj) if method == '__repr__' else obj
        except Exception as e:
            return failure(e)
    try:
        result = getattr(obj, method)(*args, **kwargs)
    except Exception as e:
        return '#ERROR', e
    if (type(obj), method) in proxied:
        objects.append(result)
        return '#PROXY', len(objects) - 1
    return '#RETURN', result


def dumps(reply):
    buffer = io.BytesIO()
    ForkingPickler(buffer).dump(reply)
    return buffer.getvalue()


for line in sys.stdin:
    reply = answer(pickle.loads(bytes.fromhex(line)))
    try:
        data = dumps(reply)
    except Exception as e:
        data = dumps(('#UNSERIALIZABLE', str(e)))
    print(data.hex())
