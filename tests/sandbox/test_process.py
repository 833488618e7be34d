"""The sandbox every machine has: real child processes, honest and otherwise."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pipeline.sandbox.children import bare_environment
from pipeline.sandbox.port import Call, Limits, Observation, Program
from pipeline.sandbox.process import ProcessSandbox

QUICK = Limits(call_cpu_seconds=1, batch_wall_seconds=2.0)


def observe(
    source: str, *inputs: Any, limits: Limits | None = None, hash_seed: int = 1, types: str = ""
) -> tuple[list[Observation], bool]:
    """What calls of `f` in a fresh process came to, and whether it ended cleanly."""
    program = Program({"types": types, "f": source}, limits or Limits(batch_wall_seconds=30.0))
    session = ProcessSandbox().open(program, hash_seed=hash_seed)
    observations = session.observe([Call("f", (value,)) for value in inputs])
    return observations, session.close()


def outcomes(observations: Sequence[Observation]) -> list[str]:
    return [observation.outcome for observation in observations]


def test_a_call_returns() -> None:
    """A value comes back in the form it is sent in."""
    assert ([Observation("returned", value=[1, 2])], True) == observe("def f(x):\n    return [x, x + 1]\n", 1)


def test_a_call_raises() -> None:
    """An error comes back by name and text."""
    expected = Observation("raised", error="ValueError", message="no")
    assert ([expected], True) == observe("def f(x):\n    raise ValueError('no')\n", 1)


def test_an_error_of_the_spec_comes_back_bare() -> None:
    """The spec's own errors are known by their names."""
    source = "from .types import Late\ndef f(x):\n    raise Late\n"
    (observation,), _ = observe(source, 1, types="class Late(Exception):\n    pass\n")
    assert observation.error == "Late"


def test_an_error_of_its_own_says_where_it_is_from() -> None:
    """A class of the same name is another error."""
    source = "class Late(Exception):\n    pass\ndef f(x):\n    raise Late\n"
    (observation,), _ = observe(source, 1, types="class Late(Exception):\n    pass\n")
    assert observation.error == "generated.spec.f.Late"


def test_changed_arguments_come_back() -> None:
    """Mutation is observed, not guessed."""
    (observation,), _ = observe("def f(xs):\n    xs.append(1)\n", [0])
    assert observation.arguments_after == ([0, 1],)


def test_unchanged_arguments_do_not_come_back() -> None:
    """Nothing is said where nothing changed."""
    (observation,), _ = observe("def f(xs):\n    return len(xs)\n", [0])
    assert observation.arguments_after is None


def test_a_lost_call_loses_the_rest() -> None:
    """After the end of a process there are no answers; there is one observation a call all the same."""
    source = "import os\ndef f(x):\n    if x == 2:\n        os._exit(3)\n    return x\n"
    observations, clean = observe(source, 1, 2, 3)
    assert (outcomes(observations), clean) == (["returned", "lost", "lost"], False)


def test_the_end_of_a_process_is_told() -> None:
    """A lost call says how its process ended."""
    (observation,), _ = observe("import os\ndef f(x):\n    os._exit(3)\n", 1)
    assert observation.error == "ended its process with exit code 3"


def test_a_program_that_does_not_load_is_an_observation() -> None:
    """A candidate that does not load is a lost call, not a broken sandbox."""
    (observation,), _ = observe("raise KeyError('x')\n", 1)
    assert observation.error == "does not load: KeyError: 'x'"


def test_a_program_that_ends_while_it_loads_is_an_observation() -> None:
    """Words on standard error do not make a candidate's end a broken sandbox."""
    source = "import os, sys\nprint('no memory', file=sys.stderr, flush=True)\nos._exit(1)\n"
    assert outcomes(observe(source, 1)[0]) == ["lost"]


def test_an_endless_loop_ends() -> None:
    """Processor time is limited for each call."""
    (observation,), _ = observe(
        "def f(x):\n    while True:\n        pass\n", 1, limits=Limits(call_cpu_seconds=1)
    )
    assert observation.error == "used more processor time than one call may (does it loop for ever?)"


def test_processor_time_is_counted_for_each_call() -> None:
    """Many quick calls may take longer together than one may alone."""
    source = "import time\ndef f(x):\n    start = time.process_time()\n    while time.process_time() < start + 0.6:\n        pass\n"
    observations, _ = observe(source, 1, 2, 3, 4, limits=Limits(call_cpu_seconds=1, batch_wall_seconds=30.0))
    assert outcomes(observations) == ["returned"] * 4


def test_sleep_ends_with_the_batch() -> None:
    """A process that waits is given up when its time is over."""
    (observation,), _ = observe("import time\ndef f(x):\n    time.sleep(60)\n", 1, limits=QUICK)
    assert observation.error == "gave no answer within 2 s"


def test_a_process_left_behind_holds_nobody_up() -> None:
    """A grandchild that keeps the pipes open cannot make the parent wait for ever."""
    source = (
        "import os, time\ndef f(x):\n    if os.fork() == 0:\n        os.setsid()\n        time.sleep(6)\n"
        "        os._exit(0)\n    os._exit(0)\n"
    )
    start = time.monotonic()
    observations, clean = observe(source, 1, limits=QUICK)
    assert (outcomes(observations), clean, time.monotonic() < start + 5) == (["lost"], False, True)


def test_memory_is_limited() -> None:
    """An allocation beyond the limit fails inside, where it is an error like any other."""
    (observation,), _ = observe("def f(x):\n    return len(bytearray(2 * 10 ** 9))\n", 1)
    assert observation.error == "MemoryError"


def test_nothing_of_the_environment_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys and paths of the user never reach unread code."""
    monkeypatch.setenv("DRYSTONE_TEST_KEY", "secret")
    (observation,), _ = observe("import os\ndef f(x):\n    return sorted(os.environ)\n", 1)
    assert sorted({*bare_environment(1)}) == sorted(observation.value)


def test_the_folder_is_empty_and_not_the_users() -> None:
    """Unread code starts in an empty folder of its own."""
    (observation,), _ = observe("import os\ndef f(x):\n    return [os.getcwd(), os.listdir()]\n", 1)
    assert (observation.value[0] != str(Path.cwd()), observation.value[1]) == (True, [])


def test_no_file_can_be_written() -> None:
    """Files have no room."""
    source = "def f(x):\n    with open('x', 'w') as file:\n        file.write('x')\n"
    assert observe(source, 1)[0][0].error == "OSError"


def test_what_it_prints_goes_nowhere() -> None:
    """Printing is no answer and no offence."""
    source = "import sys\ndef f(x):\n    print('{\"n\":0}')\n    print('x' * 100000, file=sys.stderr)\n    return x\n"
    assert ([Observation("returned", value=1)], True) == observe(source, 1)


def test_standard_input_is_empty() -> None:
    """The calls cannot be read from where they come in."""
    assert observe("import sys\ndef f(x):\n    return repr(sys.stdin.read())\n", 1)[0][0].value == "''"


def test_the_seed_of_hashes_is_given() -> None:
    """Two processes with one seed hash alike, with two seeds they do not."""
    source = "def f(x):\n    return hash('x')\n"
    first, again, other = (observe(source, 1, hash_seed=seed)[0][0].value for seed in (1, 1, 2))
    assert (first == again, first == other) == (True, False)


def test_a_number_of_too_many_digits_crosses_as_a_word() -> None:
    """What has no text cannot cross, and does not break the channel."""
    observations, clean = observe("def f(x):\n    return 10 ** 5000\n", 1)
    assert (outcomes(observations), clean) == (["returned"], True)


def test_a_batch_has_a_size() -> None:
    """Many large answers are given up before they fill the parent's memory."""
    observations, _ = observe("def f(x):\n    return 'x' * 15_000_000\n", *range(6))
    assert observations[-1].outcome == "lost"


def test_batches_follow_each_other() -> None:
    """A session answers batch after batch from one process."""
    session = ProcessSandbox().open(
        Program({"f": "n = []\ndef f(x):\n    n.append(x)\n    return n\n"}), hash_seed=1
    )
    session.observe([Call("f", (1,))])
    (observation,) = session.observe([Call("f", (2,))])
    session.close()
    assert observation.value == [1, 2]


def test_an_empty_batch_is_no_call() -> None:
    """No calls, no observations, and a clean end."""
    assert observe("def f(x):\n    return x\n") == ([], True)


def test_code_is_loaded_under_the_name_it_will_have() -> None:
    """The module's name does not tell the sandbox from the place where the function lands."""
    source = "def f(x):\n    return __name__\n"
    session = ProcessSandbox().open(Program({"f": source}, package="generated.money"), hash_seed=1)
    (observation,) = session.observe([Call("f", (1,))])
    session.close()
    assert observation.value == "generated.money.f"


def test_the_second_process_lives_in_another_time_zone() -> None:
    """What hangs on the machine's own zone answers differently there."""
    source = (
        "from datetime import datetime\ndef f(x):\n    return datetime(2026, 1, 1).astimezone().isoformat()\n"
    )
    first, _ = observe(source, 1, hash_seed=1)
    second, _ = observe(source, 1, hash_seed=2)
    assert [o.value[-6:] for o in (*first, *second)] == ["+00:00", "+09:00"]
