"""A run over a bad network and a busy provider ends as one over a good one, and nothing is asked for twice."""

import os
from collections import Counter
from pathlib import Path

import pytest
from faults import FAULTS, Weather
from servers import Answer, ModelServer, Project, interrupt, python

SPEC = """\
spec: many
summary: Many small functions.
types:
  Count: {type: int, ge: 0, le: 1000}
functions:
"""
FUNCTION = """\
  add_{n}:
    summary: The number and {n}.
    params: {{n: Count}}
    returns: int
    ensures: ["result == n + {n}"]
    examples:
      - {{name: none, given: {{n: 0}}, returns: {n}}}
      - {{name: two, given: {{n: 2}}, returns: {m}}}
"""
MANY = int(os.environ.get("DRYSTONE_MANY", "24"))
"""Functions of the long run; 200 by hand."""


def project_of(folder: Path, count: int, *, protocol: str = "openai", provider: str = "") -> Project:
    server = ModelServer()
    server.answers = {
        f"add_{n}": [python(f"def add_{n}(n):\n    return n + {n}\n")] for n in range(1, count + 1)
    }
    folder.mkdir()
    project = Project(folder, server)
    project.configure(protocol=protocol, provider=provider)
    project.write_spec("many", SPEC + "".join(FUNCTION.format(n=n, m=n + 2) for n in range(1, count + 1)))
    return project


def landed(project: Project) -> dict[str, bytes]:
    return {name: content for name, (_, content) in project.tree().items()}


def test_bad_weather_changes_nothing(tmp_path: Path) -> None:
    """Three calls in ten fail: over either protocol the same bytes land, and every question is answered once."""
    calm = project_of(tmp_path / "calm", MANY)
    assert calm.run("generate").code == 0

    for protocol in ("openai", "anthropic"):
        stormy = project_of(tmp_path / protocol, MANY, protocol=protocol, provider="timeout_seconds = 2")
        stormy.server.fault = weather = Weather(0.3)
        run = stormy.run("generate", "--json")

        assert run.code == 0, run.err
        assert landed(calm) == landed(stormy)
        expected = {f"add_{n}": 1 for n in range(1, MANY + 1)}
        assert expected == Counter(asked.function for asked in stormy.server.replied)
        assert len(stormy.server.asked) == MANY + len(weather.met)
        assert len(weather.met) > MANY // 5
        assert sum(function["calls"] for function in run.report["functions"]) == MANY


@pytest.mark.parametrize("protocol", ["openai", "anthropic"])
def test_each_fault_is_survived(protocol: str, tmp_path: Path) -> None:
    """After one fault of any kind the question is asked again, and its answer lands at the first attempt."""
    project = project_of(tmp_path / "p", len(FAULTS), protocol=protocol, provider="timeout_seconds = 2")
    left = {f"add_{n}": fault for n, fault in enumerate(FAULTS.values(), start=1)}
    project.server.fault = lambda asked: left.pop(asked.function)() if asked.function in left else None

    run = project.run("generate", "--json")

    assert run.code == 0, run.err
    told = {(each["action"], each["calls"], len(each["attempts"])) for each in run.report["functions"]}
    expected = {("landed", 1, 0)}
    assert expected == told
    expected_calls = {f"add_{n}": 2 for n in range(1, len(FAULTS) + 1)}
    assert expected_calls == Counter(project.server.functions())


def test_an_outage_costs_few_calls_and_is_told_once(tmp_path: Path) -> None:
    """A server that is down for good ends the run with exit 5, an id, a function and the key to change."""
    project = project_of(tmp_path / "p", 40, provider="outage_seconds = 2")
    project.server.fault = lambda _: Answer("down", status=500, headers={})

    run = project.run("generate", "--json")

    assert run.code == 5
    message = run.report["error"]["message"]
    assert message.startswith("many.add_")
    assert "fake:m1" in message
    assert "outage_seconds" in message
    assert "\n" not in message
    assert len(project.server.asked) < 20
    assert project.tree() == {}
    assert run.err.count("waiting") > 0


def test_a_short_outage_is_survived(tmp_path: Path) -> None:
    """While the server is down one question at a time knocks; when it is back, all land."""
    project = project_of(tmp_path / "p", 9, provider="outage_seconds = 60")
    down = [Answer("down", status=503, headers={})] * 9
    project.server.fault = lambda _: down.pop() if down else None

    assert project.run("generate").code == 0

    assert len(project.server.replied) == 9


def test_ctrl_c_ends_a_wait_at_once(tmp_path: Path) -> None:
    """A long pause that the server asked for is shown, and does not hold up whoever wants to leave."""
    project = project_of(tmp_path / "p", 2)
    project.server.fault = lambda _: Answer("slow down", status=429, headers={"retry-after": "60"})
    process = project.start("generate")
    assert process.stderr is not None
    while "waiting" not in (line := process.stderr.readline()):
        assert line

    code, _, _ = interrupt(process)

    assert code == 130
    assert "fake limits requests (429)" in line
