"""Every rule of the bounds, one claim each: what is refused and why, what is supplied, what stays."""

import ast

import pytest

from pipeline.bounds import DEFAULT_IMPORTS, FunctionText, Insufficient, Refusal, check_reply, check_source
from pipeline.bounds.names import load_module
from pipeline.definitions import Param, TypeEnum, TypeRecord
from pipeline.records import Bounds, Callee, Contract, Raise
from pipeline.render import render_function

CONTRACT = Contract(
    spec="onboarding",
    function="verify",
    summary="Confirms an address.",
    params=(Param(name="progress", type="Progress"), Param(name="now", type="datetime")),
    returns="Progress",
    types={
        "Progress": TypeRecord(
            fields=(Param(name="email", type="str"), Param(name="sent_at", type="datetime"))
        ),
        "Step": TypeEnum(values=("unverified", "active")),
    },
    errors={"TokenExpired": "The link is too old."},
    raises=(Raise(error="TokenExpired", when="now > progress.sent_at"),),
    uses=(
        Callee(
            function="tidy", signature="def tidy(email: str) -> str:", summary="", raises=("TidyFailed: x",)
        ),
    ),
    bounds=Bounds(max_lines=20),
)


def fenced(code: str) -> str:
    return f"Here it is:\n\n```python\n{code}\n```\n"


def body(*lines: str) -> str:
    return fenced("def verify(progress, now):\n" + "\n".join(f"    {line}" for line in lines))


def accepted(reply: str, contract: Contract = CONTRACT) -> FunctionText:
    outcome = check_reply(reply, contract)
    assert isinstance(outcome, FunctionText), outcome
    return outcome


def reason(reply: str, contract: Contract = CONTRACT) -> str:
    outcome = check_reply(reply, contract)
    assert isinstance(outcome, Refusal), outcome
    return outcome.reason


GOOD = "def verify(progress, now):\n    return progress"

WIDE_EVAL = "".join(chr(ord(letter) + 0xFEE0) for letter in "eval")

REFUSED = [
    # The reply as a text.
    ("empty reply", "  \n", "the reply is empty"),
    ("prose", "I cannot help with that.", "no fenced code block"),
    ("two blocks", fenced(GOOD) + fenced(GOOD), "2 code blocks"),
    ("cut off", f"```python\n{GOOD}", "cut off"),
    ("empty block", "```python\n```", "code block is empty"),
    ("silent complaint", "Contract insufficient:", "not why"),
    ("huge", fenced(GOOD + "\n" + "    # x\n" * 5000), "bytes long"),
    ("null byte", body("return 'a\0b'"), "U+0000"),
    ("text that reads backwards", body("return 'a\u202eb'"), "U+202E"),
    # The block as Python.
    ("syntax error", body("return ("), "line 2: '(' was never closed"),
    ("only a later Python", fenced("def verify[T](progress, now):\n    return progress"), "line 1"),
    ("return outside", fenced(GOOD + "\nreturn 1"), "'return' outside function"),
    ("deep nesting", body(*["return " + "-" * 150 + "1"]), "nested too deeply"),
    ("deep calls", body("return " + "x" + ".a" * 3000), "nested too deeply"),
    ("huge number", body("return " + "9" * 5000), "line 2"),
    ("code compared by identity", body("return progress is 'a'"), '"is" with'),
    # Beside the function.
    ("another name", fenced(GOOD.replace("verify", "check")), "the function 'check' beside"),
    ("no function", fenced("import re"), "does not define the function 'verify'"),
    ("second function", fenced("def helper():\n    return 1\n" + GOOD), "the function 'helper' beside"),
    ("twice", fenced(GOOD + "\n" + GOOD), "defines 'verify' twice"),
    ("class", fenced("class Progress:\n    pass\n" + GOOD), "the class 'Progress' beside"),
    ("method", fenced("class A:\n    def verify(progress, now):\n        return 1"), "the class 'A' beside"),
    ("example call", fenced(GOOD + "\nprint(verify(1, 2))"), "'print(verify(1, 2))' beside"),
    ("main guard", fenced(GOOD + "\nif __name__ == '__main__':\n    verify(1, 2)"), "beside the function"),
    ("constant", fenced("LIMIT = 3\n" + GOOD), "'LIMIT = 3' beside"),
    ("import after", fenced(GOOD + "\nimport re"), "an import after the function"),
    # The signature.
    ("fewer parameters", fenced("def verify(progress):\n    return 1"), "must be (progress, now)"),
    ("swapped parameters", fenced("def verify(now, progress):\n    return 1"), "must be (progress, now)"),
    ("default", fenced("def verify(progress, now=None):\n    return 1"), "default"),
    ("starred", fenced("def verify(progress, now, *rest):\n    return 1"), "starred"),
    ("keyword only", fenced("def verify(progress, *, now):\n    return 1"), "keyword-only"),
    ("decorator", fenced("@cache\n" + GOOD), "decorator"),
    ("async", fenced("async " + GOOD), "the async function 'verify'; write 'def verify'"),
    ("generator", body("yield progress"), "generator"),
    # Imports.
    ("module with effects", fenced("import os\n" + GOOD), "imports 'os'"),
    ("module from within", body("import subprocess", "return subprocess.run('id')"), "imports 'subprocess'"),
    ("package of effects", fenced("import urllib.request\n" + GOOD), "imports 'urllib.request'"),
    ("star", fenced("from math import *\n" + GOOD), "imports *"),
    ("stranger", fenced("from .secrets import key\n" + GOOD), "a file the contract does not name"),
    ("renamed type", fenced("from .types import Progress as P\n" + GOOD), "under another name"),
    (
        "own name taken",
        fenced("from re import match as tidy\ndef verify(progress, now):\n    return tidy(now)"),
        "the contract itself",
    ),
    (
        "two things",
        fenced("from copy import copy\nfrom json import loads as copy\n" + GOOD),
        "two things as 'copy'",
    ),
    ("strange future", fenced("from __future__ import barry_as_FLUFL\n" + GOOD), "only annotations"),
    ("in a block, of effects", body("if now:", "    import os", "return progress"), "imports 'os'"),
    (
        "beside code, over lines",
        body("from re import (", "  escape); return escape('a')"),
        "line of its own",
    ),
    (
        "bound twice",
        body("try:", "    import re", "except ImportError:", "    re = None", "return re.escape('a')"),
        "use another name",
    ),
    (
        "hides a builtin in a part",
        body("def f():", "    from math import pow", "    return pow(2, 2)", "return f() + pow(2, 2)"),
        "put it at the top",
    ),
    (
        "module and class",
        fenced(
            "import datetime\ndef verify(progress, now):\n    return datetime(2026, 1, 1) - datetime.timedelta(1)"
        ),
        "drop that import",
    ),
    (
        "module and method of the class",
        fenced("import datetime\ndef verify(progress, now):\n    return datetime.fromisoformat('a')"),
        "drop that import",
    ),
    (
        "module in a text that shows itself",
        fenced("import datetime\ndef verify(progress, now):\n    return f'{datetime.timedelta(1)=}'"),
        "drop that import",
    ),
    (
        "clock of the module",
        fenced("import datetime\ndef verify(progress, now):\n    return datetime.datetime.now()"),
        "reads the clock",
    ),
    ("class as module", body("return now - datetime.timedelta(1)"), "maybe write 'timedelta' bare"),
    (
        "no such member",
        fenced("from math import cube\ndef verify(progress, now):\n    return cube(1)"),
        "no public name 'cube'",
    ),
    ("nothing defines it", body("return database.load()"), "uses the name 'database', which nothing defines"),
    # Builtins.
    ("eval", body("return eval('1')"), "uses 'eval'"),
    ("eval in wide letters", body(f"return {WIDE_EVAL}('1')"), "uses 'eval'"),
    ("exec in a default", body("def f(x=exec('1')):", "    return x", "return f()"), "uses 'exec'"),
    ("open in a lambda", body("return (lambda: open('/etc/passwd'))()"), "uses 'open'"),
    ("print", body("print(progress)", "return progress"), "input or output"),
    ("getattr", body("return getattr(progress, 'email')"), "reaches names by text"),
    ("hash", body("return hash(progress.email)"), "differs from one run"),
    ("exit", body("raise SystemExit"), "ends the process"),
    ("builtins by name", body("return __builtins__['eval']"), "'__builtins__', which belongs to Python"),
    ("loader", body("return __loader__"), "'__loader__'"),
    ("type of three", body("return type('A', (), {})"), "makes a class"),
    ("type by another name", body("t = type", "return t('A', (), {})"), "'type' as a value"),
    # Attributes.
    ("subclasses", body("return object.__subclasses__()"), "private attribute '__subclasses__'"),
    ("globals of a function", body("return (lambda: 0).__globals__"), "private attribute '__globals__'"),
    ("private", body("return progress._secret"), "private attribute '_secret'"),
    (
        "attribute in a pattern",
        body("match now:", "    case object(__class__=c):", "        return c"),
        "'__class__'",
    ),
    ("frame of a generator", body("return (x for x in ()).gi_frame.f_back"), "'f_back'"),
    (
        "frame of an error",
        body("try:", "    1 / 0", "except ZeroDivisionError as e:", "    return e.tb_frame"),
        "'tb_frame'",
    ),
    ("sets an attribute", body("progress.email = 'x'", "return progress"), "build a new value"),
    (
        "state on itself, hidden",
        body(
            "def f():",
            "    with localcontext() as verify:",
            "        pass",
            "verify.calls = 1",
            "return progress",
        ),
        "build a new value",
    ),
    ("dunder in a pattern", body("match now:", "    case {**__x__}:", "        return 1"), "'__x__'"),
    ("state on itself", body("verify.calls = 1", "return progress"), "build a new value"),
    (
        "state in a loop variable",
        body("for verify.calls in (1, 2):", "    pass", "return progress"),
        "build a new value",
    ),
    ("changes a module", body("del calendar.month_name[0]", "return progress"), "not the function's own"),
    ("format by attribute", body("return '{0.__class__}'.format(now)"), "format field '0.__class__'"),
    ("format by index", body("return '{0[a]}'.format(now)"), "format field '0[a]'"),
    ("format in a format", body("return '{:{1.__doc__}}'.format(1, now)"), "format field '1.__doc__'"),
    ("format of a variable", body("return progress.email.format(now)"), "not a literal"),
    ("format of the class", body("return str.format('{0.__class__}', now)"), "not a literal"),
    ("format map", body("return progress.email.format_map({})"), "not a literal"),
    # Modules.
    ("module through a module", body("return re.enum.sys.modules"), "'re' has no public name 'enum'"),
    ("sys through abc", body("return collections.abc.sys"), "'collections.abc' has no public name 'sys'"),
    (
        "os through uuid",
        fenced("from uuid import os\ndef verify(progress, now):\n    return os.environ"),
        "no public name 'os'",
    ),
    ("private of a module", body("return string._re"), "private attribute '_re'"),
    ("module as a value", body("m = re", "return m.enum"), "uses the module 're' as a value"),
    ("submodule as a value", body("m = collections.abc", "return m.sys"), "as a value"),
    ("submodule not allowed", body("return urllib.request.urlopen('x')"), "'urllib'"),
    ("clock", body("return datetime.now()"), "reads the clock"),
    ("clock by another name", body("d = datetime", "return d.now()"), "reads the clock"),
    ("clock of the instance", body("return now.today()"), "reads the clock"),
    ("local zone", body("return now.astimezone()"), "without a time zone"),
    ("local timestamp", body("return datetime.fromtimestamp(0)"), "without a time zone"),
    (
        "moment without offset",
        body("return now.replace(tzinfo=None).astimezone(timezone.utc)"),
        "makes a moment without an offset, which reads as the machine's own time zone",
    ),
    (
        "moment without offset, by position",
        body("return now.replace(2026, 1, 1, 0, 0, 0, 0, None)"),
        "without an offset",
    ),
    ("random id", body("return uuid.uuid4()"), "is random"),
    (
        "random id by name",
        fenced("from uuid import uuid4 as u\ndef verify(progress, now):\n    return u()"),
        "is random",
    ),
    ("random samples", body("return statistics.NormalDist().samples(3)"), "is random"),
    ("decimal context", body("return decimal.getcontext().prec"), "state outside"),
    ("decimal precision", body("decimal.getcontext().prec = 3", "return progress"), "build a new value"),
    ("shared decimal context", body("c = decimal.DefaultContext", "return c"), "state outside"),
    (
        "attributes by text",
        fenced(
            "from operator import attrgetter\ndef verify(progress, now):\n    return attrgetter('__class__')(now)"
        ),
        "by text",
    ),
    (
        "attributes by copying",
        body("def g(): return 1", "return functools.update_wrapper(g, g, ('__globals__',))"),
        "by text",
    ),
    (
        "format by the class",
        body("return string.Formatter().vformat('{0.__class__}', (now,), {})"),
        "by text",
    ),
    (
        "evaluated annotations",
        body("def g(x: '__import__(0)'): return x", "return typing.get_type_hints(g)"),
        "made at run time",
    ),
    (
        "annotations by dispatch",
        body("@functools.singledispatch", "def g(x): return x", "return g(1)"),
        "made at run time",
    ),
    ("copyreg", body("return copy.copyreg"), "'.copyreg' of copy.copy, which has none"),
    ("registers a class", body("return collections.abc.Sized.register(Progress)"), "state outside"),
    # Statements.
    ("global", body("global Progress", "Progress = 1", "return progress"), "declares 'Progress' global"),
    ("global of its own", body("global seen", "seen = 1", "return progress"), "nothing defines"),
    ("class inside", body("class A:", "    pass", "return A"), "the class 'A'"),
    ("async inside", body("async def g():", "    return 1", "return g()"), "the async function 'g' inside"),
    # Stubs and elisions.
    ("pass", body("pass"), "stub"),
    ("dots", body("..."), "stub"),
    ("docstring alone", body('"""Confirms."""'), "stub"),
    ("docstring and dots", body('"""Confirms."""', "..."), "stub"),
    ("not implemented", body("raise NotImplementedError"), "NotImplementedError"),
    ("dots in a branch", body("if now:", "    ...", "return progress"), "leaves code out"),
    ("rest", body("# ... rest of the checks", "return progress"), "leaves code out"),
    ("todo", body("return progress  # TODO: check the token"), "leaves code out"),
    ("your code", body("# your code here", "return progress"), "leaves code out"),
    ("implement", body("# Implement the logic here", "return progress"), "leaves code out"),
    # Size.
    ("many lines", body(*["x = 1"] * 20, "return progress"), "has 21 lines in its body; at most 20"),
    ("many lines as one", body("; ".join(["x = 1"] * 20), "return progress"), "has 21 lines in its body"),
    ("formatter off", body("# fmt: off", "x = 1; y = 2", "return progress"), "steers the formatter"),
]


@pytest.mark.parametrize(("reply", "expected"), [pytest.param(r, e, id=n) for n, r, e in REFUSED])
def test_refused(reply, expected):
    """Every hostile or careless reply is refused, for its own reason, in one line."""
    actual = reason(reply)

    assert expected in actual
    assert "\n" not in actual


# -- other outcomes ----------------------------------------------------------------------------------------


def test_insufficient():
    """A reply that opens with its complaint is one, whatever follows."""
    outcome = check_reply("**Contract insufficient:** which zone is\n`now` in?\n\n" + fenced(GOOD), CONTRACT)

    assert Insufficient(reason="which zone is `now` in?") == outcome


def test_complaint_in_code_is_code():
    """Inside the fence the words are no complaint."""
    assert "line 1" in reason(fenced("contract insufficient: no zone"))


HEADER = "def verify(progress, now):\n"

ACCEPTED = [
    # Fences.
    ("no fence", GOOD, "    return progress\n", ()),
    ("windows line ends", fenced(GOOD).replace("\n", "\r\n"), "    return progress\n", ()),
    (
        "indented fence",
        "1. so:\n   ```py\n   def verify(progress, now):\n       return 1\n   ```",
        "    return 1\n",
        (),
    ),
    ("backticks in code", body("return '```'"), '    return "```"\n', ()),
    # What the tool owns.
    ("module docstring", fenced('"""A module."""\n' + GOOD), "    return progress\n", ()),
    ("docstring", body('"""Confirms."""', "return progress"), "    return progress\n", ()),
    ("docstring beside code", body('"""Confirms."""; return progress'), "    return progress\n", ()),
    ("one line", fenced("def verify(progress, now): return progress"), "    return progress\n", ()),
    (
        "other annotations",
        fenced("def verify(progress: 'List[str]', now: Any) -> None:\n    return 1"),
        "    return 1\n",
        (),
    ),
    (
        "types of the contract",
        fenced("from .types import Progress\nfrom types import Step\n" + GOOD),
        "    return progress\n",
        (),
    ),
    (
        "types from a guess",
        fenced("from onboarding.models import Progress\n" + GOOD),
        "    return progress\n",
        (),
    ),
    ("callee", fenced("from tidy import tidy\n" + HEADER + "    return tidy(1)"), "    return tidy(1)\n", ()),
    (
        "error of a callee",
        body("try:", "    return tidy('')", "except TidyFailed:", "    return progress"),
        None,
        (),
    ),
    ("future", fenced("from __future__ import annotations\n" + GOOD), "    return progress\n", ()),
    ("unused", fenced("import re\nfrom typing import List\n" + GOOD), "    return progress\n", ()),
    # Comments and texts keep their place.
    (
        "comments",
        body("# first", "x = 1  # beside", "", "# second", "return x", "# last"),
        "    # first\n    x = 1  # beside\n\n    # second\n    return x\n    # last\n",
        (),
    ),
    (
        "text over lines",
        body('x = """a', '  b"""', "return x"),
        '    x = """a\n      b"""\n    return x\n',
        (),
    ),
    ("narrow text", fenced(HEADER + '  return """a\n b"""'), '    return """a\n b"""\n', ()),
    (
        "decorator inside",
        body("@functools.cache", "def f(n):", "    return n", "return f(1)"),
        "    @functools.cache\n    def f(n):\n        return n\n\n    return f(1)\n",
        ("import functools",),
    ),
    ("letters of two bytes", body('"""é"""; é = 1; return é'), "    é = 1\n    return é\n", ()),
    # Imports.
    ("kept", fenced("import re as r\n" + HEADER + "    return r.escape('a')"), None, ("import re as r",)),
    ("hoisted", body("import re", "return re.escape('a')"), '    return re.escape("a")\n', ("import re",)),
    (
        "hoisted from a block",
        body("if now:", "    import re  # for texts", "    return re.escape('a')", "return progress"),
        '    if now:\n        return re.escape("a")\n    return progress\n',
        ("import re",),
    ),
    (
        "hoisted alone from a block",
        body("if now:", "    from re import (", "        escape,", "    )", "return escape('a')"),
        '    if now:\n        pass\n    return escape("a")\n',
        ("from re import escape",),
    ),
    (
        "hoisted from one line",
        body("x = 'é'; import re; import math; return re.escape(x), math.pi"),
        '    x = "é"\n    return re.escape(x), math.pi\n',
        ("import math", "import re"),
    ),
    (
        "hoisted from the line of the function",
        fenced("def verify(progress, now): import re; import math; return re.escape('a')"),
        '    return re.escape("a")\n',
        ("import re",),
    ),
    ("hoisted with its mark", body("import re;", "return re.I"), "    return re.I\n", ("import re",)),
    (
        "module for the class",
        fenced(
            "import datetime\ndef verify(progress, now: datetime.datetime) -> datetime.date:\n"
            "    x = 'é', datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)\n"
            "    return x, now - datetime.timedelta(1)"
        ),
        '    x = "é", datetime(2026, 1, 1, tzinfo=timezone.utc)\n    return x, now - timedelta(1)\n',
        (
            "from datetime import datetime",
            "from datetime import timedelta",
            "from datetime import timezone",
        ),
    ),
    (
        "module for the class, beside a local of the same name",
        fenced(
            "import datetime, re\n" + HEADER + "    date = datetime.date(2026, 1, 1)\n    return date, re.I"
        ),
        "    date = datetime_date(2026, 1, 1)\n    return date, re.I\n",
        ("from datetime import date as datetime_date", "import re"),
    ),
    (
        "module for the class, within",
        body("import datetime", "return now - datetime.timedelta(1)"),
        "    return now - timedelta(1)\n",
        ("from datetime import timedelta",),
    ),
    (
        "module under another name",
        fenced("import datetime as dt\n" + HEADER + "    return dt.datetime(2026, 1, 1) - dt.timedelta(1)"),
        None,
        ("import datetime as dt",),
    ),
    (
        "another offset",
        body("return now.replace(tzinfo=timezone.utc)"),
        None,
        ("from datetime import timezone",),
    ),
    ("module supplied", body("return re.escape('a')"), None, ("import re",)),
    (
        "name supplied",
        body("return Decimal(1), ROUND_UP"),
        None,
        ("from decimal import Decimal", "from decimal import ROUND_UP"),
    ),
    ("class of the signature", body("return now - timedelta(1)"), None, ("from datetime import timedelta",)),
    ("function of its module", body("return bisect([], 1)"), None, ("from bisect import bisect",)),
    ("module of its function", body("return bisect.bisect_left([], 1)"), None, ("import bisect",)),
    ("submodule", body("return isinstance(now, collections.abc.Sized)"), None, ("import collections.abc",)),
    (
        "submodule by name",
        fenced("from collections import abc\n" + HEADER + "    return abc.Sized"),
        None,
        ("from collections import abc",),
    ),
    ("dotted module", body("return urllib.parse.quote('a')"), None, ("import urllib.parse",)),
    ("annotation inside", body("x: List[int] = []", "return x"), None, ("from typing import List",)),
    # What looks forbidden and is not.
    ("local named as a builtin", body("id = 1", "input = id", "return input"), None, ()),
    ("re.compile", body("return re.compile('a').sub"), None, ("import re",)),
    ("nonlocal", body("n = 0", "def f():", "    nonlocal n", "    n = 1", "f()", "return n"), None, ()),
    ("generator inside", body("def f():", "    yield 1", "return list(f())"), None, ()),
    ("format of a literal", body("return '{:>{}} {a}'.format(1, 2, a=3)"), None, ()),
    ("format handed on", body("return map('{:02d}'.format, (1,))"), None, ()),
    (
        "local context",
        body("with localcontext() as c:", "    c.prec = 3", "return 1"),
        None,
        ("from decimal import localcontext",),
    ),
    ("recursion", body("return verify(progress, now) if now else progress"), None, ()),
    (
        "pass in a branch",
        body("try:", "    return tidy('')", "except ValueError:", "    pass", "return progress"),
        None,
        (),
    ),
    (
        "comment on the rest",
        body("# the rest of the token stays; remaining code points are kept", "return progress"),
        None,
        (),
    ),
]


@pytest.mark.parametrize(
    ("reply", "kept", "imports"), [pytest.param(r, b, i, id=n) for n, r, b, i in ACCEPTED]
)
def test_accepted(reply, kept, imports):
    """What keeps the bounds is accepted, with the body and the imports expected of it; and lands as it is."""
    text = accepted(reply)

    assert imports == text.imports
    if kept is not None:
        assert kept == text.body
    assert check_source(render_function(CONTRACT, text), CONTRACT) is None


def test_forbidden_name():
    """A constraint's forbidden name is refused, even under another name."""
    bounds = Bounds(forbidden_names=("float", "math.sqrt"))
    contract = CONTRACT.model_copy(update={"bounds": bounds})
    renamed = fenced("from math import sqrt as s\n" + HEADER + "    return s(2)")

    assert "uses 'float'" in reason(body("return float(1)"), contract)
    assert "uses 'math.sqrt'" in reason(renamed, contract)
    assert "uses 'math.sqrt'" in reason(body("return math.sqrt(2)"), contract)


def test_only_listed_modules_are_imported():
    """A module the contract leaves out is neither supplied nor accepted, but for what the signature needs."""
    contract = CONTRACT.model_copy(update={"bounds": Bounds(forbidden_imports=DEFAULT_IMPORTS)})
    used = fenced("from collections.abc import Sized\n" + HEADER + "    return Sized")
    needed = fenced("from datetime import datetime\n" + HEADER + "    return datetime(2026, 1, 1)")

    assert "'re', which nothing defines" in reason(body("return re.escape('a')"), contract)
    assert "imports 're'" in reason(fenced("import re\n" + GOOD), contract)
    assert "imports 'collections.abc'" in reason(used, contract)
    assert accepted(needed, contract).imports == ("from datetime import datetime",)


def test_a_field_may_have_a_refused_name():
    """`.now` of a record that has such a field is no clock; that of the class still is."""
    types = {"Progress": TypeRecord(fields=(Param(name="now", type="datetime"),))}
    contract = CONTRACT.model_copy(update={"types": types})

    accepted(body("return progress.now"), contract)
    assert "reads the clock" in reason(body("return datetime.now()"), contract)


NAMED = CONTRACT.model_copy(
    update={
        "types": {
            "Progress": TypeRecord(
                fields=(
                    Param(name="now", type="datetime"),
                    Param(name="format", type="str"),
                    Param(name="parts", type="list[Progress]"),
                )
            )
        }
    }
)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("return progress.now.now(progress.now.tzinfo)", "reads the clock"),
        ("return now.now()", "reads the clock"),
        ("f = now.now; return f()", "reads the clock"),
        ("f = progress.now.now; return f()", "reads the clock"),
        ("return list(map(now.now, [None]))", "reads the clock"),
        ("return Progress(now=now.now)", "reads the clock"),
        ("return (lambda: now.now)()()", "reads the clock"),
        ("x = {}; x[now.now] = 1; return [f() for f in x]", "reads the clock"),
        ("return '{0.__class__.__module__}'.format(progress)", "format field '0.__class__.__module__'"),
        ("return '{0.__init__.__globals__}'.format(progress)", "format field '0.__init__.__globals__'"),
        ("return progress.format.format(progress)", "not a literal"),
        ("f = '{0.__class__}'.format; return f(progress)", "format field '0.__class__'"),
        ("for progress in (now,): return map(progress.now, [None])", "reads the clock"),
    ],
)
def test_a_field_with_a_refused_name_opens_nothing(line, expected):
    """A record's field named like a refused attribute allows no call of it, nor a way to one."""
    assert expected in reason(body(line), NAMED)


@pytest.mark.parametrize(
    "line",
    [
        "return progress.now, progress.format",
        "x = progress; return Progress(now=x.now, format=x.format, parts=[])",
        "return [part.now for part in progress.parts]",
        "return sorted(progress.parts, key=lambda part: part.now)[0].now",
        "p = Progress(now=now, format='', parts=[]); return p.now",
        "return progress.now.hour, '{}'.format(progress.format)",
    ],
)
def test_a_field_with_a_refused_name_is_read(line):
    """Reading such a field of the contract's own record is allowed."""
    assert isinstance(check_reply(body(line), NAMED), FunctionText)


def test_default_imports_exist():
    """Every module allowed by default is one of the standard library, on every Python supported."""
    assert [name for name in DEFAULT_IMPORTS if load_module(name) is None] == []


# -- landed files ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("import re\n", "", "uses the name 're' without importing it"),
        ("from .tidy import tidy\n", "", "uses the name 'tidy' without importing it"),
        ("from .tidy import tidy\n", "from tidy import tidy\n", "imports 'tidy'"),
        ("from .types import Progress\n", "from models import Progress\n", "imports 'models'"),
        ("now: datetime", "now: __import__('os').system('id')", "must have the signature"),
        (") -> Progress", ")", "must have the signature"),
        ("return tidy", "print(1)\n    return tidy", "uses 'print'"),
        ("# Written", "# coding: utf-7\n# Written", "declares an encoding"),
        ("def verify", "import os\ndef verify", "imports 'os'"),
    ],
)
def test_landed_file_is_held_to_the_same_rules(old, new, expected):
    """An edit that leaves the bounds is refused; in a file the imports and annotations are real."""
    landed = render_function(CONTRACT, accepted(body("return tidy(re.escape(progress.email))")))
    assert old in landed

    refusal = check_source(landed.replace(old, new), CONTRACT)

    assert refusal is not None
    assert expected in refusal.reason


def test_meaning_is_kept():
    """The landed body is the model's: the same syntax tree but for docstring and imports."""
    lines = [
        "import re",
        'pattern = re.compile(r"""a',
        '  b""")',
        "if (x := pattern.match(progress.email)) and not x: raise TokenExpired('a' 'b')",
        "match now:",
        "    case datetime(year=2026): return [y for y in (1, 2,) if y]",
        "return lambda a, *, b=1: {**{}, 'k': f'{a!r:>{b}}'}",
    ]
    model = ast.parse(HEADER + "\n".join(f"    {line}" for line in lines)).body[0]
    landed = ast.parse(render_function(CONTRACT, accepted(body(*lines)))).body[-1]

    assert [ast.dump(node) for node in model.body[1:]] == [ast.dump(node) for node in landed.body[1:]]
