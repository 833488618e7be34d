"""Whether the gate's verdicts hold: references pass, faults do not, and a verdict is the same whenever it is given.

    python tests/benchmarks/soundness.py                  references and mutants, with the effort of a landing
    python tests/benchmarks/soundness.py --domains        generated inputs against the tasks' own preconditions
    python tests/benchmarks/soundness.py --repeat 5       the same verdicts five times, under load, by 1, 2, 4 threads

A mutant that passes is a miss if it can be told from the reference by an input of its contract: those of HumanEval+
are tried, most of which no contract has seen. The others are equivalent, as far as anyone can tell. The contracts say
what must come of HumanEval's own tests and nothing of other inputs: a miss is a test that HumanEval does not have.
"""

import argparse
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from contracts import make_contract, make_program
from humaneval import Task, read_tasks
from judging import FULL, allowed, judged, opened
from mutants import AT_MOST, mutants

from pipeline.records import Contract, Judgement
from pipeline.sandbox.port import Program
from pipeline.stages.judge import Judge

OUTSIDE = {
    "HumanEval/32": "no rule says that Newton's method converges",
    "HumanEval/116": "one of its own base inputs breaks its asserts",
}
"""Tasks whose contract allows more than their asserts do, and why."""
_OBSERVED_SECONDS = 60
_HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Work:
    """One judgement to make. `operator` and `place` are empty for a reference."""

    task: Task
    contract: Contract
    program: Program
    operator: str = ""
    place: str = ""

    @property
    def name(self) -> str:
        return f"{self.task.id} {self.task.function} {self.place}".strip()


def references(tasks: Sequence[Task]) -> list[Work]:
    """Every reference under its contract."""
    contracts = [make_contract(task) for task in tasks]
    return [
        Work(task, contract, make_program(contract, task.source))
        for task, contract in zip(tasks, contracts, strict=True)
    ]


def faulty(works: Sequence[Work], at_most: int) -> list[Work]:
    """Up to `at_most` mutants of every reference, under the reference's contract."""
    return [
        Work(
            work.task,
            work.contract,
            make_program(work.contract, mutant.source),
            mutant.operator,
            mutant.place,
        )
        for work in works
        for mutant in mutants(work.task.source, work.task.function, at_most)
    ]


def judge_all(judge: Judge, works: Sequence[Work], threads: int) -> list[Judgement]:
    """The judgement of each, with the effort of a landing."""
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda work: judged(judge, work.contract, work.program, FULL), works))


def first_failure(judgement: Judgement) -> str:
    """The first clause that was not kept, and the judge's words."""
    return next((f"{clause.clause}: {clause.message}" for clause in judgement.failures), "")


# -- references and mutants --------------------------------------------------------------------------------


def verdicts(judge: Judge, works: Sequence[Work], options: argparse.Namespace) -> dict[str, Any]:
    """What came of references and mutants: refusals, and misses among what passed."""
    refused = [
        f"{work.name}: {first_failure(judgement)}"
        for work, judgement in zip(works, judge_all(judge, works, options.threads), strict=True)
        if not judgement.passed
    ]
    faults = faulty(works, options.mutants)
    judgements = judge_all(judge, faults, options.threads)
    passed = [work for work, judgement in zip(faults, judgements, strict=True) if judgement.passed]
    with ThreadPoolExecutor(options.threads) as pool:
        differences = list(pool.map(difference, passed))
    return {
        "references": len(works),
        "falsely refused": refused,
        "mutants": dict(Counter(work.operator for work in faults)),
        "passed": dict(Counter(work.operator for work in passed)),
        "refused by": dict(Counter(_kind(judgement) for judgement in judgements if not judgement.passed)),
        "misses": _named(passed, differences, within=True),
        "misses outside of the contract": _named(passed, differences, within=False),
    }


def _kind(judgement: Judgement) -> str:
    return judgement.failures[0].clause.partition("[")[0]


def _named(passed: list[Work], differences: list[tuple[bool, str] | None], *, within: bool) -> list[str]:
    found = zip(passed, differences, strict=True)
    return [f"{work.operator}: {work.name}: {seen[1]}" for work, seen in found if seen and seen[0] == within]


def difference(work: Work) -> tuple[bool, str] | None:
    """An input of HumanEval+ that tells a mutant from its reference, and whether its contract allows that input.

    One that the contract allows is preferred; None if there is no difference at all.
    """
    inputs = [*work.task.base, *work.task.plus]
    before = _observed(work.task.source, work.task.function, inputs)
    after = _observed(work.program.modules[work.task.function], work.task.function, inputs)
    if before is None or after is None:
        return (True, "it did not come to an end")
    told = [place for place, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]
    if not told:
        return None
    within = [
        place
        for place, kept in zip(told, allowed(work.contract, [inputs[n] for n in told]), strict=True)
        if kept
    ]
    place = (within or told)[0]
    return bool(within), f"{str(inputs[place])[:100]}: {after[place][:60]} instead of {before[place][:60]}"


def _observed(source: str, function: str, inputs: list[list[Any]]) -> list[str] | None:
    asked = json.dumps({"source": source, "function": function, "inputs": inputs})
    try:
        ended = subprocess.run(
            [sys.executable, str(_HERE / "observe.py")],
            input=asked, capture_output=True, text=True, check=True, timeout=_OBSERVED_SECONDS,
        )  # fmt: skip
    except subprocess.SubprocessError:
        return None
    return list(json.loads(ended.stdout))


def show_verdicts(found: dict[str, Any]) -> list[str]:
    """What came of references and mutants, for a person."""
    every, passed = found["mutants"], found["passed"]
    total, through, missed = sum(every.values()), sum(passed.values()), len(found["misses"])
    lines = [f"{len(found['falsely refused'])} of {found['references']} references refused"]
    lines += [f"  {text}" for text in found["falsely refused"]]
    lines += [f"{total - through} of {total} mutants refused ({(total - through) / max(total, 1):.1%})"]
    lines += [
        f"  {operator:20}{number - passed.get(operator, 0):5} of {number:4}"
        for operator, number in sorted(every.items())
    ]
    lines += [f"  refused by {kind:12}{number:5}" for kind, number in sorted(found["refused by"].items())]
    outside = len(found["misses outside of the contract"])
    lines.append(
        f"{through} mutants passed: {missed} differ on an input of the contract, {outside} only on other inputs, "
        f"{through - missed - outside} on none that was tried"
    )
    lines += [f"  missed: {text}" for text in found["misses"]]
    return lines + [f"  outside: {text}" for text in found["misses outside of the contract"]]


# -- domains -----------------------------------------------------------------------------------------------


def domains(judge: Judge, works: Sequence[Work], threads: int) -> list[str]:
    """Contracts that allow an input which the task's own asserts refuse, or refuse one of their cases.

    The function under judgement is the reference with the asserts in front, so it raises where one does not hold.
    """
    checked = [
        Work(work.task, work.contract, make_program(work.contract, work.task.checked_source))
        for work in works
        if work.task.id not in OUTSIDE
    ]
    judgements = zip(checked, judge_all(judge, checked, threads), strict=True)
    found = [
        f"{work.name}: {first_failure(judgement)}" for work, judgement in judgements if not judgement.passed
    ]
    for work in works:
        cases = [list(case.given.values()) for case in work.contract.cases]
        refused = [
            arguments
            for arguments, kept in zip(cases, allowed(work.contract, cases), strict=True)
            if not kept
        ]
        found += [f"{work.name}: its own case {str(arguments)[:100]} is outside" for arguments in refused]
    return found


# -- the same verdict, whenever ----------------------------------------------------------------------------


def repeated(open_judge: Callable[[], Any], works: Sequence[Work], times: int) -> list[str]:
    """Judgements that were not the same, byte for byte, in every repetition: alone, and under load by 1, 2, 4 threads."""
    seen: list[set[str]] = [set() for _ in works]
    with busy(os.cpu_count() or 1):
        for number in range(times):
            with open_judge() as judge:
                for threads in (1, 2, 4):
                    for texts, judgement in zip(seen, judge_all(judge, works, threads), strict=True):
                        texts.add(judgement.model_dump_json())
            _say(f"repetition {number + 1} of {times}: {sum(len(texts) > 1 for texts in seen)} differ")
    return [
        f"{work.name}: {len(texts)} different judgements"
        for work, texts in zip(works, seen, strict=True)
        if len(texts) > 1
    ]


@contextmanager
def busy(processes: int) -> Iterator[None]:
    """Keep every core busy with something else meanwhile."""
    command = [sys.executable, "-I", "-S", "-c", "while True: pass"]
    started = [subprocess.Popen(command) for _ in range(processes)]
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    """Print what was found; 1 if a verdict does not hold."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--level", choices=("kernel", "process"), default="kernel")
    parser.add_argument("--domains", action="store_true", help="check the contracts instead")
    parser.add_argument("--repeat", type=int, metavar="N", help="check that verdicts repeat instead")
    parser.add_argument("--mutants", type=int, default=AT_MOST, help="at most so many of a function")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--tasks", type=int, default=None, help="only the first so many")
    parser.add_argument("--only", default="", help="tasks by number or function, with commas between")
    parser.add_argument("--json", type=Path, help="file for what was found")
    options = parser.parse_args()
    works = references(read_tasks(options.only, options.tasks))
    open_judge = partial(opened, options.level)
    if options.repeat:
        few = min(options.mutants, 2)
        wrong = repeated(
            open_judge, [one for work in works for one in (work, *faulty([work], few))], options.repeat
        )
        found: Any = wrong
        lines = [*wrong, f"{len(wrong)} judgements differ from one time to another"]
    elif options.domains:
        with open_judge() as judge:
            found = wrong = domains(judge, works, options.threads)
        lines = [*wrong, f"{len(wrong)} inputs on the wrong side of a precondition"]
    else:
        with open_judge() as judge:
            found = verdicts(judge, works, options)
        wrong, lines = found["falsely refused"], show_verdicts(found)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    _say("\n".join(lines))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
