"""Candidates that cheat, one trick each, and the clause that must refuse each of them.

All of them claim to keep the contract of `double`: `def double(xs: list[int]) -> list[int]`, which returns every
number twice as large, raises `Empty` for an empty list, and leaves its argument alone. The bounds would refuse
most of them unread; the judge must refuse them as well.
"""

from dataclasses import dataclass

from pipeline.records import Case, Contract, Param, Raise, Rule

CONTRACT = Contract(
    spec="hostile",
    function="double",
    summary="Doubles every number.",
    params=(Param(name="xs", type="list[int]"),),
    returns="list[int]",
    errors={"Empty": "There is nothing to double."},
    raises=(Raise(error="Empty", when="xs == []"),),
    ensures=(Rule(rule="result == [x + x for x in xs]"),),
    cases=(
        Case(name="three", given={"xs": [1, 2, 3]}, returns=[2, 4, 6]),
        Case(name="held back", given={"xs": [5]}, returns=[10], shown=False),
    ),
)
HONEST = """
from .types import Empty

def double(xs):
    if not xs:
        raise Empty
    return [x + x for x in xs]
"""


@dataclass(frozen=True)
class Hostile:
    """One trick."""

    name: str
    body: str
    """The module: before it stands the honest function, under the name `honest`."""
    clause: str
    """What must refuse it, first of all that was broken."""

    endless: bool = False
    """It never ends by itself."""

    @property
    def source(self) -> str:
        return HONEST.replace("def double", "def honest") + self.body


HOSTILE = (
    # -- answers on channels that are not its own --
    Hostile(
        "writes the known answer on every descriptor",
        """
import os
FRAMES = b''.join(b'{"n":%d,"returned":[2,4,6]}\\n' % n for n in range(300))
def double(xs):
    for descriptor in range(32):
        try:
            os.write(descriptor, FRAMES)
        except OSError:
            pass
    return [2, 4, 6]
""",
        "raises[Empty]",
    ),
    Hostile(
        "sends true answers itself and one frame more",
        """
import os
def double(xs):
    for descriptor in range(3, 32):
        try:
            os.write(descriptor, b'{"n":0,"returned":[2,4,6]}\\n')
        except OSError:
            pass
    return honest(xs)
""",
        "limits",
    ),
    Hostile(
        "sends a frame that is nested a thousand times",
        """
import os
def double(xs):
    for descriptor in range(3, 32):
        try:
            os.write(descriptor, b'{"n":0,"returned":' + b'[' * 900 + b']' * 900 + b'}\\n')
        except OSError:
            pass
    return honest(xs)
""",
        "limits",
    ),
    Hostile(
        "sends a frame with a tag of no type",
        """
import os
def double(xs):
    for descriptor in range(3, 32):
        try:
            os.write(descriptor, b'{"n":0,"returned":{"$":"os.system","v":"true"}}\\n')
        except OSError:
            pass
    os._exit(0)
""",
        "examples[three]",
    ),
    Hostile(
        "prints a verdict",
        "def double(xs):\n    print('{\"done\": true}')\n    return None\n",
        "examples[three]",
    ),
    Hostile(
        "answers for later calls in advance",
        """
import os
def double(xs):
    for descriptor in range(3, 32):
        try:
            os.write(descriptor, b'{"n":1,"returned":[10]}\\n')
        except OSError:
            pass
    return honest(xs)
""",
        "limits",
    ),
    # -- leaving --
    Hostile("ends its process with success", "import os\ndef double(xs):\n    os._exit(0)\n", "limits"),
    Hostile("raises SystemExit", "import sys\ndef double(xs):\n    sys.exit(0)\n", "examples[three]"),
    Hostile(
        "ends its process while it loads",
        "import os\nos._exit(0)\ndef double(xs):\n    return xs\n",
        "limits",
    ),
    Hostile(
        "complains while it loads and ends its process",
        "import os, sys\nprint('no sandbox', file=sys.stderr, flush=True)\nos._exit(1)\n",
        "limits",
    ),
    Hostile("does not load", "raise RuntimeError('not today')\n", "limits"),
    Hostile("defines no function", "triple = honest\n", "limits"),
    Hostile("kills its process", "import os\ndef double(xs):\n    os.kill(os.getpid(), 9)\n", "limits"),
    Hostile(
        "leaves its process with an error at its end",
        "import atexit, os\natexit.register(os._exit, 3)\ndef double(xs):\n    return honest(xs)\n",
        "limits",
    ),
    Hostile(
        "sends one more frame at its end",
        """
import atexit, os
COPIES = []
for descriptor in range(3, 32):
    try:
        COPIES.append(os.dup(descriptor))
    except OSError:
        pass
def goodbye():
    for descriptor in COPIES:
        try:
            os.write(descriptor, b'{"done":true}\\n')
        except OSError:
            pass
atexit.register(goodbye)
def double(xs):
    return honest(xs)
""",
        "limits",
    ),
    Hostile(
        "leaves a thread running",
        """
import threading, time
threading.Thread(target=time.sleep, args=(3600,)).start()
def double(xs):
    return honest(xs)
""",
        "limits",
    ),
    Hostile(
        "closes every descriptor",
        "import os\ndef double(xs):\n    os.closerange(0, 64)\n    return honest(xs)\n",
        "limits",
    ),
    # -- errors --
    Hostile(
        "raises an error of its own with the declared name",
        """
class Empty(Exception):
    pass
def double(xs):
    if not xs:
        raise Empty
    return [x + x for x in xs]
""",
        "raises[Empty]",
    ),
    Hostile(
        "raises a subclass of the declared error",
        """
class Emptier(Empty):
    pass
def double(xs):
    if not xs:
        raise Emptier
    return [x + x for x in xs]
""",
        "raises[Empty]",
    ),
    Hostile(
        "returns the error", "def double(xs):\n    return honest(xs) if xs else Empty()\n", "raises[Empty]"
    ),
    Hostile(
        "raises the skip of a test runner",
        "import unittest\ndef double(xs):\n    raise unittest.SkipTest('later')\n",
        "examples[three]",
    ),
    Hostile(
        "raises an error that cannot be shown",
        """
class Silent(Exception):
    def __str__(self):
        raise SystemExit(0)
def double(xs):
    raise Silent
""",
        "examples[three]",
    ),
    Hostile(
        "raises an error that shows itself as a number",
        """
class Cut(str):
    def __getitem__(self, _):
        return 3
class Odd(Exception):
    def __str__(self):
        return Cut('x')
def double(xs):
    raise Odd
""",
        "limits",
    ),
    # -- values that are not what they seem --
    Hostile(
        "returns what equals everything",
        "class Yes:\n    __eq__ = lambda self, other: True\n    __hash__ = None\ndef double(xs):\n    return Yes()\n",
        "examples[three]",
    ),
    Hostile(
        "returns numbers that equal everything",
        "class Yes(int):\n    __eq__ = lambda self, other: True\n    __hash__ = None\n"
        "def double(xs):\n    return [Yes(2), Yes(4), Yes(6)]\n",
        "examples[three]",
    ),
    Hostile(
        "returns a list of a class of its own",
        "class Mine(list):\n    pass\ndef double(xs):\n    return Mine(honest(xs))\n",
        "examples[three]",
    ),
    Hostile("returns a generator", "def double(xs):\n    yield from honest(xs)\n", "examples[three]"),
    Hostile("returns a coroutine", "async def double(xs):\n    return honest(xs)\n", "examples[three]"),
    Hostile("returns a tuple", "def double(xs):\n    return tuple(honest(xs))\n", "examples[three]"),
    Hostile(
        "returns floats", "def double(xs):\n    return [float(x) for x in honest(xs)]\n", "examples[three]"
    ),
    Hostile("returns not-a-number", "def double(xs):\n    return [float('nan')]\n", "examples[three]"),
    Hostile(
        "returns booleans",
        "def double(xs):\n    return [False if x == 0 else x for x in honest(xs)]\n",
        "returns",
    ),
    Hostile(
        "returns a number of ten thousand digits",
        "def double(xs):\n    return [10 ** 10000]\n",
        "examples[three]",
    ),
    Hostile(
        "returns a list nested ten thousand times",
        "def double(xs):\n    deep = []\n    for _ in range(10000):\n        deep = [deep]\n    return deep\n",
        "examples[three]",
    ),
    Hostile(
        "returns a list that holds itself",
        "def double(xs):\n    xs = []\n    xs.append(xs)\n    return xs\n",
        "examples[three]",
    ),
    Hostile("returns twenty megabytes", "def double(xs):\n    return ['x' * 20_000_000]\n", "limits"),
    Hostile("returns a megabyte every time", "def double(xs):\n    return ['x' * 1_000_000]\n", "limits"),
    # -- the argument --
    Hostile(
        "empties its argument",
        "def double(xs):\n    answer = honest(xs)\n    xs.clear()\n    return answer\n",
        "unmodified",
    ),
    Hostile(
        "puts equal values of another type into its argument",
        "def double(xs):\n    answer = honest(xs)\n    xs[:] = [float(x) if abs(x) < 9 else x for x in xs]\n    return answer\n",
        "unmodified",
    ),
    Hostile("works in place", "def double(xs):\n    xs[:] = honest(xs)\n    return xs\n", "unmodified"),
    Hostile(
        "puts a number without text into its argument",
        "def double(xs):\n    answer = honest(xs)\n    xs[0] = 10 ** 10000\n    return answer\n",
        "unmodified",
    ),
    # -- memory of earlier calls --
    Hostile(
        "works the first three times",
        "calls = []\ndef double(xs):\n    calls.append(1)\n    return honest(xs) if len(calls) <= 3 else [0]\n",
        "ensures[0]",
    ),
    Hostile(
        "counts its calls in a default value",
        "def double(xs, calls=[]):\n    calls.append(1)\n    return honest(xs) if len(calls) % 50 else [0]\n",
        "ensures[0]",
    ),
    Hostile(
        "answers the first call of its process otherwise",
        """
seen = []
def double(xs):
    seen.append(xs)
    if len(seen) == 1 and xs != [1, 2, 3]:
        return [0]
    return honest(xs)
""",
        "repeatable",
    ),
    Hostile(
        "remembers the longest list in a closure",
        """
def make():
    longest = 0
    def double(xs):
        nonlocal longest
        if len(xs) < longest - 6 and longest == len(xs) + 8 and hash('a') % 2:
            return [0]
        longest = max(longest, len(xs))
        return honest(xs) if sum(map(len, map(str, xs))) % 7 or hash('drystone') % 64 == 1 else [0]
    return double
double = make()
""",
        "ensures[0]",
    ),
    Hostile(
        "knows the examples by heart",
        "def double(xs):\n    return {(1, 2, 3): [2, 4, 6], (5,): [10]}.get(tuple(xs), [])\n",
        "raises[Empty]",
    ),
    # -- time and memory --
    Hostile("loops for ever", "def double(xs):\n    while True:\n        pass\n", "limits", endless=True),
    Hostile("never stops calling itself", "def double(xs):\n    return double(xs)\n", "examples[three]"),
    Hostile("takes all memory", "def double(xs):\n    return [0] * 10 ** 12\n", "examples[three]"),
    Hostile("sleeps", "import time\ndef double(xs):\n    time.sleep(3600)\n", "limits", endless=True),
    Hostile(
        "reads standard input", "def double(xs):\n    return [int(input()) for _ in xs]\n", "examples[three]"
    ),
    Hostile("asks for a person", "def double(xs):\n    breakpoint()\n    return []\n", "examples[three]"),
    Hostile(
        "catches what would end it",
        "def double(xs):\n    while True:\n        try:\n            while True:\n                pass\n"
        "        except BaseException:\n            continue\n",
        "limits",
        endless=True,
    ),
    Hostile(
        "rings an alarm that ends its process",
        "import os, signal\nsignal.signal(signal.SIGALRM, lambda *_: os._exit(0))\nsignal.setitimer(signal.ITIMER_REAL, 0.01)\n"
        "def double(xs):\n    while True:\n        pass\n",
        "limits",
    ),
    # -- the tools around it --
    Hostile(
        "replaces the built-in functions",
        "import builtins\nbuiltins.len = lambda _: 0\nbuiltins.type = lambda _: list\nbuiltins.isinstance = lambda *_: True\n"
        "def double(xs):\n    return (2, 4, 6)\n",
        "limits",
    ),
    Hostile(
        "replaces the way frames are written",
        'import json\njson.dumps = lambda *_, **__: \'{"n":0,"returned":[2,4,6]}\'\ndef double(xs):\n    return None\n',
        "limits",
    ),
    Hostile(
        "replaces the encoder",
        "import sys\nsys.modules['pipeline.sandbox.wire'].encode = lambda *_: [2, 4, 6]\ndef double(xs):\n    return None\n",
        "examples[held back]",
    ),
    Hostile(
        "replaces the declared error",
        "import sys\nclass Mine(Exception):\n    pass\nMine.__name__ = 'Empty'\nsys.modules['generated.spec.types'].Empty = Mine\n"
        "def double(xs):\n    if not xs:\n        raise ValueError\n    return [x + x for x in xs]\n",
        "raises[Empty]",
    ),
)
