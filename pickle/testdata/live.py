"""The other end of the live tests: random values pickled by this Python, and the answers to pickles made in Go.

    live.py make SEED COUNT    prints for each value the repr and the pickles of protocols 0 to 5, in hex
    live.py read               reads pickles in hex, one a line, and prints the repr of the value and, pickled again in
                               protocols 0 to 5, the value
    live.py compare SEED COUNT prints a pickle of COUNT values, and for each two of them what ==, < and the equality of
                               their hashes are: 0, 1, or - for a TypeError
    live.py names              prints what has another name in Python 2: the direction, and twice a module and a name
"""
import pickle, random, sys


class Plain:
    pass


class Graph:
    """Makes one value, with parts that are shared and that are in themselves."""

    def __init__(self, r):
        self.r, self.made, self.open = r, [], []

    def text(self):
        r = self.r
        alphabet = r.choice(["ab", "a\xe9\u4e2d\U0001f600", "\0\n\r\x1a\\'\"", "\ud800\udfffx"])
        return "".join(r.choice(alphabet) for _ in range(r.choice([0, 1, 2, 5, 20, 300])))

    def data(self):
        r = self.r
        return bytes(r.randrange(256) for _ in range(r.choice([0, 1, 2, 5, 300])))

    def number(self):
        r = self.r
        kind = r.randrange(8)
        if kind < 3:
            return r.randrange(-300, 300)
        if kind < 5:
            return r.choice([1, -1]) * (r.getrandbits(r.choice([8, 16, 31, 32, 63, 64, 65, 300, 2100])) + r.randrange(-1, 2))
        if kind < 7:
            return r.choice([0.0, -0.0, 1.5, r.random(), r.uniform(-1e20, 1e20), 10.0 ** r.randrange(-300, 300), float("inf")])
        return complex(r.choice([0.0, -0.0, 1.0, r.random()]), r.choice([0.0, -0.0, 2.0, -r.random()]))

    def atom(self):
        r = self.r
        return r.choice([lambda: None, lambda: r.random() < .5, self.number, self.number, self.text, self.text, self.data])()

    def key(self, depth=2):
        r = self.r
        if depth and r.random() < .2:
            return tuple(self.key(depth - 1) for _ in range(r.randrange(5)))
        if depth and r.random() < .1:
            return frozenset(self.key(depth - 1) for _ in range(r.randrange(4)))
        return self.atom()

    def value(self, depth):
        r = self.r
        if self.made and r.random() < .25:
            return r.choice(self.made)
        if self.open and r.random() < .05:
            return r.choice(self.open)  # recursive
        if depth == 0 or r.random() < .3:
            v = self.atom()
        else:
            v = self.container(depth - 1, r.randrange(11))
        self.made.append(v)
        return v

    def container(self, depth, kind):
        r = self.r
        n = r.choice([0, 1, 2, 3, 4, 6, 12]) if r.random() < .97 else r.choice([999, 1000, 1001, 2000])
        if n > 100:
            fill = self.atom()
            return r.choice([lambda: [fill] * n, lambda: (fill,) * n, lambda: dict.fromkeys(range(n), fill), lambda: set(range(n)), lambda: frozenset(range(n))])()
        if kind < 3:
            v = []
            self.open.append(v)
            for _ in range(n):
                v.append(self.value(depth))
            self.open.pop()
            return v
        if kind < 5:
            return tuple(self.value(depth) for _ in range(n))
        if kind < 7:
            v = {}
            self.open.append(v)
            for _ in range(n):
                v[self.key()] = self.value(depth)
            self.open.pop()
            return v
        if kind == 7:
            return set(self.key() for _ in range(n))
        if kind == 8:
            return frozenset(self.key() for _ in range(n))
        if kind == 9:
            return bytearray(self.data())
        return r.choice([lambda: slice(self.atom(), self.value(0), self.atom()), lambda: range(r.randrange(9), r.getrandbits(70), r.choice([1, 3, -2]))])()


def answer(v):
    try:
        r = repr(v).encode("utf-8", "surrogatepass").hex()
    except RecursionError:
        r = ""
    print(r, *[pickle.dumps(v, p).hex() for p in range(6)])


def comparable(r):
    """Returns one of few values, in one of the forms that it has."""
    def number():
        n = r.choice([0, 1, 2, -1, 255, 2**53, 2**53 + 1, 2**63, 2**64, 10**25, -2**63])
        return r.choice([int, float, bool if n in (0, 1) else int, complex if abs(n) < 2**53 else int])(n)
    def text():
        return r.choice(["", "a", "b", "ab", "\ud800", "\uffff", "\U00010000", "\xe9"])
    def data():
        return r.choice([bytes, bytearray])(r.choice([b"", b"a", b"ab", b"\xe9"]))
    def key():
        return r.choice([number, text, lambda: bytes(data()), lambda: None, lambda: (number(),), lambda: frozenset([number()])])()
    def items():
        return [r.choice([number, text, data, lambda: None])() for _ in range(r.randrange(3))]
    def fraction():
        return r.choice([0.5, -0.0, float("inf"), float("-inf"), float("nan"), 1e25, 2.0**63, 1.5 + 0j, 1j])
    return r.choice([number, number, fraction, text, data, key, items, lambda: tuple(items()), lambda: (items(), key()),
                     lambda: {key(): number() for _ in range(r.randrange(3))}, lambda: {key() for _ in range(r.randrange(3))},
                     lambda: frozenset(key() for _ in range(r.randrange(3))), lambda: slice(*r.sample(range(3), 3)),
                     lambda: range(r.randrange(3), r.randrange(6), r.choice([1, 2, 3, -1])), lambda: range(2**64, 2**65, 2**r.choice([63, 64]))])()


def outcome(f):
    try:
        return "1" if f() else "0"
    except TypeError:
        return "-"


def compare(seed, count):
    r = random.Random(seed)
    list = [comparable(r) for _ in range(count)]
    print(pickle.dumps(list).hex())
    for a in list:
        print(*[outcome(lambda: a == b) + outcome(lambda: a < b) + outcome(lambda: hash(a) == hash(b)) for b in list])


def names():
    import _compat_pickle as compat
    for direction, renamed, moved in (3, compat.NAME_MAPPING, compat.IMPORT_MAPPING), (2, compat.REVERSE_NAME_MAPPING, compat.REVERSE_IMPORT_MAPPING):
        for before, after in renamed.items():
            print(direction, *before, *after)
        for before, after in moved.items():
            print(direction, before, "other", after, "other")
            print(direction, before + ".inner", "other", before + ".inner", "other")


def main():
    if sys.argv[1] == "names":
        names()
    elif sys.argv[1] == "compare":
        compare(int(sys.argv[2]), int(sys.argv[3]))
    elif sys.argv[1] == "make":
        seed, count = map(int, sys.argv[2:])
        for i in range(count):
            answer(Graph(random.Random(seed + i)).value(5))
    else:
        for line in sys.stdin:
            answer(pickle.loads(bytes.fromhex(line)))


if __name__ == "__main__":
    main()
