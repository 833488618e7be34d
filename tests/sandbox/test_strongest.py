"""The choice of a sandbox: the strongest that holds when it is tried, and what is said where that is not enough."""

import os
import subprocess
import sys
from collections.abc import Sequence

import pytest
from subjects import kernel_sandbox, refusing_filters

from pipeline.errors import SandboxError
from pipeline.sandbox import strongest
from pipeline.sandbox.forked import ForkSandbox
from pipeline.sandbox.port import Call, Level, Observation, Program, Sandbox, Session
from pipeline.sandbox.process import ProcessSandbox
from pipeline.stages.judge import Judge


class Claims(Sandbox):
    """A sandbox that says it is of kernel level, and in which the attempts come to what a test wants."""

    level: Level = "kernel"
    layers: tuple[str, ...] = ("paper",)

    def __init__(self, observation: Observation | SandboxError) -> None:
        self.observation = observation
        self.closed = False

    def open(self, program: Program, *, hash_seed: int) -> Session:
        if isinstance(self.observation, SandboxError):
            raise self.observation
        return Answers(self.observation)

    def close(self) -> None:
        self.closed = True


class Answers(Session):
    def __init__(self, observation: Observation) -> None:
        self.observation = observation

    def observe(self, calls: Sequence[Call]) -> list[Observation]:
        return [self.observation] * len(calls)

    def close(self) -> bool:
        return True


LEAKS = {
    "unread code could still read a file, open a socket": Observation(
        "returned", value=["read a file", "open a socket"]
    ),
    "the sandbox could not be tried out: gave no answer within 20 s ": Observation(
        "lost", error="gave no answer within 20 s"
    ),
    "the sandbox could not be tried out: MemoryError no": Observation(
        "raised", error="MemoryError", message="no"
    ),
    "seccomp: Function not implemented": SandboxError("seccomp: Function not implemented"),
}


@pytest.mark.parametrize(("trouble", "found"), LEAKS.items(), ids=LEAKS)
def test_a_sandbox_that_does_not_hold_is_not_used(trouble: str, found: Observation | SandboxError) -> None:
    """What a sandbox says of itself counts for nothing: it is closed, a weaker one is taken, and it is said why."""
    started = Claims(found)
    chosen, why = strongest.choose(started, ())
    chosen.close()
    assert (chosen.level, why, started.closed) == ("process", trouble, True)


def test_a_sandbox_that_holds_is_used() -> None:
    """No attempt that went through is what makes it one."""
    started = Claims(Observation("returned", value=[]))
    assert strongest.choose(started, ()) == (started, "")


def test_kernel_isolation_holds_here() -> None:
    """The real one, tried with real attempts, on every machine that has it."""
    sandbox = kernel_sandbox()
    chosen, why = strongest.choose(sandbox, ())
    chosen.close()
    assert (chosen, why) == (sandbox, "")


def test_limits_alone_do_not_hold() -> None:
    """The attempts are real: where only limits are, nearly all of them go through."""
    sandbox = ForkSandbox("process")
    trouble = strongest.try_out(sandbox)
    sandbox.close()
    assert trouble is not None
    for attempt in ("read a file", "list a folder", "open a socket", "run a program", "start a thread"):
        assert attempt in trouble


def test_limits_alone_are_no_trouble_where_they_were_asked_for() -> None:
    """Whoever wants process level at most gets it, untried."""
    sandbox, why = strongest.choose(strongest.start("process", ()), ())
    sandbox.close()
    assert (type(sandbox), sandbox.level, why) == (ForkSandbox, "process", "")


def test_a_system_that_cannot_fork_has_the_sandbox_every_machine_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows: a new interpreter for each program, and a reason."""
    monkeypatch.delattr(os, "fork")
    monkeypatch.setattr(sys, "platform", "win32")
    started = strongest.start("kernel", ())
    assert type(started) is ProcessSandbox
    assert strongest.choose(started, ()) == (started, "there is no kernel isolation for win32 here")


@pytest.mark.parametrize(
    ("platform", "trouble", "expected"),
    [
        ("win32", "there is none", "WSL 2"),
        ("darwin", "seatbelt: refused", "outside of other sandboxes"),
        ("linux", "seccomp: Operation not permitted", "a seccomp profile that allows prctl(PR_SET_SECCOMP)"),
        ("linux", "there is none", "Linux (x86_64 or aarch64"),
    ],
)
def test_a_remedy_fits_its_platform(
    platform: str, trouble: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What to do is something a person on that system can do."""
    monkeypatch.setattr(sys, "platform", platform)
    assert expected in strongest.remedy(trouble)


# -- in a container that refuses filters ---------------------------------------------------------------------

JUDGES = """
from pipeline.records import Case, Contract, Param
from pipeline.stages.judge import Judge
judge = Judge()
contract = Contract(
    spec="s", function="f", summary="", params=(Param(name="x", type="int"),), returns="int",
    cases=(Case(name="two", given={"x": 2}, returns=4),),
)
judgement = judge.judge(contract, "def f(x: int) -> int:\\n    return x * 2\\n", {})
print(judge.isolation.level, judgement.passed, judge.isolation.trouble, judge.isolation.remedy, sep="|")
judge.close()
"""
DEMANDS = """
from pipeline.errors import SandboxError
from pipeline.stages.judge import Judge
try:
    Judge(at_least="kernel").isolation
except SandboxError as error:
    print(error)
"""


def in_a_container(script: str) -> str:
    """What a script prints in a process that filters are refused to."""
    command = refusing_filters([sys.executable, "-c", script])
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.stdout


def test_where_filters_are_refused_limits_are_left_and_it_is_said() -> None:
    """The judge works all the same, and says how far it isolates, why it is no more, and what to do."""
    level, passed, trouble, remedy = in_a_container(JUDGES).strip().split("|")
    assert (level, passed) == ("process", "True")
    assert "seccomp: Operation not permitted" in trouble
    assert "prctl(PR_SET_SECCOMP)" in remedy


def test_where_filters_are_refused_kernel_level_cannot_be_demanded() -> None:
    """Whoever demands it gets no verdict at all, but the trouble, the remedy and the setting to change."""
    said = in_a_container(DEMANDS)
    assert 'sandbox = "kernel" is required and not to be had here' in said
    assert "seccomp: Operation not permitted" in said
    assert "prctl(PR_SET_SECCOMP)" in said
    assert '"process" under [tool.drystone]' in said


def test_a_weaker_sandbox_is_refused_where_more_is_demanded() -> None:
    """Whatever the reason: what is less than demanded judges nothing."""
    judge = Judge(at_least="kernel", at_most="process")
    with pytest.raises(SandboxError, match='sandbox = "kernel" is required'):
        assert judge.isolation
    judge.close()
