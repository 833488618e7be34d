"""The one place where the benchmarks touch the judge: how it is opened, and how much effort it makes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pipeline.decider.clauses import Clauses
from pipeline.records import Contract, Effort, Judgement
from pipeline.sandbox.port import Level, Program
from pipeline.stages.judge import Judge
from pipeline.store import InputStore

EXAMPLES = Effort(generated=0, landing=False, counterexample=False)
GENERATED = Effort(landing=False)
FULL = Effort()


@contextmanager
def opened(level: Level) -> Iterator[Judge]:
    """A judge as a project has it, with a folder for the inputs it draws; its processes end with the block."""
    with TemporaryDirectory() as folder:
        judge = Judge(InputStore(Path(folder) / "inputs"), at_least=level, at_most=level)
        try:
            yield judge
        finally:
            judge.close()


def judged(judge: Judge, contract: Contract, program: Program, effort: Effort) -> Judgement:
    """What the judge says of a program, the bounds aside: references hold more than one function."""
    return judge.judge_program(contract, program, effort)


def allowed(contract: Contract, inputs: Sequence[list[Any]]) -> list[bool]:
    """Of each list of plain values, whether it is of a contract's types and within its preconditions."""
    clauses = Clauses(contract)
    names = [param.name for param in contract.params]
    found = []
    for arguments in inputs:
        try:
            decoded = clauses.arguments(dict(zip(names, arguments, strict=True)))
        except ValueError:
            found.append(False)
        else:
            found.append(clauses.allowed(decoded))
    return found
