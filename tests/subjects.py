"""Contracts, candidates and sandboxes for the tests of the judge, short to write down; no candidate passes the bounds."""

import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pipeline import render
from pipeline.bounds.names import DEFAULT_IMPORTS
from pipeline.definitions import Param
from pipeline.records import Case, Contract, Judgement, Rule
from pipeline.sandbox import seccomp, strongest
from pipeline.sandbox.forked import ForkSandbox
from pipeline.sandbox.port import Limits, Program
from pipeline.stages.judge import Judge


def contract(params: dict[str, str], returns: str = "int", **more: Any) -> Contract:
    """A contract of `f`; rules as texts, cases as `(given, returned)`."""
    for clauses in ("requires", "ensures"):
        more[clauses] = tuple(Rule(rule=text) for text in more.get(clauses, ()))
    cases = [
        case if isinstance(case, Case) else Case(name=f"case {number}", given=case[0], returns=case[1])
        for number, case in enumerate(more.pop("cases", ()))
    ]
    return Contract(
        spec="s",
        function="f",
        summary="",
        params=tuple(Param(name=name, type=annotation) for name, annotation in params.items()),
        returns=returns,
        cases=tuple(cases),
        **more,
    )


def decide(
    judge: Judge, promised: Contract, source: str, *, limits: Limits | None = None, **callees: str
) -> Judgement:
    """What the judge says of a module, whatever the bounds would say of it."""
    modules = {"types": render.render_stub_types(promised), **callees, promised.function: source}
    return judge.judge_program(promised, Program(modules, limits or Limits(batch_wall_seconds=30)))


def broken(judgement: Judgement) -> list[str]:
    """Names of the clauses that were not kept."""
    return [clause.clause for clause in judgement.failures]


def kernel_sandbox() -> ForkSandbox:
    """A sandbox of kernel level; skips the test where the machine has none.

    Where Linux says that it filters system calls, ours must work: nothing is skipped there.
    """
    if sys.platform == "linux":
        if not (Path("/proc/sys/kernel/seccomp/actions_avail").exists() and seccomp.supported()):
            pytest.skip("this kernel filters no system calls, or its numbers are not known")
        return ForkSandbox("kernel", DEFAULT_IMPORTS)
    sandbox, trouble = strongest.choose(strongest.start("kernel", DEFAULT_IMPORTS), DEFAULT_IMPORTS)
    if not isinstance(sandbox, ForkSandbox) or sandbox.level != "kernel":
        sandbox.close()
        pytest.skip(trouble)
    return sandbox


REFUSES = """
import os, struct, sys
from pipeline.sandbox import seccomp
load, if_equal, refuse, allow = (0x20, 0, 0, 0), (0x15, 0, 1, int(sys.argv[1])), (0x06, 0, 0, 0x00050001), (0x06, 0, 0, 0x7FFF0000)
seccomp.Filter(b"".join(struct.pack("=HBBI", *step) for step in (load, if_equal, refuse, allow))).put_on()
os.execv(sys.argv[2], sys.argv[2:])
"""


def refusing_filters(command: Sequence[str]) -> list[str]:
    """A command line that runs another one as some containers do: without `prctl`, so without filters of its own."""
    if sys.platform != "linux" or not seccomp.supported():
        pytest.skip("there are no filters to refuse here")
    prctl = {"x86_64": 157, "aarch64": 167}[platform.machine()]
    return [sys.executable, "-c", REFUSES, str(prctl), *command]
