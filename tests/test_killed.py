"""A run that is killed at any moment and started again: the same bytes land, and no stored reply is paid for again."""

import json
import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from servers import Answer, Asked, ModelServer, Project, python

KILLS = int(os.environ.get("DRYSTONE_TEST_KILLS", "8"))
"""How often a run is killed before it may end."""
JOBS = 2
SECONDS = 0.15
"""Of one answer."""
NAMES = [f"scale_{number}" for number in range(2, 14)]


def spec() -> str:
    functions = "".join(
        f"  {name}:\n    summary: The number, scaled.\n    params: {{n: int}}\n    returns: int\n"
        f'    ensures: ["result == n * {name.removeprefix("scale_")}"]\n'
        f"    examples:\n      - {{name: one, given: {{n: 1}}, returns: {name.removeprefix('scale_')}}}\n"
        f"      - {{name: none, given: {{n: 0}}, returns: 0}}\n"
        for name in NAMES
    )
    return f"spec: scales\nsummary: Numbers, scaled.\nfunctions:\n{functions}"


def answers() -> dict[str, list[str | Answer]]:
    """A wrong answer first for every third function; no two answers are the same text."""
    found: dict[str, list[str | Answer]] = {}
    for number, name in enumerate(NAMES):
        right = python(f"def {name}(n):\n    return n * {name.removeprefix('scale_')}\n")
        wrong = python(f"def {name}(n):\n    return n - {name.removeprefix('scale_')}\n")
        found[name] = [Answer(wrong, delay_seconds=SECONDS)] if number % 3 == 0 else []
        found[name] += [Answer(right, delay_seconds=SECONDS)]
    return found


class ByTurn(ModelServer):
    """Answers by how far a conversation is, not by how often it was asked."""

    def answer(self, asked: Asked) -> Answer:
        with self._lock:
            self.asked.append(asked)
        return self.prepared(asked)

    def prepared(self, asked: Asked) -> Answer:
        prepared = self.answers[asked.function]
        found = prepared[min(len(asked.messages) // 2, len(prepared) - 1)]
        assert isinstance(found, Answer)
        return found


@pytest.fixture
def server() -> Iterator[ByTurn]:
    made = ByTurn(answers())
    yield made
    made.close()


def project_in(folder: Path, server: ModelServer) -> Project:
    folder.mkdir()
    made = Project(folder, server)
    made.configure(more=f"jobs = {JOBS}")
    made.write_spec("scales", spec())
    return made


def landed(project: Project) -> dict[str, bytes]:
    return {name: content for name, (_, content) in project.tree().items()}


class Watched:
    """A project, and what was asked for it: nothing of which the reply was stored before."""

    def __init__(self, folder: Path, server: ByTurn) -> None:
        self.project = project_in(folder, server)
        self.server = server
        self.kills = 0
        self.asked: list[Asked] = []
        self._stored = ""

    def run(self, chosen: random.Random | None) -> bool:
        """Start it, and kill it some time after it has asked a few questions more; whether it ended by itself."""
        self.server.asked.clear()
        process = self.project.start("generate")
        if chosen is not None:
            more = chosen.randrange(4)
            while process.poll() is None and len(self.server.asked) < more:
                time.sleep(0.01)
            time.sleep(chosen.uniform(0, 4 * SECONDS))
            process.send_signal(signal.SIGKILL)
        _, err = process.communicate()
        assert process.returncode in {0, -signal.SIGKILL}, err
        self.kills += process.returncode != 0
        again = [each for each in self.server.asked if self._text(each) in self._stored]
        assert again == []
        self.asked += self.server.asked
        replies = (self.project.root / ".drystone" / "replies").glob("*.json")
        self._stored = "".join(path.read_text() for path in replies)
        return process.returncode == 0

    def paid_in_vain(self) -> int:
        """Calls that were on their way when a run was killed, so that nobody could store what came."""
        return len(self.asked) - len({self._text(each) for each in self.asked})

    def _text(self, asked: Asked) -> str:
        return json.dumps(self.server.prepared(asked).text)


def test_killed_runs_pay_for_nothing_twice(server: ByTurn, tmp_path: Path) -> None:
    """What lands is what a clean run lands. What is asked twice was on its way when a run was killed.

    Such calls cannot be stored by anybody: at most one for each function that was being worked on.
    """
    clean = Watched(tmp_path / "clean", server)
    assert clean.run(None)
    chosen = random.Random(7)
    kills = 0
    while kills < KILLS:
        watched = Watched(tmp_path / f"killed-{kills}", server)
        while not watched.run(chosen if kills + watched.kills < KILLS else None):
            pass
        assert landed(clean.project) == landed(watched.project)
        assert len(clean.asked) == len(watched.asked) - watched.paid_in_vain()
        assert watched.paid_in_vain() <= JOBS * watched.kills
        assert not list((watched.project.root / ".drystone" / "replies").glob("*.lock"))
        kills += watched.kills
    assert clean.paid_in_vain() == 0
    assert kills == KILLS
