"""Questions in waves over both batch protocols: few batches, nothing sent twice, nothing lost by being stopped."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from batch_servers import BatchServer
from servers import Answer, ModelServer, Project, Run, interrupt, python

HEAD = """\
spec: many
summary: Small functions.
types:
  Count: {type: int, ge: 0, le: 1000}
functions:
"""
FUNCTION = """\
  f{number}:
    summary: The number and {number}.
    params: {{n: Count}}
    returns: int
    ensures: ["result == n + {number}"]
    examples:
      - {{name: none, given: {{n: 0}}, returns: {number}}}
      - {{name: two, given: {{n: 2}}, returns: {sum}}}
      - {{name: many, given: {{n: 700}}, returns: {many}}}
"""
QUICK = """\
import os, sys
from pipeline.llm import crew, waves
waves.FIRST_POLL_SECONDS = waves.LONGEST_POLL_SECONDS = float(os.environ.get("POLL", "0.05"))
waves.SEND_PAUSES_SECONDS = (0.1, 0.1, 0.1)
waves.TICK_SECONDS = 0.02
from pipeline.cli import main
main()
"""


class Wire:
    """A project whose models answer in batches."""

    def __init__(self, protocol: str, folder: Path) -> None:
        self.server = BatchServer()
        self.protocol = protocol
        self.project = Project(folder, self.server)  # type: ignore[arg-type]
        self.project.configure(protocol=protocol)

    def functions(self, count: int) -> None:
        """A spec of so many functions, and the right answer to each."""
        numbers = range(1, count + 1)
        self.project.write_spec(
            "many", HEAD + "".join(FUNCTION.format(number=n, sum=n + 2, many=n + 700) for n in numbers)
        )
        self.server.models.answers = {f"f{n}": [right(n)] for n in numbers}

    def start(self, *arguments: str, poll: str = "0.05") -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-c", QUICK, "generate", "--batch", *arguments],
            cwd=self.project.root,
            env=self.project.environ({"POLL": poll}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str) -> Run:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=120)
        assert "Traceback" not in out + err, err
        return Run(process.returncode, out, err)

    def waves(self) -> list[dict[str, object]]:
        """What is remembered of batches."""
        folder = self.project.root / ".drystone" / "batches"
        return [json.loads(path.read_text()) for path in folder.glob("*.json")]

    def wait_for_wave(self) -> None:
        """Until a batch is known by its id."""
        for _ in range(600):
            if any(wave["batch"] for wave in self.waves()):
                return
            time.sleep(0.05)
        raise AssertionError("no batch was sent")


def right(number: int) -> str:
    return python(f"def f{number}(n):\n    return n + {number}\n")


def wrong(number: int) -> str:
    return python(f"def f{number}(n):\n    return n - {number}\n")


@pytest.fixture(params=["openai", "anthropic"])
def wire(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Wire]:
    made = Wire(request.param, tmp_path)
    yield made
    made.server.close()


def landed(run: Run) -> set[str]:
    return {name for name, action in run.actions().items() if action == "landed"}


def test_a_wave_holds_all_that_can_be_asked(wire: Wire) -> None:
    """Sixty functions are one batch, those that need a repair a second one, and no line is sent twice."""
    wire.functions(60)
    for number in (7, 8, 9):
        wire.server.models.answers[f"f{number}"] = [wrong(number), right(number)]
    run = wire.run("--json")
    assert (run.code, len(landed(run))) == (0, 60)
    assert len(wire.server.batches) <= 4
    assert len(wire.server.batches["batch_1"].lines) == 60
    assert set(wire.server.sent.values()) == {1}
    assert wire.server.sent.total() == 63
    assert wire.waves() == []


def test_the_bytes_that_land_are_those_of_single_calls(wire: Wire, tmp_path: Path) -> None:
    """Asked one by one or in batches: the same files, the same lines."""
    wire.functions(3)
    wire.run()
    single = ModelServer(answers=dict(wire.server.models.answers))
    (tmp_path / "single").mkdir()
    other = Project(tmp_path / "single", single)
    other.configure(protocol=wire.protocol)
    other.write_spec("many", (tmp_path / "specs" / "many.yaml").read_text())
    other.run("generate")
    single.close()

    bytes_of = {path: content for path, (_, content) in wire.project.tree().items()}
    assert bytes_of == {path: content for path, (_, content) in other.tree().items()}
    asked = sorted((each.system, each.messages) for each in single.asked)
    assert sorted((each.system, each.messages) for each in wire.server.models.asked) == asked


def test_a_killed_run_is_resumed_by_the_batch_id(wire: Wire) -> None:
    """The next run waits for the batch that the killed one had sent, and sends nothing again."""
    wire.functions(20)
    wire.server.polls = 10**6
    process = wire.start()
    wire.wait_for_wave()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    for batch in wire.server.batches.values():
        batch.polls_left = 2
    run = wire.run("--json")
    assert (run.code, len(landed(run))) == (0, 20)
    assert set(wire.server.sent.values()) == {1}
    assert wire.server.sent.total() == 20
    assert wire.waves() == []


def test_ctrl_c_leaves_batches_running_and_says_how_to_go_on(wire: Wire) -> None:
    """The run ends at once; how to go on and how to cancel are commands to copy, without a key in them."""
    wire.functions(3)
    wire.server.polls = 10**6
    process = wire.start()
    wire.wait_for_wave()
    begun = time.monotonic()
    code, _, err = interrupt(process)
    assert (code, time.monotonic() - begun < 5) == (130, True)
    assert "batch_1 at fake holds 3 of 3 questions; `drystone generate --batch` goes on with it" in err
    path = "/v1/messages/batches" if wire.protocol == "anthropic" else "/v1/batches"
    assert f"curl -X POST {wire.server.url}{path}/batch_1/cancel" in err
    assert "batch_1 at fake holds 3 of 3" in wire.project.run("generate", "--plan").err


def test_a_batch_whose_creation_was_cut_off_is_found_again(wire: Wire) -> None:
    """The server had made it, the answer was lost: it is looked for, not sent again."""
    wire.functions(4)
    wire.server.cut_off = 1
    run = wire.run("--json")
    assert (run.code, len(landed(run))) == (0, 4)
    assert set(wire.server.sent.values()) == {1}


def test_a_run_killed_while_it_created_a_batch_finds_it(wire: Wire) -> None:
    """What is known is only that a wave was begun; the next run looks whether it arrived."""
    wire.functions(4)
    wire.server.polls = 10**6
    process = wire.start()
    wire.wait_for_wave()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    (path,) = (wire.project.root / ".drystone" / "batches").glob("*.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "batch": None, "cancel": ""}))
    wire.server.batches["batch_1"].polls_left = 2
    run = wire.run("--json")
    assert (run.code, len(landed(run))) == (0, 4)
    assert set(wire.server.sent.values()) == {1}


@pytest.mark.parametrize("fate", ["expired", "canceled"])
def test_what_a_batch_did_not_answer_is_asked_again_once(wire: Wire, fate: str) -> None:
    """Half came and is kept; the other half goes into one more batch."""
    wire.functions(10)
    wire.server.fates = [fate, "completed"]
    run = wire.run("--json")
    assert (run.code, len(landed(run))) == (0, 10)
    assert sorted(wire.server.sent.values()) == [1] * 5 + [2] * 5
    assert len(wire.server.batches) == 2


def test_a_batch_that_is_lost_twice_ends_the_run(wire: Wire) -> None:
    """What was answered has landed; the error says which batch, and what to do."""
    wire.functions(4)
    wire.server.fates = ["expired"]
    run = wire.run("--json")
    assert run.code == 5
    assert "ended without an answer to 1 of its questions" in run.report["error"]["message"]
    assert len(landed(run)) == 3


def test_a_line_that_failed_in_passing_is_in_the_next_wave(wire: Wire) -> None:
    """429, 500 and 529 are asked again, no more than three times; what was answered is not."""
    wire.functions(6)
    passing = [Answer("slow down", status=429), Answer("oh", status=500)]
    wire.server.models.answers["f1"] = [*passing, right(1)]
    wire.server.models.answers["f2"] = [Answer("busy", status=529), right(2)]
    run = wire.run("--json")
    assert (run.code, len(landed(run))) == (0, 6)
    assert sorted(wire.server.sent.values()) == [1, 1, 1, 1, 2, 3]
    assert len(wire.server.batches) == 3


def test_a_line_that_is_refused_for_good_is_the_usual_error(wire: Wire) -> None:
    """It says what a call of its own would say, and the others land."""
    wire.functions(3)
    wire.server.models.answers["f1"] = [Answer("no such model", status=404)]
    run = wire.run("--json")
    assert run.code == 5
    assert "knows no such model (404: no such model)" in run.report["error"]["message"]
    assert len(landed(run)) == 2
    assert set(wire.server.sent.values()) == {1}


def test_a_parameter_that_is_refused_is_left_out_of_the_next_wave(wire: Wire) -> None:
    """With one notice, as for single calls."""
    wire.functions(3)
    wire.server.refused_parameters = {"temperature"}
    run = wire.run("--json")
    assert (run.code, len(landed(run))) == (0, 3)
    assert run.err.count("takes no temperature") == 1
    second = wire.server.batches["batch_2"].lines.values()
    assert ["temperature" in body for body in second] == [False] * 3
    assert len(wire.server.batches) == 2


def test_a_server_that_is_out_for_a_moment_costs_nothing(wire: Wire) -> None:
    """Creating and looking are tried again; no line is sent twice."""
    wire.functions(3)
    wire.server.unready = 2
    run = wire.run("--json")
    assert (run.code, len(landed(run))) == (0, 3)
    assert set(wire.server.sent.values()) == {1}


def test_a_server_without_batches_is_said_to_have_none(wire: Wire) -> None:
    """Nobody pays the full price by surprise; the error names the key that asks one by one."""
    wire.functions(2)
    wire.server.absent = True
    run = wire.run()
    assert run.code == 5
    assert "set batch = false under [tool.drystone.providers.fake]" in run.err
    assert wire.waves() == []


def test_a_batch_that_fails_as_a_whole_says_why(tmp_path: Path) -> None:
    """Nothing is sent again for a reason that stays."""
    wire = Wire("openai", tmp_path)
    wire.functions(2)
    wire.server.fates = ["billing_hard_limit_reached"]
    run = wire.run()
    wire.server.close()
    assert run.code == 5
    assert "no quota or credit left" in run.err
    assert len(wire.server.batches) == 1


def test_a_batch_that_the_server_has_forgotten_is_sent_again(wire: Wire) -> None:
    """With a warning; there is nothing to wait for."""
    wire.functions(2)
    wire.server.polls = 10**6
    process = wire.start()
    wire.wait_for_wave()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    lines = dict(wire.server.batches["batch_1"].lines)
    wire.server.batches = {"batch_0": wire.server.batches["batch_1"]}
    wire.server.polls = 2
    run = wire.run("--json")
    assert (run.code, len(landed(run))) == (0, 2)
    assert "does not know batch batch_1 any more" in run.err
    assert wire.server.batches["batch_2"].lines == lines


def test_a_provider_may_be_kept_out_of_batches(tmp_path: Path) -> None:
    """`batch = false`: its questions are asked one by one, as without the option."""
    wire = Wire("openai", tmp_path)
    wire.server.close()
    server = ModelServer(answers={"f1": [right(1)]})
    wire.project.server = server
    wire.functions(1)
    wire.project.configure()
    settings = tmp_path / "pyproject.toml"
    settings.write_text(settings.read_text() + "batch = false\n")
    run = wire.project.run("generate", "--batch")
    server.close()
    assert run.code == 0
    assert server.functions() == ["f1"]
