"""The corpus: values of every kind, pickled by real CPythons in every protocol.

    python3 corpus.py python3.8 python3.9 ... > corpus.txt

runs itself with each of the interpreters. A line of the result is a name and, deflated and in base64, records of

    protocol (1 byte)  versions (1 byte)  length (4 bytes, big-endian)  pickle

where bit n of versions is set if the pickle is that of Python 3.(8+n). Protocol 255 stands for the repr, which is there if
it is the same in all versions and has no address in it. A name that begins with "object." has instances of classes in
it that the Go side keeps opaque.
"""
import array, base64, collections, copyreg, dataclasses, datetime, decimal, enum, fractions, functools, io, operator
import pathlib, pickle, queue, re, subprocess, sys, threading, types, uuid, zlib


class Plain:
    def __init__(self, **attributes):
        self.__dict__.update(attributes)

    class Inner:
        class Innermost:
            pass

    @classmethod
    def make(cls):
        return cls()


class Slots:
    __slots__ = ("a", "b")


class SlotsAndDict(Slots):
    pass


class WithState:
    def __getstate__(self):
        return ("state", 1)

    def __setstate__(self, state):
        self.state = state


class NewArgs(Plain):
    def __new__(cls, *args):
        return super().__new__(cls)

    def __getnewargs__(self):
        return (1, "two")


class NewArgsEx(Plain):
    def __new__(cls, *args, **kwargs):
        return super().__new__(cls)

    def __getnewargs_ex__(self):
        return (1, "two"), {"three": 3}


def set_state(obj, state):
    obj.__dict__.update(state)


class StateSetter(Plain):
    def __reduce__(self):
        return StateSetter, (), {"by": "setter"}, None, None, set_state


class Everything(Plain):
    """Has all five parts of __reduce__."""

    def __init__(self, *args):
        self.items, self.pairs = [], {}

    def append(self, item):
        self.items.append(item)

    def __setitem__(self, key, value):
        self.pairs[key] = value

    def __reduce__(self):
        n = self.n
        return Everything, ("arg",), {"n": n}, iter([7] * n), iter([(i, "v") for i in range(n)])


class Recursive:
    """Is in the arguments that it is made from."""

    def __init__(self, box=None):
        self.box = box

    def __reduce__(self):
        return Recursive, (self.box,)


class Int(int): pass
class Float(float): pass
class Str(str): pass
class Byt(bytes): pass
class ByteArr(bytearray): pass
class Tup(tuple): pass
class Lst(list): pass
class Dct(dict): pass
class St(set): pass
class Frozen(frozenset): pass
class Cplx(complex): pass


class CustomError(Exception):
    def __init__(self, a, b=2):
        super().__init__(a)
        self.b = b


class Color(enum.Enum):
    RED = 1
    BLUE = "blue"


class Bits(enum.IntFlag):
    A = 1
    B = 2


@dataclasses.dataclass
class Data:
    x: int
    y: list


@dataclasses.dataclass(frozen=True)
class FrozenData:
    x: int
    y: str = "y"


Point = collections.namedtuple("Point", "x y")


class Ext1: pass
class Ext2: pass
class Ext4: pass


class External:
    def __init__(self, id):
        self.id = id


def function():
    pass


def deep(n, wrap):
    value = None
    for _ in range(n):
        value = wrap(value)
    return value


def strings(n, size=1):
    return [("%d" % i).rjust(size, "s") for i in range(n)]


def values():
    """Yields names and values, in the same order in every version."""
    for i, value in enumerate([None, True, False, Ellipsis, NotImplemented]):
        yield "constant.%d" % i, value
    for n in [0, 1, 2, 127, 128, 255, 256, 257, 32767, 32768, 65535, 65536, 2**31 - 1, 2**31, 2**32, 2**63 - 1, 2**63,
              2**64, 10**30, 2**2039 - 1, 2**2039, 2**2040, 2**4000]:
        yield "int.%x" % n if n < 2**70 else "int.bits%d" % n.bit_length(), n
        yield "int.neg.%x" % n if n < 2**70 else "int.neg.bits%d" % n.bit_length(), -n
    yield "int.edges", [s * 2**k + d for k in range(7, 130, 8) for s in (1, -1) for d in (-1, 0, 1)]
    yield "float", [0.0, -0.0, 1.0, -1.5, 0.1, 1e15, 1e16, 1e17, 123456789012345680.0, 1e-4, 1e-5, 5e-324, 1.7976931348623157e308,
                    float("inf"), float("-inf"), float("nan"), 3.141592653589793, 1e22, 1e23, 2.0**53, 2.0**63, 1/3]
    yield "complex", [0j, 1j, -1j, 1+2j, complex(-0.0, 0.0), complex(0.0, -0.0), complex(1e16, -1e-5), complex("inf"), complex("nan+infj")]
    z = 3 + 4j
    yield "complex.shared", (z, z, 3 + float(4) * 1j)
    for name, s in [("empty", ""), ("a", "a"), ("quote", "it's"), ("quotes", "'\""), ("latin", "\xe9\xff\x80"), ("bmp", "\u4e2d\u6587\u2028"),
                    ("astral", "\U0001f600\U0010ffff"), ("surrogate", "\ud800 \udfff"), ("pair", "\ud83d\ude00"), ("controls", "\0\1\x1a\r\n\t\x7f\\"),
                    ("private", "\ue000\ufeff\u200b\xad"), ("255", "x" * 255), ("256", "x" * 256), ("65535", "y" * 65535),
                    ("65536", "z" * 65536), ("100000", "\xe9" * 50000)]:
        yield "str." + name, s
        yield "str.list." + name, [s, s, 1]
    for n in [0, 1, 2, 255, 256, 65535, 65536, 70000]:
        b = bytes([98] * n)  # b"b" * 0 is not the one empty bytes
        yield "bytes.%d" % n, b
        yield "bytes.list.%d" % n, [b, "x", bytes([98] * n)]
        yield "bytearray.%d" % n, bytearray(b"b" * n)
        yield "bytearray.list.%d" % n, [bytearray(b"b" * n), "x"]
    yield "bytes.all", bytes(range(256))
    yield "bytearray.all", bytearray(range(256))
    b, ba, s = b"shared bytes", bytearray(b"shared"), "shared str"
    yield "shared.strings", [b, s, ba, (b, s, ba), {s: b, b: s}, [b, s, ba]]
    yield "latin1.chars", [b"a", "a", b"\xe9", "\xe9", "a", "\x80", b"", "", ()]
    for n in [0, 1, 2, 3, 4, 5, 10, 999, 1000, 1001, 1999, 2000, 2001]:
        yield "tuple.%d" % n, ("t",) * n
        yield "list.%d" % n, [7] * n
        yield "dict.%d" % n, {i: None for i in range(n)}
        yield "set.%d" % n, set(range(n))
        yield "frozenset.%d" % n, frozenset(range(n))
    yield "dict.order", {"b": 1, "a": 2, 3: "c", (1, 2): None, None: 0, b"x": 1.5, 1.5: b"x", frozenset([1]): 2, True: "one"}
    yield "dict.strings", {s: i for i, s in enumerate(strings(300))}
    yield "memo.300", [strings(300), strings(300), tuple(strings(3))]
    row = ("a", 1, 2.5)
    yield "shared.rows", [row] * 5 + [list(row)] * 2 + [row]
    yield "nested", {"list": [1, [2, [3, []]]], "tuple": (1, (2, (3, ()))), "dict": {"k": {"k": {}}}, "set": {1}, "fs": frozenset([frozenset(), frozenset([1])])}
    for n, wrap in [("list", lambda v: [v]), ("tuple", lambda v: (v,)), ("tuple4", lambda v: (1, v, 2, 3)), ("dict", lambda v: {1: v}),
                    ("frozenset", lambda v: frozenset([v]))]:
        yield "deep." + n, deep(60, wrap)
    L = []; L.append(L)
    yield "recursive.list", L
    D = {}; D["d"] = D
    yield "recursive.dict", D
    for n in [1, 2, 3, 4, 5]:
        L = []; T = (L,) + tuple(range(n - 1)); L.append(T)
        yield "recursive.tuple.%d" % n, T
        L = []; T = (L,) + tuple(range(n - 1)); L.append(T)
        yield "recursive.tuple.list.%d" % n, L
    L = []; sl = slice(L, None); L.append(sl)
    yield "object.recursive.slice", [L] if sys.version_info < (3, 14) else None
    a, b = [], []; a.append(b); b.append(a)
    yield "recursive.two", (a, b, {"a": a})
    yield "slice", [slice(None), slice(1), slice(1, 2), slice(1, 2, 3), slice("a", (1,), None)]
    yield "range", [range(0), range(5), range(1, 10), range(10, 0, -3), range(2**70), range(-5, 5, 2**65)]
    sl, r = slice(1, 2), range(3)
    yield "shared.builtins", [sl, r, sl, r, 1j, range(4), slice(5), bytearray(b"x"), {1}, frozenset([2])]
    yield "types", [int, str, list, dict, object, type, type(None), type(Ellipsis), type(NotImplemented), Exception, bytes, set]
    yield "functions", [len, print, repr, operator.add, function, os_path_join(), collections.OrderedDict, datetime.datetime, re.compile]
    yield "type.nested", [Plain, Plain.Inner, Plain.Inner.Innermost, Plain.Inner]
    yield "set.mixed", {1, 2.5, 10**20, None, True}
    yield "builtins.literal", ["builtins", range(1), "builtins", slice(1), KeyError("builtins")]
    # Frames.
    yield "frames.strings", strings(1500, 99)
    yield "frames.numbers", [float(i % 10) for i in range(20000)]
    for n in [65500, 65510, 65520, 65526, 65527, 65528, 65529, 65530, 65535]:
        yield "frames.edge.%d" % n, ["e" * (n // 2), "f" * (n - n // 2), 1, None, 2]
    yield "frames.large", [1, "L" * 66000, 2, b"M" * 66000, bytearray(b"N" * 66000), 3, "short", "L" * 65536]
    yield "frames.large.alone", ("L" * 70000,)
    # Manager traffic.
    yield "manager.request", ("7f2c6b0a8d10", "__setitem__", ("a", 1), {})
    yield "manager.reply", ("#RETURN", None)
    yield "manager.create", (None, "create", ("dict",), {"a": [1, 2]})
    yield "object.manager.error", ("#ERROR", KeyError("zz"))
    # Exceptions.
    yield "object.exceptions", [KeyError("zz"), ValueError(), ValueError("a", 2), OSError(2, "No such file"), OSError(2, "No such file", "name"),
                         StopIteration(3), queue.Empty(), queue.Full(), threading.BrokenBarrierError(), UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"),
                         TimeoutError("t"), ConnectionResetError(104, "reset"), ModuleNotFoundError("m"), AssertionError(), KeyboardInterrupt()]
    e = CustomError("a"); e.note = "n"
    yield "object.exception.state", [e, e]
    e = ValueError(); e.args = ([e],); e.me = e
    yield "object.exception.recursive", e
    # Instances.
    p = Plain(a=1, b="two")
    yield "object.plain", [p, Plain(), p, Plain(a=p)]
    p = Plain(); p.me = p; p.all = {p}; p.key = {p: p, (p, 1): 2}; p.frozen = frozenset([p])
    yield "object.plain.recursive", p
    yield "object.set.alike", {Plain(), Plain(), Plain(x=1), Plain(x=1)}
    yield "object.many", [Plain(i=i) for i in range(300)]
    s = Slots(); s.a = 1; s.b = [s]
    yield "object.slots", s
    s = SlotsAndDict(); s.a = 1; s.c = 3
    yield "object.slots.dict", s
    yield "object.state", [WithState(), WithState()]
    n = NewArgs(); n.x = 1
    yield "object.newargs", [n, NewArgs()]
    n = NewArgsEx(); n.x = 1
    yield "object.newargs.ex", [n, NewArgsEx()]
    yield "object.setter", [StateSetter(), StateSetter()]
    for n in [0, 1, 2, 1000, 1001, 2000]:
        e = Everything(); e.n = n
        yield "object.everything.%d" % n, [e, e]
    r = Recursive([]); r.box.append(r)
    yield "object.recursive.reduce", r.box
    yield "object.subclasses", [Int(5), Float(1.5), Str("s"), Byt(b"b"), ByteArr(b"ba"), Tup((1, 2)), Lst([1, 2]), Dct(a=1), St([1]), Frozen([1]), Cplx(1j)]
    l = Lst(range(3)); l.attribute = l
    yield "object.list.state", l
    t = Tup(([],)); t[0].append(t)
    yield "object.tuple.recursive", t
    yield "object.enum", [Color.RED, Color.BLUE, Color.RED, Bits.A | Bits.B]
    yield "object.data", [Data(1, [2]), FrozenData(1), Point(1, 2), Point([], {})]
    yield "object.collections", [collections.deque([1, 2], 5), collections.OrderedDict(a=1), collections.defaultdict(list, a=[1]), collections.Counter("abca"),
                          collections.ChainMap({1: 2}), types.SimpleNamespace(a=1)]
    yield "object.datetime", [datetime.datetime(2020, 1, 2, 3, 4, 5, 6), datetime.date(2020, 1, 2), datetime.timedelta(1, 2, 3),
                       datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc), datetime.time(1, 2)]
    yield "object.numbers", [decimal.Decimal("1.50"), fractions.Fraction(1, 3)]
    yield "object.misc", [uuid.UUID(int=5), pathlib.PurePosixPath("/a/b"), array.array("d", [1, 2]), functools.partial(int, base=2), operator.attrgetter("a.b"),
                   operator.itemgetter(1), reversed([1, 2, 3]), iter([1, 2]), enumerate("ab"), zip([1], [2]), map(len, ["a"])]
    yield "object.methods", [Plain.make, [].append, "x".join, dict.fromkeys]
    yield "object.keys", {Color.RED: 1, decimal.Decimal(1): 2, (Color.BLUE, 1): 3, Point(1, 2): 4, frozenset([Color.RED]): 5, datetime.date(2020, 1, 1): 6}


def os_path_join():
    import os.path
    return os.path.join


class ExternalPickler(pickle.Pickler):
    def persistent_id(self, obj):
        return obj.id if isinstance(obj, External) else None


def dumps(name, value, protocol):
    if name == "object.external":
        f = io.BytesIO()
        ExternalPickler(f, protocol).dump(value)
        return f.getvalue()
    return pickle.dumps(value, protocol)


def cases():
    for name, value in values():
        yield name, value
    e = External("an id")
    yield "object.external", [e, "between", e, External("other")]
    for code, cls in [(1, Ext1), (0xff00, Ext2), (0x7fffff00, Ext4)]:
        copyreg.add_extension("corpus", cls.__name__, code)
    yield "object.extension", [Ext1, Ext1(), Ext2, Ext4, Ext4(), Ext1]


def text(data):
    c = zlib.compressobj(9, zlib.DEFLATED, -15)
    return base64.b64encode(c.compress(data) + c.flush()).decode()


def one():
    """Prints the corpus of this interpreter: name, protocol, hex."""
    for name, value in cases():
        r = repr(value)
        if not name.startswith("object.") and " at 0x" not in r:
            print(name, 255, r.encode("utf-8", "surrogatepass").hex())
        for protocol in range(6):
            try:
                data = dumps(name, value, protocol)
            except Exception as e:
                if protocol >= 2:
                    print(name, protocol, repr(e), file=sys.stderr)
                continue
            print(name, protocol, data.hex())


def main():
    corpus = {}
    for python in sys.argv[1:]:
        environment = {"PYTHONHASHSEED": "0", "PYTHONPATH": str(pathlib.Path(__file__).parent), "PYTHONDONTWRITEBYTECODE": "1"}
        command = "import sys, corpus; print(sys.version_info[1]); corpus.one()"
        out = subprocess.run([python, "-W", "ignore", "-c", command], env=environment, check=True, stdout=subprocess.PIPE).stdout
        minor, *lines = out.decode().splitlines()
        for line in lines:
            name, protocol, data = line.split(" ")
            records = corpus.setdefault(name, {})
            record = int(protocol), bytes.fromhex(data)
            records[record] = records.get(record, 0) | 1 << int(minor) - 8
    for name, records in corpus.items():
        reprs = [r for r in records if r[0] == 255]
        if len(reprs) > 1:
            for r in reprs:
                del records[r]
        packed = b"".join(bytes([p, versions]) + len(data).to_bytes(4, "big") + data for (p, data), versions in sorted(records.items()))
        print(name, text(packed))


if __name__ == "__main__":
    main()
