"""The tasks of HumanEval+ that the benchmarks judge: where they are, what is in them, what their references answer.

Standard library only, so that a contender from elsewhere can be timed in an environment without drystone.
"""

import copy
import gzip
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
VARIABLE = "DRYSTONE_BENCHMARK_DATA"
FILE = "humaneval_plus_dev.jsonl.gz"


@dataclass(frozen=True)
class Task:
    """One task. `base` and `plus` are lists of positional arguments; `asserts` is the body of its preconditions."""

    id: str
    function: str
    prompt: str
    solution: str
    test: str
    asserts: str
    base: list[list[Any]]
    plus: list[list[Any]]
    atol: float

    @property
    def source(self) -> str:
        """The module that holds the reference function."""
        return self.prompt + self.solution

    @property
    def checked_source(self) -> str:
        """The same, but the function raises AssertionError for an input outside of its hidden preconditions."""
        return self.prompt + self.asserts + self.solution

    @property
    def number(self) -> str:
        """What follows the slash of the id."""
        return self.id.partition("/")[2]


def data_path() -> Path:
    """The file of tasks, present or not: in the folder that DRYSTONE_BENCHMARK_DATA names, or beside the repository."""
    return Path(os.environ.get(VARIABLE) or ROOT.parent / "shared" / "data").resolve() / FILE


def read_tasks(only: str = "", at_most: int | None = None) -> list[Task]:
    """The tasks whose id or function is among the words of `only`, or all; the program ends where there is no file."""
    path = data_path()
    if not path.is_file():
        sys.stderr.write(f"skipped: {path} is not there; {VARIABLE} names the folder that holds {FILE}\n")
        sys.exit(0)
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        tasks = [_task(json.loads(line)) for line in lines]
    wanted = set(only.replace(",", " ").split())
    chosen = [task for task in tasks if not wanted or {task.id, task.number, task.function} & wanted]
    if not chosen:
        sys.exit(f"no task is called {only}")
    return chosen[:at_most]


def load(source: str, function: str) -> Any:
    """The function a module defines. For references and for tests of this folder's own making only."""
    module: dict[str, Any] = {"__name__": "reference"}
    exec(compile(source, f"<{function}>", "exec"), module)
    return module[function]


def answers(task: Task, inputs: list[list[Any]]) -> list[Any]:
    """What the reference returns for each input; the inputs stay as they are."""
    reference = load(task.source, task.function)
    return [reference(*copy.deepcopy(arguments)) for arguments in inputs]


def _task(line: dict[str, Any]) -> Task:
    return Task(
        id=line["task_id"],
        function=line["entry_point"],
        prompt=line["prompt"],
        solution=line["canonical_solution"],
        test=line["test"],
        asserts=line["contract"],
        base=line["base_input"],
        plus=line["plus_input"],
        atol=line["atol"],
    )
