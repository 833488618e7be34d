"""A decider process from the outside: its answers, its limits, what it is kept in, and how it ends."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from subjects import contract, kernel_sandbox

from pipeline.decider.client import Decider, UndecidedError
from pipeline.errors import InternalError
from pipeline.records import Contract, Effort
from pipeline.sandbox.port import Program

DOUBLE = contract({"x": "int"}, cases=[({"x": 1}, 2), ({"x": 2}, 4)])
CASES_ONLY = Effort(generated=0, landing=False, counterexample=False)


@pytest.fixture
def decider() -> Iterator[Decider]:
    opened = Decider(rule_seconds=20.0)
    yield opened
    opened.close()


def job(name: str, promised: Contract, **more: object) -> dict[str, object]:
    return {"job": name, "contract": promised.model_dump_json(), **more}


def done(decider: Decider, asked: dict[str, object]) -> Any:
    """What comes of a job, the inputs that were drawn for it aside."""
    answer, _ = decider.run(asked)
    return answer


def judging(promised: Contract, modules: dict[str, str], effort: Effort | None = None) -> dict[str, object]:
    wanted = effort or Effort()
    return job("judge", promised, program=asdict(Program(modules)), effort=wanted.model_dump(mode="json"))


def test_a_decider_answers_one_job_after_the_other(decider: Decider) -> None:
    """One process serves many jobs."""
    assert [done(decider, job("vet", DOUBLE)) for _ in range(2)] == [[], []]


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system keeps its cores to itself")
def test_a_decider_and_its_servers_stay_on_one_core() -> None:
    """Whatever it starts computes where it does."""
    core = max(os.sched_getaffinity(0))
    decider = Decider(core=core)
    assert decider.isolation
    started = [decider.process, *children(decider.process)]
    allowed = [os.sched_getaffinity(process) for process in started]
    decider.close()
    assert len(started) > 1
    assert [{core}] * len(started) == allowed


def children(process: int) -> list[int]:
    """Those that a process started, as Linux tells."""
    about = (
        (path, path.read_text().rpartition(")")[2].split()) for path in Path("/proc").glob("[0-9]*/stat")
    )
    return [int(path.parent.name) for path, fields in about if int(fields[1]) == process]


def test_a_rule_that_hangs_is_named() -> None:
    """The clause that was at work when time ran out."""
    decider = Decider(rule_seconds=1.0)
    promised = contract({"x": "int"}, ensures=["9 ** 9 ** 9 == result"], cases=[({"x": 1}, 2)])
    with pytest.raises(UndecidedError) as caught:
        decider.run(job("vet", promised))
    decider.close()
    assert (caught.value.clause, str(caught.value)) == (
        "examples[case 0]",
        "'9 ** 9 ** 9 == result' takes longer than 1 s to evaluate",
    )


def test_time_goes_by_only_while_a_rule_computes() -> None:
    """A decider that nobody asks, or that waits for a candidate, does not run out of it."""
    decider = Decider(rule_seconds=1.0)
    decider.run(job("vet", DOUBLE))
    time.sleep(1.2)
    slow = (
        "import time\ndef f(x):\n    end = time.monotonic() + 0.6\n"
        "    while time.monotonic() < end:\n        pass\n    return x * 2\n"
    )
    found = done(decider, judging(DOUBLE, {"f": slow}, CASES_ONLY))
    decider.close()
    assert [clause for clause in found["clauses"] if not clause["passed"]] == []


def test_a_decider_that_ended_is_a_bug_of_ours(decider: Decider) -> None:
    """A decider must not end by itself."""
    os.kill(decider.process, 9)
    with pytest.raises(InternalError):
        decider.run(job("vet", contract({"x": "int"})))


def test_a_closed_decider_is_gone() -> None:
    """No process is left behind."""
    decider = Decider()
    decider.close()
    assert not decider.alive


def test_a_large_answer_is_decided(decider: Decider) -> None:
    """More than a channel holds at once is no bug."""
    promised = contract({"x": "int"}, "str", ensures=["len(result) == 200000"])
    found = done(decider, judging(promised, {"f": "def f(x):\n    return 'x' * 200_000\n"}))
    assert all(clause["passed"] for clause in found["clauses"])


def test_two_deciders_judge_alike() -> None:
    """Nothing of a process goes into a judgement."""
    promised = contract({"x": "set[str]", "y": "float"}, ensures=["result >= 0"])
    found = []
    for _ in range(2):
        decider = Decider()
        found.append(done(decider, judging(promised, {"f": "def f(x, y):\n    return len(x)\n"})))
        decider.close()
    assert found[0] == found[1]


# -- what it is kept in --------------------------------------------------------------------------------------


def test_a_decider_that_is_asked_for_process_level_says_so() -> None:
    """It has no locks, and no trouble: nobody asked for more."""
    decider = Decider(at_most="process")
    isolation = decider.isolation
    decider.close()
    assert isolation.model_dump() == {"level": "process", "layers": (), "trouble": "", "remedy": ""}


def test_a_decider_that_is_asked_for_kernel_level_says_so() -> None:
    """It names the locks that hold, those of the kernel among them."""
    kernel_sandbox().close()
    decider = Decider(at_most="kernel")
    isolation = decider.isolation
    decider.close()
    assert (isolation.level, isolation.trouble, isolation.remedy) == ("kernel", "", "")
    assert {"seccomp", "seatbelt"} & set(isolation.layers)


# -- what it leaves ------------------------------------------------------------------------------------------


def test_a_closed_decider_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither its own, nor those in which its sandbox ran programs."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    decider = Decider(at_most="process")
    tells = {"f": "import os\ndef f(x):\n    return os.getcwd()\n"}
    found = done(decider, judging(contract({"x": "int"}, "str", ensures=["result == ''"]), tells))
    (said,) = [clause["message"] for clause in found["clauses"] if not clause["passed"]]
    decider.close()
    folder = Path(said.partition(" returned '")[2].partition("'")[0])
    assert folder.name.startswith("drystone-")
    assert (folder.exists(), list(tmp_path.iterdir())) == (False, [])


ABANDONS = """
import json, os, sys, threading, time
from pipeline.decider.client import Decider
decider = Decider(rule_seconds=60.0)
assert decider.isolation
for job in json.loads(sys.argv[1]):
    threading.Thread(target=decider.run, args=[job], daemon=True).start()
    time.sleep(1)
print(decider.process, flush=True)
os.kill(os.getpid(), 9)
"""
ENDLESS = contract({"x": "int"}, ensures=["9 ** 9 ** 7 == result"], cases=[({"x": 1}, 2)])


@pytest.mark.parametrize("jobs", [[], [job("vet", ENDLESS)]], ids=["idle", "at work"])
def test_a_decider_ends_when_its_parent_does(jobs: list[object]) -> None:
    """Whatever became of the parent: there is nobody left to decide for, and no process stays."""
    done = subprocess.run(
        [sys.executable, "-c", ABANDONS, json.dumps(jobs)], capture_output=True, text=True, check=False
    )
    pid = int(done.stdout)
    deadline = time.monotonic() + 5
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    stayed = alive(pid)
    if stayed:
        os.kill(pid, signal.SIGKILL)
    assert not stayed


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
