"""Ports in every sandbox: what a child asks while a call runs, how it is answered, and what it cannot do with that."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from subjects import kernel_sandbox

from pipeline.bounds.names import DEFAULT_IMPORTS
from pipeline.sandbox.forked import ForkSandbox
from pipeline.sandbox.port import Answer, Asked, Call, Double, Limits, Observation, Program, Sandbox
from pipeline.sandbox.process import ProcessSandbox

PORT = {
    "$": "port",
    "v": {
        "name": "mailer",
        "methods": {
            "send": {"params": ["to", "body"], "async": False},
            "wait": {"params": ["to"], "async": True},
            "read": {"params": [], "async": False},
        },
    },
}
QUICK = Limits(call_cpu_seconds=0.5, batch_wall_seconds=1.0)
OVERTIME = "used more processor time than one call may (does it loop for ever?)"
MADE: dict[str, Callable[[], Sandbox]] = {
    "spawned": ProcessSandbox,
    "forked": lambda: ForkSandbox("process", DEFAULT_IMPORTS),
    "kernel": kernel_sandbox,
}


@pytest.fixture(scope="module")
def opened() -> Iterator[dict[str, Sandbox]]:
    """One sandbox of each kind for all of these tests, made when it is asked for."""
    found: dict[str, Sandbox] = {}
    yield found
    for each in found.values():
        each.close()


def made(kind: str, opened: dict[str, Sandbox]) -> Sandbox:
    if kind not in opened:
        opened[kind] = MADE[kind]()
    return opened[kind]


@pytest.fixture(params=MADE)
def sandbox(request: pytest.FixtureRequest, opened: dict[str, Sandbox]) -> Sandbox:
    """Each of them in turn."""
    return made(request.param, opened)


@pytest.fixture(params=["spawned", "forked"])
def sleepy(request: pytest.FixtureRequest, opened: dict[str, Sandbox]) -> Sandbox:
    """Those in which a child can sleep."""
    return made(request.param, opened)


@pytest.fixture(params=["forked", "kernel"])
def timed(request: pytest.FixtureRequest, opened: dict[str, Sandbox]) -> Sandbox:
    """Those that count a child's processor time."""
    return made(request.param, opened)


class Answers(Double):
    """Gives these answers in order, then none; `slow` takes its time over each."""

    def __init__(self, answers: Sequence[Answer], slow: float = 0.0) -> None:
        self.refusal = ", and there is no answer"
        self._answers = list(answers)
        self._slow = slow

    def answer(self, method: str, arguments: tuple[Any, ...]) -> Answer | None:
        time.sleep(self._slow)
        return self._answers.pop(0) if self._answers else None


class Always(Double):
    """Answers for ever."""

    refusal = ""

    def answer(self, method: str, arguments: tuple[Any, ...]) -> Answer | None:
        return Answer(1)


def call(*answers: Answer, function: str = "f", slow: float = 0.0, **more: Any) -> Call:
    return Call(function, (PORT,), lambda: Answers(answers, slow), **more)


def observe(
    sandbox: Sandbox, source: str, *calls: Call, limits: Limits | None = None, types: str = ""
) -> tuple[list[Observation], bool]:
    """What became of calls of `f`, and whether the child ended cleanly."""
    modules = {"types": types, "f": source}
    session = sandbox.open(Program(modules, limits or Limits(batch_wall_seconds=30)), hash_seed=0)
    found = session.observe(calls)
    return found, session.close()


def one(sandbox: Sandbox, source: str, asked: Call, **more: Any) -> Observation:
    (found,), _ = observe(sandbox, source, asked, **more)
    return found


def test_a_port_asks_and_is_answered(sandbox: Sandbox) -> None:
    """A method returns what the double answers; what was asked is recorded in order, with its answer."""
    source = "def f(mailer):\n    return [mailer.send('a', (1,)), mailer.read()]\n"
    answers = (Answer({"$": "tuple", "v": [1]}), Answer(2))
    found, clean = observe(sandbox, source, call(*answers))
    asked = (
        Asked("mailer.send", ("a", {"$": "tuple", "v": [1]}), answers[0]),
        Asked("mailer.read", (), answers[1]),
    )
    assert (found, clean) == (
        [Observation("returned", value=[{"$": "tuple", "v": [1]}, 2], asked=asked)],
        True,
    )


def test_arguments_may_be_named(sandbox: Sandbox) -> None:
    """They reach the double in the order of the method's parameters."""
    found = one(sandbox, "def f(mailer):\n    return mailer.send(body=1, to=2)\n", call(Answer()))
    assert [each.arguments for each in found.asked] == [(2, 1)]


@pytest.mark.parametrize("given", ["", "1", "1, 2, 3", "1, to=2", "1, body=2, cc=3", "1, other=2"])
def test_a_call_that_does_not_fit_is_the_functions_mistake(sandbox: Sandbox, given: str) -> None:
    """It raises TypeError where it stands, and nobody is asked."""
    found = one(sandbox, f"def f(mailer):\n    mailer.send({given})\n", call(Answer()))
    assert (found.outcome, found.error, found.asked) == ("raised", "TypeError", ())


def test_an_error_of_a_port_is_the_class_of_the_program(sandbox: Sandbox) -> None:
    """One of the spec's own can be caught by name; so can a built-in one that takes arguments."""
    types = "class Down(Exception):\n    pass\n"
    source = (
        "from .types import Down\ndef f(mailer):\n    try:\n        mailer.read()\n    except Down:\n        pass\n"
        "    try:\n        mailer.read()\n    except UnicodeDecodeError:\n        return 'caught'\n"
    )
    answers = (Answer(raises="Down"), Answer(raises="UnicodeDecodeError"))
    assert one(sandbox, source, call(*answers), types=types).value == "caught"


def test_an_async_function_waits_for_its_ports(sandbox: Sandbox) -> None:
    """It is driven to its end without an event loop."""
    source = "async def f(mailer):\n    return await mailer.wait('a') + await mailer.wait(to='b')\n"
    assert one(sandbox, source, call(Answer(1), Answer(2), is_async=True)).value == 3


HALTS = "import types\n@types.coroutine\ndef halt():\n    yield\n"


@pytest.mark.parametrize(
    ("source", "is_async", "outcome"),
    [
        (HALTS + "async def f(mailer):\n    await halt()\n", True, "TypeError"),
        ("def f(mailer):\n    return 1\n", True, "TypeError"),
        ("async def f(mailer):\n    return 1\n", False, "coroutine"),
        ("async def f(mailer):\n    return mailer.wait(1)\n", True, "coroutine"),
        ("def f(mailer):\n    return mailer.wait(1)\n", False, "coroutine"),
    ],
    ids=[
        "really suspended",
        "not async",
        "async uncalled for",
        "port not awaited",
        "port not awaited at all",
    ],
)
def test_nothing_else_is_waited_for(sandbox: Sandbox, source: str, *, is_async: bool, outcome: str) -> None:
    """What is suspended for anything but a port fails, and a coroutine is no value."""
    found = one(sandbox, source, call(Answer(1), is_async=is_async))
    assert (found.error or found.value["v"]) == outcome


def test_a_port_is_no_argument_that_can_change(sandbox: Sandbox) -> None:
    """Arguments after the call are told if one of the others changed, with the port as it was."""
    source = "def f(mailer, xs):\n    xs.append(mailer.read()) if xs else mailer.read()\n"
    calls = [Call("f", (PORT, xs), lambda: Answers([Answer(1)])) for xs in ([], [0])]
    found, _ = observe(sandbox, source, *calls)
    assert [each.arguments_after for each in found] == [None, (PORT, [0, 1])]


def test_a_port_of_an_earlier_call_is_dead(sandbox: Sandbox) -> None:
    """One that was kept raises, whoever uses it; the double of the next call is not asked."""
    source = "kept = []\ndef f(mailer):\n    kept.append(mailer)\n    return kept[0].read()\n"
    found, clean = observe(sandbox, source, call(Answer(1)), call(Answer(2)))
    assert [(each.value, each.error, len(each.asked)) for each in found] == [
        (1, "", 1),
        (None, "RuntimeError", 0),
    ]
    assert clean


def test_a_call_that_is_refused_is_lost(sandbox: Sandbox) -> None:
    """So is everything after it; what came before is kept, and the refused call is recorded without an answer."""
    source = "def f(mailer):\n    return mailer.read()\n"
    found, _ = observe(sandbox, source, call(Answer(1)), call(), call(Answer(1)))
    assert [each.outcome for each in found] == ["returned", "lost", "lost"]
    assert found[1].error == "asked for mailer.read, and there is no answer"
    assert found[1].asked == (Asked("mailer.read", (), None),)


def test_whoever_was_given_no_port_cannot_ask(sandbox: Sandbox) -> None:
    """A call without a double is lost when it asks."""
    found = one(sandbox, "def f(mailer):\n    return mailer.read()\n", Call("f", (PORT,)))
    assert (found.outcome, found.error) == ("lost", "asked for mailer.read and was given no port")


def test_asking_has_a_bound(sandbox: Sandbox) -> None:
    """A call that asks for ever is lost."""
    source = "def f(mailer):\n    while True:\n        mailer.read()\n"
    found = one(sandbox, source, Call("f", (PORT,), Always))
    assert (found.outcome, found.error, len(found.asked)) == (
        "lost",
        "asked for mailer.read more than 10,000 times",
        10_001,
    )


def test_processor_time_counts_over_all_asks(timed: Sandbox) -> None:
    """A call that asks now and then is over its time like one that never does."""
    source = "def f(mailer):\n    while True:\n        sum(range(500_000))\n        mailer.read()\n"
    assert one(timed, source, Call("f", (PORT,), Always), limits=QUICK).error == OVERTIME


def test_a_child_that_falls_silent_after_an_answer_is_given_up(sleepy: Sandbox) -> None:
    """Waiting is bounded from its last line on."""
    source = "import time\ndef f(mailer):\n    mailer.read()\n    time.sleep(60)\n"
    found = one(sleepy, source, call(Answer(1)), limits=QUICK)
    assert (found.outcome, found.error) == ("lost", "gave no answer within 1 s")


def test_the_time_of_whoever_answers_is_not_the_childs(sandbox: Sandbox) -> None:
    """A batch has as much time as without ports."""
    source = "def f(mailer):\n    return sum(mailer.read() for _ in range(4))\n"
    found = one(sandbox, source, call(*[Answer(1)] * 4, slow=0.6), limits=QUICK)
    assert (found.value, found.error) == (4, "")


SLOW_READER = """
import os, threading
never = threading.Lock()
never.acquire()
def f(mailer):
    os.write(3, b'{"n":0,"ask":"mailer.read","arguments":[]}\\n' * 4000)
    while True:
        never.acquire(timeout=0.5)
        os.read(3, 3400)
"""
"""Asks for more than it reads of, now and then, in next to no processor time."""


def test_a_child_that_reads_its_answers_slowly_is_given_up(timed: Sandbox) -> None:
    asked = Call("f", (PORT,), Always)
    begun = time.monotonic()
    found = one(timed, SLOW_READER, asked, limits=Limits(call_cpu_seconds=1, batch_wall_seconds=2))
    assert found.outcome == "lost"
    assert time.monotonic() - begun < 30


def test_a_lost_call_is_looked_for_with_fresh_doubles(sandbox: Sandbox) -> None:
    """Which call ended the process does not hang on chance, and every call has its own answers again."""
    source = "import os\ndef f(mailer):\n    if mailer.read() == 3:\n        os._exit(3)\n    return 1\n"
    found, _ = observe(sandbox, source, *(call(Answer(n)) for n in range(1, 6)))
    assert [each.outcome for each in found] == ["returned", "returned", "lost", "lost", "lost"]


def test_what_an_argument_holds_may_have_no_text(sandbox: Sandbox) -> None:
    """A number of five thousand digits arrives as something that is no value."""
    source = "def f(mailer):\n    mailer.send(1, 10 ** 5000)\n"
    found = one(sandbox, source, call(Answer()))
    assert found.asked[0].arguments == (1, {"$": "opaque", "v": "number of too many digits"})


WRITES = """
import os, time
def say(text):
    for descriptor in range(3, 32):
        try:
            os.write(descriptor, text)
        except OSError:
            pass
"""


@pytest.mark.parametrize(
    "frame",
    [
        b'{"n":0,"ask":1,"arguments":[]}',
        b'{"n":0,"ask":"mailer.read"}',
        b'{"n":0,"ask":"mailer.read","arguments":{}}',
        b'{"n":1,"ask":"mailer.read","arguments":[]}',
        b'{"ask":"mailer.read","arguments":[]}',
        b'{"n":0,"ask":"mailer.read","arguments":[' + b"[" * 900 + b"]" * 900 + b"]}",
    ],
    ids=[
        "no name",
        "no arguments",
        "arguments of a kind",
        "of another call",
        "of no call",
        "nested too deeply",
    ],
)
def test_a_frame_that_asks_wrongly_is_a_loss(sandbox: Sandbox, frame: bytes) -> None:
    """Nothing a child writes by itself is taken for more than it is."""
    source = f"{WRITES}def f(mailer):\n    say({frame!r} + b'\\n')\n    os._exit(0)\n"
    found = one(sandbox, source, call(Answer(1)))
    assert (found.outcome, found.error) == ("lost", "sent something that is no observation")


def test_asking_after_the_answer_is_a_loss(sandbox: Sandbox) -> None:
    """A frame out of turn ends the conversation: it is no part of the next call."""
    source = (
        f"{WRITES}import atexit\n"
        """atexit.register(lambda: say(b'{"n":0,"ask":"mailer.read","arguments":[]}\\n'))\n"""
        "def f(mailer):\n    return 1\n"
    )
    found, clean = observe(sandbox, source, call(Answer(1)))
    assert (found[0].value, clean) == (1, False)


def test_modules_of_other_packages_stand_beside_it(sandbox: Sandbox) -> None:
    """A module with a dot is one of a package beside; all `types` together give the classes."""
    modules = {
        "_shared.types": "from enum import StrEnum\nclass Kind(StrEnum):\n    A = 'a'\n",
        "money.types": "class Broke(Exception):\n    pass\n",
        "types": "from .._shared.types import Kind as Kind\n",
        "money.tax": "from .types import Broke\ndef tax(x):\n    if x < 0:\n        raise Broke\n    return x + 1\n",
        "f": "from ..money.tax import tax\nfrom .types import Kind\ndef f(x):\n    return [tax(x), Kind.A, __name__]\n",
    }
    session = sandbox.open(Program(modules, package="generated.spec"), hash_seed=0)
    found = session.observe([Call("f", (1,)), Call("money.tax", (1,)), Call("f", (-1,))])
    assert [(each.value, each.error) for each in found] == [
        ([2, {"$": "enum", "t": "Kind", "v": "a"}, "generated.spec.f"], ""),
        (2, ""),
        (None, "Broke"),
    ]
    assert session.close()
