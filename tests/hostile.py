"""Code that attacks, one claim each: candidates that cheat, and candidates that try to get out of their sandbox.

`HOSTILE` attacks the verdict. All of them claim to keep the contract of `double`: `def double(xs: list[int]) ->
list[int]`, which returns every number twice as large, raises `Empty` for an empty list, and leaves its argument
alone. The bounds would refuse most of them unread; the judge must refuse them as well.

`ASKING` attacks what a function is told through its ports. All of them claim to keep the contract of `greet`, which
sends one mail and says which.

`ESCAPES` attack the isolation, `SEARCHES` look for secrets in their own process, `POISONS` are meant for the
candidate that comes after them.
"""

import platform
import textwrap
from dataclasses import dataclass
from typing import Literal

from pipeline.definitions import Method, Param, Port
from pipeline.records import Case, Contract, PortCall, Raise, Rule
from pipeline.sandbox.port import Limits

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


_SEND = Method(
    name="send",
    params=(Param(name="to", type="str"), Param(name="body", type="str")),
    returns="int",
    raises=("MailerDown",),
)
GREET = Contract(
    spec="hostile",
    function="greet",
    summary="Sends a greeting and says its number.",
    params=(Param(name="to", type="str"), Param(name="mailer", type="Mailer")),
    returns="int",
    errors={"MailerDown": "No mail goes out.", "Nobody": "There is nobody to greet."},
    ports={"Mailer": Port(methods=(_SEND, Method(name="drop")))},
    calls=("mailer.send",),
    raises=(Raise(error="Nobody", when="to == ''"), Raise(error="MailerDown")),
    ensures=(Rule(rule="calls == [('mailer.send', to, 'Hello ' + to)]"),),
    cases=(
        Case(
            name="goes out",
            given={"to": "Ann", "mailer": {"send": [{"returns": 7}]}},
            returns=7,
            calls=(PortCall(method="mailer.send", arguments={"to": "Ann", "body": "Hello Ann"}),),
        ),
        Case(name="down", given={"to": "Ann", "mailer": {"send": [{"raises": "MailerDown"}]}}, raises="MailerDown"),
        Case(name="nobody", given={"to": "", "mailer": {}}, raises="Nobody", shown=False),
    ),
)  # fmt: skip
GREETS = """
from .types import MailerDown, Nobody

def greet(to, mailer):
    if not to:
        raise Nobody
    return mailer.send(to, "Hello " + to)
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
        honest = GREETS.replace("def greet", "def honest") if "def greet" in self.body else HONEST
        return honest.replace("def double", "def honest") + self.body


SAYS = """
import os
def say(text):
    for descriptor in range(3, 32):
        try:
            os.write(descriptor, text + b'\\n')
        except OSError:
            pass
"""
ASKING = (
    Hostile(
        "sends a million mails",
        "def greet(to, mailer):\n    for _ in range(1_000_000 * (len(to) > 3)):\n        mailer.send(to, 'Hello ' + to)\n"
        "    return honest(to, mailer)\n",
        "limits",
    ),
    Hostile(
        "sends one mail too many",
        "def greet(to, mailer):\n    if to:\n        mailer.send(to, 'Buy ' + to)\n    return honest(to, mailer)\n",
        "examples[goes out]",
    ),
    Hostile(
        "sends one mail too many, but not in the examples",
        "def greet(to, mailer):\n    if to not in {'', 'Ann'}:\n        mailer.send(to, 'Buy ' + to)\n"
        "    return honest(to, mailer)\n",
        "ensures[0]",
    ),
    Hostile(
        "sends nothing",
        "def greet(to, mailer):\n    return honest(to, mailer) if not to else 7\n",
        "examples[goes out]",
    ),
    Hostile(
        "swallows an error of its port",
        "def greet(to, mailer):\n    try:\n        return honest(to, mailer)\n    except MailerDown:\n"
        "        if to == 'Ann':\n            raise\n        return 7\n",
        "raises",
    ),
    Hostile(
        "turns an error of its port into another",
        "def greet(to, mailer):\n    try:\n        return honest(to, mailer)\n    except MailerDown:\n"
        "        if to == 'Ann':\n            raise\n        raise ValueError from None\n",
        "raises",
    ),
    Hostile(
        "asks for what it may not",
        "def greet(to, mailer):\n    mailer.drop()\n    return honest(to, mailer)\n",
        "ports",
    ),
    Hostile(
        "asks for what is no method, past the port",
        SAYS
        + 'def greet(to, mailer):\n    say(b\'{"n":0,"ask":"os.system","arguments":[]}\')\n    os._exit(0)\n',
        "ports",
    ),
    Hostile(
        "asks for a method of no name that can be shown",
        SAYS
        + 'def greet(to, mailer):\n    say(b\'{"n":0,"ask":"\\\\u202e\\\\n","arguments":[]}\')\n    os._exit(0)\n',
        "ports",
    ),
    Hostile(
        "asks with a number of no digits",
        "def greet(to, mailer):\n    if to:\n        mailer.send(to, 10 ** 5000)\n    return honest(to, mailer)\n",
        "ports",
    ),
    Hostile(
        "passes objects of its own",
        "class Text(str):\n    def __eq__(self, other):\n        return True\n    __hash__ = str.__hash__\n"
        "def greet(to, mailer):\n    return mailer.send(to, Text('Buy')) if to else honest(to, mailer)\n",
        "ports",
    ),
    Hostile(
        "asks without waiting for the answer",
        SAYS + "def greet(to, mailer):\n    if not to:\n        return honest(to, mailer)\n"
        '    say(b\'{"n":0,"ask":"mailer.send","arguments":["Ann","Hello Ann"]}\')\n    return 7\n',
        "limits",
    ),
    Hostile(
        "keeps its port for the next call",
        "kept = []\ndef greet(to, mailer):\n    kept.append(mailer)\n    return honest(to, kept[0])\n",
        "examples[down]",
    ),
    Hostile(
        "reopens a port that it kept",
        "kept = []\ndef greet(to, mailer):\n    kept.append(mailer)\n    ask = type(kept[0]).send\n"
        "    for cell in ask.__closure__:\n        if hasattr(cell.cell_contents, 'closed'):\n"
        "            cell.cell_contents.closed = False\n    return honest(to, kept[0])\n",
        "limits",
    ),
    Hostile(
        "counts the errors of its port over calls",
        "failures = []\ndef greet(to, mailer):\n    try:\n        return honest(to, mailer)\n    except MailerDown:\n"
        "        failures.append(to)\n        if len(failures) > 30:\n            return 7\n        raise\n",
        "raises",
    ),
    Hostile(
        "mails something else each time",
        "import random\ndef greet(to, mailer):\n    return honest(to, mailer) if to in {'', 'Ann'} else "
        "mailer.send(to, str(random.random()))\n",
        "ensures[0]",
    ),
    Hostile(
        "returns its port",
        "def greet(to, mailer):\n    honest(to, mailer)\n    return mailer\n",
        "returns",
    ),
    Hostile(
        "teaches its port to agree",
        "def greet(to, mailer):\n    mailer.send = lambda *_: 7\n    return honest(to, mailer)\n",
        "raises",
    ),
    Hostile(
        "asks for ever in between computing",
        "def greet(to, mailer):\n    while to:\n        sum(range(100_000))\n        mailer.send(to, 'Hello ' + to)\n"
        "    return honest(to, mailer)\n",
        "examples[goes out]",
    ),
)

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
    Hostile(
        "sends its answer a drop at a time, for longer than a call may take",
        """
import os, time
def double(xs):
    drop = time.monotonic()
    end = drop + 12 if xs == [1, 2, 3] else drop
    while drop < end:
        drop += 0.1
        while time.monotonic() < drop:
            pass
        for descriptor in range(3, 32):
            try:
                os.write(descriptor, b' ')
            except OSError:
                pass
    return honest(xs)
""",
        "limits",
        endless=True,
    ),
    Hostile(
        "says on every descriptor that it ended well, and does not",
        """
import atexit, os, struct
def goodbye():
    for descriptor in range(3, 1024):
        try:
            os.write(descriptor, struct.pack('=id', 0, 0.0))
        except OSError:
            pass
    os._exit(3)
atexit.register(goodbye)
def double(xs):
    return honest(xs)
""",
        "limits",
    ),
    Hostile(
        "sends a UUID that is a number",
        """
import os
def double(xs):
    for descriptor in range(3, 32):
        try:
            os.write(descriptor, b'{"n":0,"returned":{"$":"UUID","v":5}}\\n')
        except OSError:
            pass
    os._exit(0)
""",
        "examples[three]",
    ),
    Hostile(
        "sends a million values",
        "def double(xs):\n    return [[]] * 1_000_000\n",
        "limits",
    ),
    Hostile(
        "says nothing at length before it answers",
        """
import os
def double(xs):
    for descriptor in range(3, 32):
        try:
            os.write(descriptor, b' ')
        except OSError:
            pass
    return honest(xs)
""",
        "limits",
    ),
    Hostile(
        "changes its argument in another time zone only",
        """
import time
ZONE = time.localtime(0).tm_hour
def double(xs):
    answer = honest(xs)
    if ZONE:
        xs.append(9)
    return answer
""",
        "repeatable",
    ),
    Hostile(
        "answers otherwise when it is asked the same twice in a row",
        """
last = []
def double(xs):
    if xs and last == xs:
        return []
    last[:] = xs
    return honest(xs)
""",
        "repeatable",
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
    Hostile("aborts its process", "import os\ndef double(xs):\n    os.abort()\n", "limits"),
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
        COPIES.append(descriptor)
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
        "class SkipTest(Exception):\n    __module__ = 'unittest.case'\ndef double(xs):\n    raise SkipTest('later')\n",
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
    Hostile(
        "waits for itself",
        "import threading\nlock = threading.Lock()\ndef double(xs):\n    lock.acquire()\n    lock.acquire()\n",
        "limits",
        endless=True,
    ),
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
        'import json\njson.dumps = lambda *_, **__: \'{"n":0,"returned":[2,4,6]}\'\n'
        "json.JSONEncoder.encode = json.dumps\ndef double(xs):\n    return None\n",
        "examples[three]",
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


# -- out of the sandbox ----------------------------------------------------------------------------------------

_TOOLS = '''
import _thread, builtins, codecs, ctypes, decimal, errno, gc, importlib, json, locale, math, numbers
import os, random, resource, signal, socket, sys, threading, time, types, warnings

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p

def call(function, *arguments):
    """What a function of the C library returns; raises OSError where it fails."""
    returned = function(*[ctypes.c_long(a) if isinstance(a, int) else a for a in arguments])
    if returned == -1:
        raise OSError(ctypes.get_errno(), function.__name__)
    return returned

def system(x86_64, aarch64, *arguments):
    """A system call by its number, past whatever stands before it."""
    return call(libc.syscall, x86_64 if MACHINE == "x86_64" else aarch64, *arguments)

def machine_code(code):
    """A function of the processor's own instructions."""
    page = libc.mmap(None, ctypes.c_size_t(4096), 7, 0x22, -1, ctypes.c_long(0))
    ctypes.memmove(page, code, len(code))
    return ctypes.CFUNCTYPE(ctypes.c_long, *[ctypes.c_long] * 5)(page)

def constant():
    """Where the interpreter keeps a text that it never changes."""
    ctypes.pythonapi.Py_GetCopyright.restype = ctypes.c_void_p
    return ctypes.pythonapi.Py_GetCopyright()

def closed(descriptor):
    try:
        os.lseek(descriptor, 0, os.SEEK_CUR)
    except OSError as error:
        return error.errno == errno.EBADF

def f(planted):
    try:
        return attempt(planted)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EACCES, errno.ENOSYS):
            raise
    except RuntimeError as error:
        if "start new thread" not in str(error):
            raise
    except MemoryError:
        pass
    return "refused"
'''
"""What attempts are made with. Told that they may not, they say so; any other error is a broken attempt."""
_PATIENT = Limits()


@dataclass(frozen=True)
class Escape:
    """One attempt to get out. `f` returns what it got hold of, or "refused" when it was told that it may not."""

    name: str
    body: str
    """The lines of a function of `planted`, a dict of what there is to be had; returns the evidence."""

    unlocked: Literal["nobody", "root", "perhaps", "everybody"] = "nobody"
    """Who gets through where only limits hold, so that the attempt is known to be a real one.

    `root` alone, because a limit holds everybody else; `perhaps`, where a machine may refuse it on grounds of its
    own. Nobody is asked to try what would do harm.
    """

    decider: bool = True
    """The decider's process cannot do it either."""
    ends: str = ""
    """How it ends, where it is not told: a pattern of the error of a lost call."""
    limits: Limits = _PATIENT
    only_on: str = ""
    """The one machine it is written for."""

    @property
    def source(self) -> str:
        return f"MACHINE = {platform.machine()!r}\n{_TOOLS}\ndef attempt(planted):\n{textwrap.indent(self.body.strip(), '    ')}\n"


ESCAPES = (
    # -- what others keep in files --
    Escape("reads a key of the home directory", "return open(planted['key']).read()", "everybody"),
    Escape("reads a file of the repository", "return open(planted['repository']).read()", "everybody"),
    Escape(
        "reads the list of users through the C library",
        """
text = ctypes.create_string_buffer(20)
call(libc.read, call(libc.open, b"/etc/passwd", 0), text, 20)
return text.value.decode()
""",
        "everybody",
    ),
    Escape(
        "opens a file by the number of the call",
        "return system(257, 56, -100, planted['key'].encode(), 0)",
        "everybody",
    ),
    Escape(
        "opens a file by the number of the newest call",
        "return system(437, 437, -100, planted['key'].encode(), bytes(24), 24)",
        "perhaps",
    ),
    Escape(
        "opens a file with machine code of its own",
        """
path = ctypes.create_string_buffer(planted["key"].encode())
system_call = machine_code(bytes.fromhex("4889f8 4889f7 4889d6 4889ca 4d89c2 0f05 c3"))
found = system_call(257, -100, ctypes.addressof(path), 0, 0)
if found < 0:
    raise OSError(-found, "openat")
return found
""",
        "everybody",
        only_on="x86_64",
    ),
    Escape(
        "makes a system call of another machine",
        'return machine_code(bytes.fromhex("53 89f8 cd80 5b c3"))(64, 0, 0, 0, 0)',
        decider=False,
        ends="signal (31|11)",
        only_on="x86_64",
    ),
    Escape(
        "makes a system call of the machine's other kind",
        "return system(0x40000000 | 110, 0)",
        "perhaps",
        only_on="x86_64",
    ),
    Escape(
        "opens a file through the folder it stands in",
        "return os.open('.', os.O_RDONLY | os.O_DIRECTORY)",
        "everybody",
        decider=False,
    ),
    Escape(
        "reads the environment of its parent",
        "return open(f'/proc/{planted[\"parent\"]}/environ').read()",
        "everybody",
    ),
    Escape(
        "opens the memory of its parent",
        "return os.open(f'/proc/{planted[\"parent\"]}/mem', os.O_RDONLY)",
        "perhaps",
    ),
    Escape(
        "lists what the tests have open",
        "return len(os.listdir(f'/proc/{planted[\"tests\"]}/fd'))",
        "everybody",
    ),
    Escape("reads its own environment as a file", "return open('/proc/self/environ').read()", "everybody"),
    Escape("reads the map of its own memory", "return open('/proc/self/maps').read(20)", "everybody"),
    Escape(
        "opens the memory of the machine", "return os.open('/dev/mem', os.O_RDONLY)", "perhaps", decider=False
    ),
    Escape(
        "finds a key in its environment",
        """
names = ctypes.POINTER(ctypes.c_char_p).in_dll(libc, "environ")
at = 0
while names[at]:
    if names[at].split(b"=")[0].decode() == planted["variable"]:
        return names[at].decode()
    at += 1
return os.environ.get(planted["variable"], "refused")
""",
    ),
    Escape(
        "asks whether a file exists", "return os.stat(planted['key']).st_size", "everybody", decider=False
    ),
    Escape(
        "asks whether it may read a file",
        "return call(libc.access, planted['key'].encode(), 4)",
        "everybody",
        decider=False,
    ),
    Escape("asks where a link leads", "return os.readlink(planted['link'])", "everybody", decider=False),
    Escape("lists the home directory", "return os.listdir(planted['home'])", "everybody"),
    Escape("enters the home directory", "return [os.chdir(planted['home'])]", "everybody", decider=False),
    Escape("asks where it stands", "return os.getcwd()", "everybody", decider=False),
    Escape(
        "finds a descriptor that is not its channel",
        """
found = []
for descriptor in range(4096):
    try:
        os.lseek(descriptor, 0, os.SEEK_CUR)
        found.append(descriptor)
    except OSError as error:
        if error.errno != errno.EBADF:
            found.append(descriptor)
return "refused" if found == [0, 1, 2, 3] and os.read(0, 1) + os.read(2, 1) == b"" else found
""",
        decider=False,
    ),
    # -- the network, and whoever else listens --
    Escape(
        "connects to a server of this machine",
        "return [socket.create_connection(('127.0.0.1', planted['tcp'])).close()]",
        "everybody",
    ),
    Escape(
        "sends a datagram to this machine",
        "return socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'key', ('127.0.0.1', planted['udp']))",
        "everybody",
    ),
    Escape(
        "connects to a server by its path",
        "return [socket.socket(socket.AF_UNIX).connect(planted['listener'])]",
        "everybody",
    ),
    Escape(
        "connects to a server without a path",
        "return [socket.socket(socket.AF_UNIX).connect(chr(0) + planted['abstract'])]",
        "everybody",
    ),
    Escape(
        "listens for others",
        "listening = socket.create_server(('127.0.0.1', 0))\nreturn listening.getsockname()[1]",
        "everybody",
    ),
    Escape(
        "resolves a name",
        "try:\n    return socket.gethostbyname('localhost')\nexcept socket.gaierror:\n    return 'refused'",
        "perhaps",
        decider=False,
    ),
    Escape(
        "asks the kernel for the network's interfaces",
        "return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW).fileno()",
        "everybody",
    ),
    Escape(
        "makes a pair of sockets",
        "return [end.close() for end in socket.socketpair()]",
        "everybody",
        decider=False,
    ),
    Escape("makes a pipe", "return os.pipe()", "everybody", decider=False),
    Escape("makes another channel of its own", "return os.dup(3)", "everybody", decider=False),
    Escape(
        "sends on its channel as on a socket, where descriptors could go along",
        "return call(libc.send, 3, b'', 0, 0)",
        "everybody",
        decider=False,
    ),
    Escape(
        "asks who reads its answers",
        """
who = (ctypes.c_int * 3)()
call(libc.getsockopt, 3, socket.SOL_SOCKET, socket.SO_PEERCRED, who, ctypes.byref(ctypes.c_int(12)))
return list(who)
""",
        "everybody",
        decider=False,
    ),
    Escape(
        "sets up a queue of calls that no filter sees",
        "return system(425, 425, 1, ctypes.create_string_buffer(120))",
        "perhaps",
    ),
    # -- writing --
    Escape(
        "writes a file where it stands",
        "os.close(os.open('escaped', os.O_CREAT | os.O_EXCL | os.O_WRONLY))\nreturn [os.unlink('escaped')]",
        "everybody",
        decider=False,
    ),
    Escape(
        "writes a temporary file",
        """
path = f"/tmp/drystone-escaped-{os.getpid()}"
os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
return [os.unlink(path)]
""",
        "everybody",
    ),
    Escape(
        "writes to the memory that processes share",
        """
path = f"/dev/shm/drystone-escaped-{os.getpid()}"
os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
return [os.unlink(path)]
""",
        "everybody",
    ),
    Escape(
        "makes memory that outlives it",
        "return [call(libc.shmctl, call(libc.shmget, 0, 4096, 0o600), 0, None)]",
        "everybody",
        decider=False,
    ),
    Escape("makes a file without a path", "return system(319, 279, b'x', 0)", "everybody", decider=False),
    Escape(
        "writes into the home directory",
        """
path = planted["home"] + "/escaped"
os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
return [os.unlink(path)]
""",
        "everybody",
    ),
    Escape(
        "writes into a file of the repository", "return os.open(planted['repository'], os.O_RDWR)", "perhaps"
    ),
    Escape("writes into the standard library", "return os.open(os.__file__, os.O_RDWR)", "perhaps"),
    Escape("deletes a file", "return [os.unlink(planted['draft'])]", "everybody"),
    Escape("renames a file", "return [os.rename(planted['draft'], planted['draft'] + '~')]", "everybody"),
    Escape("empties a file", "return [os.truncate(planted['draft'], 0)]", "everybody"),
    Escape("opens a file to everybody", "return [os.chmod(planted['draft'], 0o666)]", "everybody"),
    Escape("makes a folder", "return [os.mkdir(planted['home'] + '/made')]", "everybody"),
    Escape(
        "makes a second name of a key", "return [os.link(planted['key'], planted['key'] + '~')]", "everybody"
    ),
    Escape(
        "makes a link to a key", "return [os.symlink(planted['key'], planted['home'] + '/made')]", "everybody"
    ),
    Escape("makes a named pipe", "return [os.mkfifo(planted['home'] + '/made')]", "everybody"),
    Escape("changes the times of a file", "return [os.utime(planted['draft'], (0, 0))]", "everybody"),
    Escape(
        "opens a file to everybody by its descriptor",
        """
readable = os.open(os.__file__, os.O_RDONLY)
return [os.fchmod(readable, os.fstat(readable).st_mode)]
""",
        "perhaps",
    ),
    Escape(
        "notes something on a file",
        """
readable = os.open(os.__file__, os.O_RDONLY)
return [os.setxattr(readable, "user.escaped", b"", os.XATTR_REPLACE)]
""",
    ),
    Escape(
        "fills the disk",
        """
written = 0
for number in range(100):
    file = os.open(f"filled-{number}", os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    os.unlink(f"filled-{number}")
    written += os.write(file, bytes(1_000_000))
return written
""",
        decider=False,
    ),
    # -- other processes --
    Escape("forks", "pid = os.fork() or os._exit(0)\nreturn os.waitpid(pid, 0)[1]", "root"),
    Escape(
        "forks by the number of the call",
        "pid = system(56, 220, 17, 0, 0, 0, 0) or os._exit(0)\nreturn os.waitpid(pid, 0)[1]",
        "root",
    ),
    Escape(
        "forks by the number of the newest call",
        "pid = system(435, 435, (ctypes.c_ulong * 11)(0, 0, 0, 0, 17), 88) or os._exit(0)\nreturn os.waitpid(pid, 0)[1]",
        "perhaps",
    ),
    Escape(
        "forks and has its parent wait",
        "pid = system(56, 220, 0x4000 | 17, 0, 0, 0, 0) or os._exit(0)\nreturn os.waitpid(pid, 0)[1]",
        "root",
    ),
    Escape(
        "starts another program",
        "pid = os.posix_spawn(planted['python'], ['python', '-c', ''], {})\nreturn os.waitpid(pid, 0)[1]",
        "root",
    ),
    Escape("starts a shell", "return 'ran' if os.system('exit 0') == 0 else 'refused'", "root"),
    Escape(
        "becomes another program, which answers for it",
        """
answer = 'import os; os.write(3, b\\'{"n":0,"returned":"escaped"}\\\\n\\')'
os.execv(planted["python"], [planted["python"], "-I", "-S", "-c", answer])
""",
        "everybody",
    ),
    Escape("starts a thread", "return _thread.start_new_thread(int, ())", "root"),
    Escape(
        "forks without end",
        """
started = 0
while started < 50:
    os.fork() or os._exit(0)
    started += 1
return started
""",
    ),
    Escape(
        "leaves a process behind",
        """
if os.fork() == 0:
    os.setsid()
    end = time.monotonic() + 5
    while time.monotonic() < end:
        pass
    os._exit(0)
return "left one"
""",
    ),
    Escape("sends a signal to its parent", "return [os.kill(planted['parent'], signal.SIGURG)]", "everybody"),
    Escape("sends a signal to the tests", "return [os.kill(planted['tests'], signal.SIGURG)]", "everybody"),
    Escape("asks whom it could send a signal", "return [os.kill(-1, 0)]"),
    Escape(
        "sends a signal to a thread of its parent",
        "return system(234, 131, planted['parent'], planted['parent'], signal.SIGURG)",
        "everybody",
    ),
    Escape(
        "puts a signal into the queue of its parent",
        """
told = (ctypes.c_int * 32)(signal.SIGURG, 0, -1)
return system(129, 138, planted["parent"], signal.SIGURG, told)
""",
        "everybody",
    ),
    Escape(
        "has the kernel send signals to its parent",
        "return [call(libc.fcntl, 3, 8, planted['parent']), call(libc.fcntl, 3, 8, 0)]",
        "everybody",
        decider=False,
    ),
    Escape("takes hold of its parent", "return system(434, 434, planted['parent'], 0)", "perhaps"),
    Escape(
        "takes a descriptor of its parent",
        "return system(438, 438, system(434, 434, planted['parent'], 0), 0, 0)",
        "perhaps",
    ),
    Escape("traces its parent", "return system(101, 117, 0x4206, planted['parent'], 0, 0)", "perhaps"),
    Escape(
        "copies memory of its parent",
        """
copy = ctypes.create_string_buffer(16)
here, there = (ctypes.c_ulong * 2)(ctypes.addressof(copy), 16), (ctypes.c_ulong * 2)(id(os), 16)
return system(310, 270, planted["parent"], here, 1, there, 1, 0)
""",
        "perhaps",
    ),
    Escape(
        "writes into the memory of its parent",
        """
here = there = (ctypes.c_ulong * 2)(id(os), 0)
return [system(311, 271, planted["parent"], here, 1, there, 1, 0)]
""",
        "perhaps",
    ),
    Escape(
        "reads the processor time of its parent",
        "return time.clock_gettime((~planted['parent'] << 3) | 2)",
        "everybody",
        decider=False,
    ),
    Escape(
        "moves its parent to other processors",
        "return [os.sched_setaffinity(planted['parent'], os.sched_getaffinity(planted['parent']))]",
        "everybody",
        decider=False,
    ),
    Escape(
        "has its parent wait for others",
        "nice = os.getpriority(os.PRIO_PROCESS, planted['parent'])\n"
        "return [os.setpriority(os.PRIO_PROCESS, planted['parent'], nice)]",
        "everybody",
        decider=False,
    ),
    Escape(
        "limits its parent",
        "core = resource.prlimit(planted['parent'], resource.RLIMIT_CORE)\n"
        "return resource.prlimit(planted['parent'], resource.RLIMIT_CORE, core)",
        "everybody",
    ),
    Escape(
        "lives on when its parent ends",
        "return [call(libc.prctl, 1, 0, 0, 0, 0)]",
        "everybody",
        decider=False,
    ),
    Escape(
        "changes a descriptor that others hold as well",
        "os.set_blocking(0, False)\nreturn [os.set_blocking(0, True)]",
        "everybody",
        decider=False,
    ),
    Escape(
        "finds out its parent",
        "parent = os.getppid()\nreturn parent if parent > 0 else 'refused'",
        "everybody",
        decider=False,
    ),
    # -- time and memory --
    Escape(
        "sets its own limits",
        "return system(302, 261, 0, resource.RLIMIT_CORE, (ctypes.c_ulong * 2)(0, 0), None)",
        "everybody",
    ),
    Escape("takes more memory than there is", "return len(bytearray(1 << 40))"),
    Escape(
        "takes all memory in small pieces",
        """
pieces = []
while len(pieces) < 20_000:
    pieces.append(bytes(100_000))
return len(pieces)
""",
        decider=False,
        limits=Limits(memory_bytes=1 << 28),
    ),
    Escape(
        "reserves memory that it does not use",
        """
page = libc.mmap(None, ctypes.c_size_t(100 << 30), 3, 0x4022, -1, ctypes.c_long(0))
if page == ctypes.c_void_p(-1).value and ctypes.get_errno() == errno.ENOMEM:
    raise MemoryError
return page
""",
    ),
    Escape(
        "waits for ever",
        "lock = threading.Lock()\nlock.acquire()\nlock.acquire()",
        decider=False,
        ends="gave no answer",
        limits=Limits(batch_wall_seconds=3.0),
    ),
    Escape(
        "computes for ever, whatever signal it is sent",
        """
for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
while True:
    pass
""",
        decider=False,
        ends="used more processor time",
        limits=Limits(call_cpu_seconds=0.3),
    ),
    Escape(
        "leaves its memory behind in a file",
        "os.abort()",
        decider=False,
        ends="signal (6|11)",
    ),
    Escape(
        "sets an alarm",
        "signal.signal(signal.SIGALRM, signal.SIG_IGN)\nreturn signal.setitimer(signal.ITIMER_REAL, 1000)",
        "everybody",
        decider=False,
    ),
    # -- what the machine is --
    Escape("leaves for users of its own", "return [call(libc.unshare, 0x10000000)]", "perhaps"),
    Escape("joins what others live in", "return call(libc.setns, 0, 0)"),
    Escape(
        "mounts a file system",
        "return call(libc.mount, b'none', planted['home'].encode(), b'tmpfs', 0, None)",
    ),
    Escape("changes what is the root", "return [os.chroot(planted['home'])]", "perhaps"),
    Escape(
        "loads a program into the kernel",
        "return system(321, 280, 0, (ctypes.c_uint * 18)(2, 4, 8, 1), 72)",
        "perhaps",
    ),
    Escape(
        "keeps a key in the kernel",
        "return system(248, 217, b'user', b'drystone', b'x', 1, -2)",
        "perhaps",
    ),
    Escape(
        "counts what the processor does",
        "return system(298, 241, (ctypes.c_uint * 32)(1, 128), 0, -1, -1, 0)",
        "perhaps",
    ),
    Escape("handles its own page faults", "return system(323, 282, 1)", "perhaps"),
    Escape("lives as another kind of process", "return [call(libc.personality, 0xFFFFFFFF)]", "everybody"),
    Escape("asks what machine this is", "return os.uname().nodename", "everybody", decider=False),
    # -- the judge --
    Escape(
        "finds the judge among its modules",
        """
judges = ("pipeline.decider", "pipeline.stages", "pipeline.records", "pipeline.rules", "hypothesis", "pydantic", "tests")
gc.unfreeze()
names = {thing.__name__ for thing in gc.get_objects() if isinstance(thing, types.ModuleType)} | {*sys.modules}
return sorted(name for name in names if name.startswith(judges)) or "refused"
""",
        decider=False,
    ),
    Escape(
        "imports the tool",
        "try:\n    return importlib.import_module('pipeline.patterns').SECONDS\nexcept ImportError:\n    return 'refused'",
        "everybody",
        decider=False,
    ),
)

SEARCHES = (
    Escape(
        "looks through all objects there are",
        """
def holds(text):
    first, second = planted["first"], planted["second"]
    if isinstance(text, bytes):
        first, second = first.encode(), second.encode()
    at = text.find(first)
    while at >= 0:
        if text[at + len(first) :][: len(second)] == second:
            return True
        at = text.find(first, at + 1)
    return False
gc.unfreeze()
reached, new = set(), gc.get_objects()
while new:
    things = gc.get_referents(*new)
    new = []
    for thing in things:
        if isinstance(thing, (str, bytes)) and holds(thing):
            return planted["first"] + planted["second"]
        if id(thing) not in reached:
            reached.add(id(thing))
            new.append(thing)
return "refused"
""",
    ),
    Escape(
        "looks at the frames of those who call it",
        """
frame = sys._getframe()
while frame := frame.f_back:
    for value in [*frame.f_locals.values(), *frame.f_globals.values()]:
        if any(part.startswith(planted["second"]) for part in repr(value).split(planted["first"])[1:]):
            return planted["first"] + planted["second"]
return "refused"
""",
    ),
    Escape(
        "looks through all of its memory",
        """
first, second = planted["first"].encode(), planted["second"].encode()
number = ctypes.c_long(14 if MACHINE == "x86_64" else 135)
size = ctypes.c_long(8)
def readable(page):  # the kernel says so: it reads a set of signals from there, and refuses what to do with it
    libc.syscall(number, ctypes.c_long(99), ctypes.c_void_p(page), None, size)
    return ctypes.get_errno() == errno.EINVAL
known = [id(thing) for thing in gc.get_objects()] + [id(name) for name in sys.modules]
known += [ctypes.addressof(ctypes.create_string_buffer(10**power)) for power in range(1, 7)]
known += [ctypes.cast(function, ctypes.c_void_p).value for function in (libc.read, ctypes.pythonapi.Py_IsInitialized)]
libc.getenv.restype = ctypes.c_void_p
known.append(libc.getenv(b"TZ"))
blocks = {address >> 18 for address in known}
waiting = sorted(blocks)
while waiting:
    block = waiting.pop()
    before = b""
    for page in range(block << 18, block + 1 << 18, 4096):
        if not readable(page):
            before = b""
            continue
        text = before + ctypes.string_at(page, 4096)
        at = text.find(first)
        while at >= 0:
            if text[at + len(first) :][: len(second)] == second:
                return planted["first"] + planted["second"]
            at = text.find(first, at + 1)
        before = text[-len(first) - len(second) :]
        for near in range(block - 4, block + 5):
            if near not in blocks:
                blocks.add(near)
                waiting.append(near)
return "refused"
""",
    ),
)
"""What is looked for is told in two halves, or whoever looks for it would have it in memory himself."""


@dataclass(frozen=True)
class Poison:
    """Something a candidate leaves for the one after it: `spoil` does it, `look` says whether it is there."""

    name: str
    spoil: str
    look: str
    """An expression."""

    @property
    def source(self) -> str:
        return (
            f"MACHINE = {platform.machine()!r}\n{_TOOLS}\ndef spoil():\n{textwrap.indent(self.spoil.strip(), '    ')}\n"
            f"def f(spoiling):\n    if spoiling:\n        spoil()\n    return bool({self.look})\n"
        )


POISONS = (
    Poison("keeps something in a module", "math.drystone = 1", "hasattr(math, 'drystone')"),
    Poison(
        "replaces a built-in function",
        "true = builtins.len\nbuiltins.len = lambda x: 9 if x == 'drystone' else true(x)",
        "len('drystone') == 9",
    ),
    Poison(
        "replaces a function of a module",
        "true = math.floor\nmath.floor = lambda x: 9 if x == 0.5 else true(x)",
        "math.floor(0.5) == 9",
    ),
    Poison(
        "replaces a module",
        "sys.modules['fractions'] = types.ModuleType('fractions')",
        "not hasattr(importlib.import_module('fractions'), 'Fraction')",
    ),
    Poison(
        "replaces the way values are sent",
        "wire = sys.modules['pipeline.sandbox.wire']\ntrue = wire.encode\nwire.encode = lambda *a, **k: true(*a, **k)",
        "sys.modules['pipeline.sandbox.wire'].encode.__name__ == '<lambda>'",
    ),
    Poison(
        "replaces the way sandboxes lock themselves",
        "sys.modules['pipeline.sandbox.seccomp'].Filter.put_on = lambda self: None",
        "sys.modules['pipeline.sandbox.seccomp'].Filter.put_on.__name__ == '<lambda>'",
    ),
    Poison(
        "replaces a method of a type",
        "gc.get_referents(str.__dict__)[0]['shout'] = str.upper\nctypes.pythonapi.PyType_Modified(ctypes.py_object(str))",
        "hasattr(str, 'shout')",
    ),
    Poison(
        "replaces a number",
        "ctypes.memmove(id(251) + 24, id(250) + 24, 4)",
        "int('251') == int('250')",
    ),
    Poison(
        "writes over the text of the interpreter",
        "call(libc.mprotect, constant() & ~4095, 4096, 3)\nctypes.memmove(constant(), b'X', 1)",
        "ctypes.string_at(constant(), 1) == b'X'",
    ),
    Poison("changes the environment", "os.environ['DRYSTONE'] = '1'", "'DRYSTONE' in os.environ"),
    Poison(
        "changes the time zone",
        "os.environ['TZ'] = 'XYZ+5'\ntime.tzset()",
        "time.tzname[0] == 'XYZ'",
    ),
    Poison(
        "handles a signal",
        "signal.signal(signal.SIGUSR2, signal.SIG_IGN)",
        "signal.getsignal(signal.SIGUSR2) == signal.SIG_IGN",
    ),
    Poison(
        "blocks a signal",
        "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})",
        "signal.SIGUSR1 in signal.pthread_sigmask(signal.SIG_BLOCK, ())",
    ),
    Poison("counts with three digits", "decimal.getcontext().prec = 3", "decimal.getcontext().prec == 3"),
    Poison(
        "has everybody count with three digits",
        "decimal.DefaultContext.prec = 3\ndecimal.setcontext(decimal.DefaultContext)",
        "decimal.DefaultContext.prec == 3 or decimal.Context().prec == 3",
    ),
    Poison(
        "changes the locale", "locale.setlocale(locale.LC_ALL, 'C')", "locale.setlocale(locale.LC_ALL) == 'C'"
    ),
    Poison("limits recursion", "sys.setrecursionlimit(500)", "sys.getrecursionlimit() == 500"),
    Poison(
        "limits the digits of numbers",
        "sys.set_int_max_str_digits(1000)",
        "sys.get_int_max_str_digits() == 1000",
    ),
    Poison(
        "makes errors of warnings",
        "warnings.filterwarnings('error', 'drystone')",
        "any(entry[0] == 'error' for entry in warnings.filters)",
    ),
    Poison("knows what chance brings", "random.seed(7)", "random.getstate() == random.Random(7).getstate()"),
    Poison("stops collecting what is no longer used", "gc.disable()", "not gc.isenabled()"),
    Poison("watches every call", "sys.setprofile(lambda *_: None)", "sys.getprofile() is not None"),
    Poison(
        "finds modules its own way",
        "sys.meta_path.insert(0, types.SimpleNamespace(find_spec=lambda *_: None))",
        "type(sys.meta_path[0]) is types.SimpleNamespace",
    ),
    Poison(
        "handles what cannot be decoded",
        "codecs.register_error('strict', lambda error: ('?', error.end))",
        "codecs.lookup_error('strict') is not codecs.strict_errors",
    ),
    Poison(
        "calls its own class a number",
        "numbers.Number.register(types.SimpleNamespace)",
        "isinstance(types.SimpleNamespace(), numbers.Number)",
    ),
    Poison("closes what others read from", "os.close(0)\nos.close(2)", "closed(0)"),
    Poison(
        "leaves a module behind",
        "sys.modules['generated.spec.left'] = math",
        "'generated.spec.left' in sys.modules",
    ),
)
