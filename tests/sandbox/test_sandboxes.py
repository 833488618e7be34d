"""Every sandbox there is, with real child processes, honest and otherwise: the same claims, and where levels differ."""

import contextlib
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from subjects import kernel_sandbox

from pipeline.bounds.names import DEFAULT_IMPORTS
from pipeline.sandbox import forked
from pipeline.sandbox.children import bare_environment
from pipeline.sandbox.forked import ForkSandbox
from pipeline.sandbox.port import Call, Limits, Observation, Program, Sandbox, Session
from pipeline.sandbox.process import ProcessSandbox

QUICK = Limits(call_cpu_seconds=0.5, batch_wall_seconds=1.0)
OVERTIME = "used more processor time than one call may (does it loop for ever?)"
ENDLESS = "def f(x):\n    while True:\n        pass\n"
SLEEPS = "import time\ndef f(x):\n    time.sleep(60)\n"
FORKS = (
    "import os, time\ndef f(x):\n    if os.fork() == 0:\n        os.setsid()\n        time.sleep(6)\n"
    "        os._exit(0)\n    os._exit(0)\n"
)
WRITES = "def f(x):\n    with open('x', 'w') as file:\n        file.write('x')\n"
ECHO = "def f(x):\n    return x\n"

MADE: dict[str, Callable[[], Sandbox]] = {
    "spawned": ProcessSandbox,
    "forked": lambda: ForkSandbox("process", DEFAULT_IMPORTS),
    "kernel": kernel_sandbox,
}


@pytest.fixture(scope="module")
def opened() -> Iterator[dict[str, Sandbox]]:
    """One sandbox of each kind for all of these tests, made when it is asked for."""
    made: dict[str, Sandbox] = {}
    yield made
    for each in made.values():
        each.close()


@pytest.fixture(params=MADE)
def sandbox(request: pytest.FixtureRequest, opened: dict[str, Sandbox]) -> Sandbox:
    """Each of them in turn."""
    return one(request.param, opened)


@pytest.fixture(params=["spawned", "forked"])
def limited(request: pytest.FixtureRequest, opened: dict[str, Sandbox]) -> Sandbox:
    """Those of process level."""
    return one(request.param, opened)


@pytest.fixture(params=["forked", "kernel"])
def warm(request: pytest.FixtureRequest, opened: dict[str, Sandbox]) -> Sandbox:
    """Those with a fork server."""
    return one(request.param, opened)


@pytest.fixture
def kernel(opened: dict[str, Sandbox]) -> Sandbox:
    """The one of kernel level."""
    return one("kernel", opened)


def one(name: str, opened: dict[str, Sandbox]) -> Sandbox:
    if name not in opened:
        opened[name] = MADE[name]()
    return opened[name]


def program(source: str, types: str = "", limits: Limits | None = None) -> Program:
    return Program({"types": types, "f": source}, limits or Limits(batch_wall_seconds=30.0))


def observe(
    sandbox: Sandbox,
    source: str,
    *inputs: Any,
    limits: Limits | None = None,
    hash_seed: int = 1,
    types: str = "",
) -> tuple[list[Observation], bool]:
    """What calls of `f` in a fresh process came to, and whether it ended cleanly."""
    session = sandbox.open(program(source, types, limits), hash_seed=hash_seed)
    observations = session.observe([Call("f", (value,)) for value in inputs])
    return observations, session.close()


def only(sandbox: Sandbox, source: str, limits: Limits | None = None) -> Observation:
    """What one call came to."""
    (observation,), _ = observe(sandbox, source, 1, limits=limits)
    return observation


def outcomes(observations: Sequence[Observation]) -> list[str]:
    return [observation.outcome for observation in observations]


# -- calls ---------------------------------------------------------------------------------------------------


def test_a_call_returns(sandbox: Sandbox) -> None:
    """A value comes back in the form it is sent in."""
    source = "def f(x):\n    return [x, x + 1]\n"
    assert ([Observation("returned", value=[1, 2])], True) == observe(sandbox, source, 1)


def test_a_call_raises(sandbox: Sandbox) -> None:
    """An error comes back by name and text."""
    expected = Observation("raised", error="ValueError", message="no")
    assert ([expected], True) == observe(sandbox, "def f(x):\n    raise ValueError('no')\n", 1)


def test_an_error_of_the_spec_comes_back_bare(sandbox: Sandbox) -> None:
    """The spec's own errors are known by their names."""
    source = "from .types import Late\ndef f(x):\n    raise Late\n"
    (observation,), _ = observe(sandbox, source, 1, types="class Late(Exception):\n    pass\n")
    assert observation.error == "Late"


def test_an_error_of_its_own_says_where_it_is_from(sandbox: Sandbox) -> None:
    """A class of the same name is another error."""
    source = "class Late(Exception):\n    pass\ndef f(x):\n    raise Late\n"
    (observation,), _ = observe(sandbox, source, 1, types="class Late(Exception):\n    pass\n")
    assert observation.error == "generated.spec.f.Late"


def test_changed_arguments_come_back(sandbox: Sandbox) -> None:
    """Mutation is observed, not guessed."""
    (observation,), _ = observe(sandbox, "def f(xs):\n    xs.append(1)\n", [0])
    assert observation.arguments_after == ([0, 1],)


def test_unchanged_arguments_do_not_come_back(sandbox: Sandbox) -> None:
    """Nothing is said where nothing changed."""
    (observation,), _ = observe(sandbox, "def f(xs):\n    return len(xs)\n", [0])
    assert observation.arguments_after is None


def test_a_number_of_too_many_digits_crosses_as_a_word(sandbox: Sandbox) -> None:
    """What has no text cannot cross, and does not break the channel."""
    observations, clean = observe(sandbox, "def f(x):\n    return 10 ** 5000\n", 1)
    assert (outcomes(observations), clean) == (["returned"], True)


def test_batches_follow_each_other(sandbox: Sandbox) -> None:
    """A session answers batch after batch from one process."""
    session = sandbox.open(program("n = []\ndef f(x):\n    n.append(x)\n    return n\n"), hash_seed=1)
    session.observe([Call("f", (1,))])
    (observation,) = session.observe([Call("f", (2,))])
    session.close()
    assert observation.value == [1, 2]


def test_an_empty_batch_is_no_call(sandbox: Sandbox) -> None:
    """No calls, no observations, and a clean end."""
    assert observe(sandbox, ECHO) == ([], True)


def test_a_session_that_is_not_asked_ends_cleanly(sandbox: Sandbox) -> None:
    """Whoever opens a session need not use it."""
    assert sandbox.open(program(ECHO), hash_seed=1).close()


def test_code_is_loaded_under_the_name_it_will_have(sandbox: Sandbox) -> None:
    """The module's name does not tell the sandbox from the place where the function lands."""
    landed = Program({"f": "def f(x):\n    return __name__\n"}, package="generated.money")
    session = sandbox.open(landed, hash_seed=1)
    (observation,) = session.observe([Call("f", (1,))])
    session.close()
    assert observation.value == "generated.money.f"


def test_sessions_share_nothing(sandbox: Sandbox) -> None:
    """What one program does to its interpreter, the next does not see; nor does one that runs beside it."""
    meddles = "import builtins, json\njson.dumps = builtins.len = None\ndef f(x):\n    return x\n"
    honest = "import json\ndef f(x):\n    return [len(json.dumps('a')), x]\n"
    beside = sandbox.open(program(honest), hash_seed=1)
    observe(sandbox, meddles, 1)
    found = [*beside.observe([Call("f", (1,))]), *observe(sandbox, honest, 2)[0]]
    beside.close()
    assert [observation.value for observation in found] == [[3, 1], [3, 2]]


# -- what is lost --------------------------------------------------------------------------------------------


def test_a_lost_call_loses_the_rest(sandbox: Sandbox) -> None:
    """After the end of a process there are no answers; there is one observation a call all the same."""
    source = "import os\ndef f(x):\n    if x == 2:\n        os._exit(3)\n    return x\n"
    observations, clean = observe(sandbox, source, 1, 2, 3)
    assert (outcomes(observations), clean) == (["returned", "lost", "lost"], False)


def test_the_end_of_a_process_is_told(sandbox: Sandbox) -> None:
    """A lost call says how its process ended."""
    assert (
        only(sandbox, "import os\ndef f(x):\n    os._exit(3)\n").error == "ended its process with exit code 3"
    )


def test_a_crash_is_told(sandbox: Sandbox) -> None:
    """A process that the interpreter's own code brought down ended with a signal."""
    source = "import ctypes\ndef f(x):\n    return ctypes.string_at(0)\n"
    assert only(sandbox, source).error == "ended its process with signal 11"


def test_a_program_that_does_not_load_is_an_observation(sandbox: Sandbox) -> None:
    """A candidate that does not load is a lost call, not a broken sandbox."""
    assert only(sandbox, "raise KeyError('x')\n").error == "does not load: KeyError: 'x'"


def test_a_program_that_ends_while_it_loads_is_an_observation(sandbox: Sandbox) -> None:
    """Words on standard error do not make a candidate's end a broken sandbox."""
    source = "import os, sys\nprint('no memory', file=sys.stderr, flush=True)\nos._exit(1)\n"
    assert only(sandbox, source).outcome == "lost"


def test_an_end_that_is_none_is_not_clean(sandbox: Sandbox) -> None:
    """True answers and an exit status that is not 0."""
    source = "import atexit, os\natexit.register(os._exit, 3)\ndef f(x):\n    return x\n"
    observations, clean = observe(sandbox, source, 1)
    assert (outcomes(observations), clean) == (["returned"], False)


def test_an_endless_loop_ends(warm: Sandbox) -> None:
    """Processor time is limited for each call, where a fork server can tell it."""
    limits = Limits(call_cpu_seconds=0.5, batch_wall_seconds=30.0)
    assert only(warm, ENDLESS, limits).error == OVERTIME


def test_an_endless_loop_ends_with_the_batch(opened: dict[str, Sandbox]) -> None:
    """A spawned process has the wall clock alone."""
    assert only(one("spawned", opened), ENDLESS, QUICK).error == "gave no answer within 1 s"


def test_processor_time_is_counted_for_each_call(warm: Sandbox) -> None:
    """Many quick calls may take longer together than one may alone."""
    source = "import time\ndef f(x):\n    start = time.process_time()\n    while time.process_time() < start + 0.4:\n        pass\n"
    limits = Limits(call_cpu_seconds=1, batch_wall_seconds=30.0)
    observations, _ = observe(warm, source, 1, 2, 3, 4, limits=limits)
    assert outcomes(observations) == ["returned"] * 4


def test_sleep_ends_with_the_batch(limited: Sandbox) -> None:
    """A process that waits is given up when its time is over."""
    assert only(limited, SLEEPS, QUICK).error == "gave no answer within 1 s"


@pytest.mark.skipif(sys.platform != "linux", reason="seatbelt lets a process wait")
def test_sleep_is_refused(kernel: Sandbox) -> None:
    """At kernel level nobody waits: there is nothing that could come."""
    assert only(kernel, SLEEPS).error == "PermissionError"


def test_a_process_left_behind_holds_nobody_up(limited: Sandbox) -> None:
    """A grandchild that keeps the channel open cannot make the parent wait for ever."""
    start = time.monotonic()
    observations, clean = observe(limited, FORKS, 1, limits=QUICK)
    assert (outcomes(observations), clean, time.monotonic() < start + 5) == (["lost"], False, True)


def test_no_process_can_be_started(kernel: Sandbox) -> None:
    """At kernel level there are no grandchildren."""
    assert only(kernel, FORKS).error == "PermissionError"


def test_memory_is_limited(sandbox: Sandbox) -> None:
    """An allocation beyond the limit fails inside, where it is an error like any other."""
    assert only(sandbox, "def f(x):\n    return len(bytearray(2 * 10 ** 9))\n").error == "MemoryError"


def test_a_batch_has_a_size(sandbox: Sandbox) -> None:
    """Many large answers are given up before they fill the parent's memory."""
    observations, _ = observe(sandbox, "def f(x):\n    return 'x' * 15_000_000\n", *range(6))
    assert observations[-1].error == "returned more than 16 MiB, or 64 MiB in all"


# -- what a program sees -------------------------------------------------------------------------------------


def test_nothing_of_the_environment_is_there(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys and paths of the user never reach unread code."""
    monkeypatch.setenv("DRYSTONE_TEST_KEY", "secret")
    found = only(sandbox, "import os\ndef f(x):\n    return sorted(os.environ)\n")
    assert sorted({*bare_environment(1)}) == found.value


def test_the_folder_is_empty_and_not_the_users(limited: Sandbox) -> None:
    """Unread code starts in an empty folder of its own."""
    found = only(limited, "import os\ndef f(x):\n    return [os.getcwd(), os.listdir()]\n")
    assert (found.value[0] != str(Path.cwd()), found.value[1]) == (True, [])


@pytest.mark.parametrize("look", ["os.getcwd()", "os.listdir()", "os.stat('/')", "open(os.__file__)"])
def test_there_is_no_folder(kernel: Sandbox, look: str) -> None:
    """At kernel level there is no path, not even its own."""
    assert only(kernel, f"import os\ndef f(x):\n    return {look}\n").error == "PermissionError"


def test_no_file_can_be_written(limited: Sandbox) -> None:
    """Files have no room."""
    assert only(limited, WRITES).error == "OSError"


def test_no_file_can_be_opened(kernel: Sandbox) -> None:
    """At kernel level there are no files to have room."""
    assert only(kernel, WRITES).error == "PermissionError"


def test_what_it_prints_goes_nowhere(sandbox: Sandbox) -> None:
    """Printing is no answer and no offence."""
    source = "import sys\ndef f(x):\n    print('{\"n\":0}')\n    print('x' * 100000, file=sys.stderr)\n    return x\n"
    assert ([Observation("returned", value=1)], True) == observe(sandbox, source, 1)


def test_standard_input_is_empty(sandbox: Sandbox) -> None:
    """The calls cannot be read from where they come in."""
    assert only(sandbox, "import sys\ndef f(x):\n    return repr(sys.stdin.read())\n").value == "''"


def test_the_seed_of_hashes_is_given(sandbox: Sandbox) -> None:
    """Two processes with one seed hash alike, with two seeds they do not."""
    source = "def f(x):\n    return hash('x')\n"
    first, again, other = (observe(sandbox, source, 1, hash_seed=seed)[0][0].value for seed in (1, 1, 2))
    assert (first == again, first == other) == (True, False)


def test_chance_is_not_inherited(sandbox: Sandbox) -> None:
    """The two processes of a candidate draw other numbers, so what hangs on chance shows."""
    source = "import random\ndef f(x):\n    return random.random()\n"
    assert observe(sandbox, source, 1, hash_seed=1) != observe(sandbox, source, 1, hash_seed=2)


def test_the_second_process_lives_in_another_time_zone(sandbox: Sandbox) -> None:
    """What hangs on the machine's own zone answers differently there."""
    source = (
        "from datetime import datetime\ndef f(x):\n    return datetime(2026, 1, 1).astimezone().isoformat()\n"
    )
    first, _ = observe(sandbox, source, 1, hash_seed=1)
    second, _ = observe(sandbox, source, 1, hash_seed=2)
    assert [o.value[-6:] for o in (*first, *second)] == ["+00:00", "+09:00"]


# -- the standard library ------------------------------------------------------------------------------------

EVALUATES = f"""
import codecs, {", ".join(DEFAULT_IMPORTS)}
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

@functools.singledispatch
def kind(value):
    return 'other'

@kind.register
def _(value: int):
    return 'number'

@dataclasses.dataclass(frozen=True, order=True)
class Point:
    x: 'int | None'
    y: 'typing.List[str]'

@typing.runtime_checkable
class Sized(typing.Protocol):
    def __len__(self): ...

def f(text):
    return repr(eval(text))
"""
"""Unread code that evaluates what it is told to, with every module at hand that a candidate may import."""

LAZY = (
    # what imports more when it is first used
    "datetime.strptime('Tue 3 Feb 2026 10:11 PM +0100', '%a %d %b %Y %I:%M %p %z')", "datetime(2026, 2, 3).strftime('%c %A %j %G-W%V')",
    "datetime.fromisoformat('2026-02-03T10:11:12.5+02:00')", "'bücher.example'.encode('idna')", "'bücher'.encode('punycode')",
    "b'xn--bcher-kva.example'.decode('idna')", "'{:n}'.format(1234567.5)", "'{:n}'.format(Decimal('1.5'))", "format(Decimal(1) / 7, '.3f')",
    "hashlib.new('sha256', b'a').hexdigest()", "hashlib.new('sha3_256', b'a').hexdigest()", "hashlib.new('ripemd160', b'a').hexdigest()",
    "hashlib.pbkdf2_hmac('sha256', b'a', b'b', 10).hex()", "hmac.new(b'k', b'm', 'sha256').hexdigest()", "uuid.uuid5(uuid.NAMESPACE_DNS, 'a')",
    "uuid.uuid3(uuid.NAMESPACE_URL, 'a')", "statistics.quantiles([1, 2, 3, 4, 5])", "statistics.mean([Decimal(1), Fraction(1, 2)])",
    "statistics.linear_regression([1, 2, 3], [2, 4, 6.5])", "statistics.NormalDist(1, 2).inv_cdf(0.3)", "textwrap.shorten('the quick brown fox', 12)",
    "list(difflib.unified_diff(['a'], ['b']))", "list(difflib.ndiff(['a', 'c'], ['b', 'c']))", "difflib.get_close_matches('appel', ['ape', 'apple'])",
    "json.loads('{\"a\": \"\\\\u00e9\\\\ud83d\\\\ude00\"}')", "json.dumps({'é': ['\\u2028', 1e100]}, ensure_ascii=False, indent=1)", "json.dumps({'é😀': 1})",
    "re.findall(r'\\N{SNOWMAN}+', '☃☃')", "re.sub(r'(?i)(?P<Ärger>straße)', lambda m: m['Ärger'].upper(), 'STRASSE straße')",
    "unicodedata.lookup('SNOWMAN') + unicodedata.normalize('NFKD', 'ﬁé')", "'\\N{SNOWMAN}'", "calendar.month(2026, 2)", "list(calendar.day_name)",
    "calendar.HTMLCalendar().formatmonth(2026, 2)", "html.unescape('&eacute;&notin;')", "Fraction('3.25') + Fraction(1.5)", "base64.b85encode(b'abc')",
    "base64.b32decode(base64.b32encode(b'abc'))", "list(graphlib.TopologicalSorter({'a': {'b'}, 'b': {'c'}}).static_order())",
    "typing.get_type_hints(Point)", "dataclasses.astuple(Point(1, ['a']))", "dataclasses.make_dataclass('P', ['x'])(1).x", "Point(1, []) < Point(2, [])",
    "isinstance([], Sized), isinstance(3, Sized)", "typing.NamedTuple('N', [('a', int)])(1)", "kind(3), kind('a')", "functools.lru_cache(len)('abc')",
    "copy.deepcopy({'a': [1, {2}], 'd': datetime(2026, 1, 1), 'e': Decimal('1.5')})", "copy.deepcopy(collections.deque([1, [2]]))", "copy.copy(re.compile('a'))",
    "collections.Counter('abracadabra').most_common(2)", "collections.namedtuple('P', 'x y')(1, 2)._asdict()", "list(enum.Enum('C', 'a b'))",
    "[str(n) for n in ipaddress.ip_network('10.0.0.0/30').hosts()]", "urllib.parse.urlsplit('https://ü.example:80/a?b#c').hostname",
    "urllib.parse.urlencode({'a': 'é'}) + urllib.parse.unquote('%C3%A9')", "string.Template('$a b').substitute(a=1)", "struct.pack('>Ih', 1, 2)",
    "decimal.Context(prec=5).sqrt(Decimal(2))", "cmath.sqrt(-1), math.comb(10, 3)", "list(heapq.merge([1, 4], [2, 3]))", "'ß'.casefold() + 'İ'.lower() + 'ǅ'.title()",
    # text encodings, each a module of its own
    "'é'.encode('latin-1')", "'é'.encode('utf-16')", "'é'.encode('utf-16-le')", "'é'.encode('cp1252')", "b'\\\\u00e9'.decode('unicode_escape')",
    "'é'.encode('ascii', 'xmlcharrefreplace')", "'é'.encode('iso8859-15')", "urllib.parse.unquote('%E9', encoding='cp1252')", "codecs.encode('a', 'rot13')",
    "'日本'.encode('shift_jis')", "'é'.encode('no such encoding')",
    # time zones, each a file of its own
    "datetime(2026, 7, 1, 12, tzinfo=ZoneInfo('Europe/Berlin')).astimezone(ZoneInfo('America/New_York')).isoformat()",
    "datetime(2040, 7, 1, tzinfo=ZoneInfo('Australia/Lord_Howe')).utcoffset()", "copy.deepcopy(ZoneInfo('UTC')).key", "ZoneInfo('No/Such')",
    "ZoneInfo('../etc/passwd')", "ZoneInfo('Europe')",
)  # fmt: skip


@pytest.fixture(scope="module")
def evaluating(opened: dict[str, Sandbox]) -> Iterator[list[Session]]:
    """A session in a plain interpreter, and one at kernel level."""
    sessions = [
        one(name, opened).open(program(EVALUATES, limits=Limits()), hash_seed=1)
        for name in ("kernel", "spawned")
    ]
    yield sessions
    for session in sessions:
        session.close()


@pytest.mark.parametrize("module", DEFAULT_IMPORTS)
def test_what_a_candidate_may_import_it_can(kernel: Sandbox, module: str) -> None:
    """Every module of the bounds' list is there, although no file is."""
    name = module.rpartition(".")[2]
    source = (
        f"from {module.rpartition('.')[0] or module} import {name if '.' in module else '__name__'}\n{ECHO}"
    )
    assert only(kernel, source).value == 1


@pytest.mark.parametrize("expression", LAZY)
def test_the_standard_library_answers_as_anywhere(evaluating: list[Session], expression: str) -> None:
    """Nothing that a module looks for only when it is used is missing at kernel level."""
    inside, outside = (session.observe([Call("f", (expression,))]) for session in evaluating)
    assert inside == outside


@pytest.mark.parametrize("expression", LAZY)
def test_a_program_has_what_it_names(kernel: Sandbox, evaluating: list[Session], expression: str) -> None:
    """A program that names little is in a server that has little: all that it needs is there."""
    named = [
        module
        for module in ("codecs", *DEFAULT_IMPORTS)
        if re.search(rf"\b{re.escape(module)}\b", expression)
    ]
    zones = "from zoneinfo import ZoneInfo\n" * ("ZoneInfo" in expression)
    _, _, rest = EVALUATES.partition("from datetime")
    body = rest.replace("from zoneinfo import ZoneInfo\n", zones).partition("def f(text)")[0]
    imports = "".join(f"import {module}\n" for module in (*named, "dataclasses", "functools", "typing"))
    seen = only(kernel, f"{imports}from datetime{body}def f(x):\n    return repr(({expression}))\n")
    (outside,) = evaluating[1].observe([Call("f", (expression,))])
    assert (seen.outcome, seen.value, seen.error) == (outside.outcome, outside.value, outside.error)


def test_what_no_candidate_may_import_is_not_there(kernel: Sandbox) -> None:
    """A module that is not in memory cannot be had: its file cannot be read."""
    assert only(kernel, "def f(x):\n    import unittest\n").error == "ModuleNotFoundError"


def test_what_one_program_needs_weighs_on_no_other(warm: Sandbox) -> None:
    """A program that may want any codec gets them all, whatever ran before; one that may not has none after it."""
    asks = (
        "    import sys\n    return any(name.endswith(('.cp1252', 'diff' + 'lib')) for name in sys.modules)\n"
    )
    plain, rare = f"def f(x):\n{asks}", f"import codecs\ndef f(x):\n{asks}"
    seen = [only(warm, source).value for source in (rare, plain, rare)]
    assert seen == [True, False, True]


def test_no_file_beside_the_tool_stands_for_a_module_of_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tool lies among installed packages, and one of them may have the name of a standard module."""
    package = Path(forked.__file__).parents[1]
    shutil.copytree(package, tmp_path / "pipeline", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("textwrap", "json", "socket"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('not the one of Python')\n", "utf-8")
    monkeypatch.setattr(forked, "_ROOT", str(tmp_path))
    with contextlib.closing(ForkSandbox("process", DEFAULT_IMPORTS)) as sandbox:
        assert only(sandbox, "import textwrap\ndef f(x):\n    return textwrap.dedent('  a')\n").value == "a"


NAMES_A_CODEC = {
    "in a call within a call": "bytes('ab'.strip(), 'utf-16-le')",
    "by place": "map(str, [b'a'], ['cp1252'])",
    "in a name that is quoted": "__import__('urllib.parse').parse.quote('ab', '', 'cp1252')",
    "beside a call": "str(__import__('binascii').unhexlify('e9'), f'cp{1251 + x}')",
    "for what was packed": "str(__import__('struct').pack('>B', 233), f'cp{1251 + x}')",
    "by nothing but its name": "getattr('ab', 'en' + 'co' + 'de')('cp1250')",
}


@pytest.mark.parametrize("expression", NAMES_A_CODEC.values(), ids=NAMES_A_CODEC)
def test_whoever_names_a_codec_has_it(warm: Sandbox, expression: str) -> None:
    """However it comes to be used: honest code is not told that an encoding is unknown."""
    seen = only(warm, f"def f(x):\n    return repr({expression})\n")
    assert (seen.outcome, seen.error) == ("returned", "")


NESTED = "    for _ in range(90):\n        x = [x]\n    return [x] * 6000\n"
MANY = "    return [[]] * 240_000\n"


def test_values_within_values_count(warm: Sandbox) -> None:
    """What is short to say and long to read is refused before it is read, one answer or many."""
    assert str(only(warm, f"def f(x):\n{NESTED}").error)[:18] == "returned more than"
    session = warm.open(Program({"f": f"def f(x):\n{MANY}"}), hash_seed=0)
    seen = session.observe([Call("f", (1,))] * 6)
    session.close()
    assert [seen[-1].outcome, str(seen[-1].error)[:18]] == ["lost", "returned more than"]


# -- what is left --------------------------------------------------------------------------------------------


def gone(pid: int) -> bool:
    """Whether a process ends within a little while."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.01)
    return False


@pytest.mark.parametrize("name", MADE)
def test_nothing_is_left(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No folder, no descriptor and no process, whether a program ended well, was lost or was given up."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    descriptors = sorted(Path("/dev/fd").iterdir())
    sandbox = MADE[name]()
    pids = "import os\ndef f(x):\n    return os.getpid()\n"
    found = [only(sandbox, pids).value]
    observe(sandbox, "import os\nos._exit(0)\n", 1)
    open_still = sandbox.open(program(pids + "    while True:\n        pass\n", limits=QUICK), hash_seed=2)
    open_still.observe([])
    sandbox.close()
    open_still.close()
    assert ([gone(pid) for pid in found], list(tmp_path.iterdir())) == ([True], [])
    assert descriptors == sorted(Path("/dev/fd").iterdir())


def test_a_server_that_was_ended_is_replaced(opened: dict[str, Sandbox]) -> None:
    """Where only limits hold, a program can end its server; it is lost, and the next one gets another."""
    forked = one("forked", opened)
    found = [
        only(forked, "import os\ndef f(x):\n    os.kill(os.getppid(), 9)\n    while True:\n        pass\n", QUICK),
        only(forked, ECHO),
    ]  # fmt: skip
    assert outcomes(found) == ["lost", "returned"]


def test_a_server_that_ended_unseen_is_replaced(warm: Sandbox) -> None:
    """Whatever ended it while nobody was asking, and the child that waited with it, the next program does not notice."""
    assert isinstance(warm, ForkSandbox)
    only(warm, ECHO)
    server = warm._servers[1]
    waiting = server._lines[0]._waiting
    os.kill(server._process.pid, signal.SIGKILL)
    assert (waiting and waiting.recv(1)) == b""
    assert only(warm, ECHO).outcome == "returned"


def test_a_server_cannot_be_ended(kernel: Sandbox) -> None:
    """At kernel level no other process can be reached."""
    killing = "import os\ndef f(x):\n    os.kill(os.getpid(), 0)\n"
    assert only(kernel, killing).error == "PermissionError"
