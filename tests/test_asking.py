"""How a run asks, waits, stores and counts; people answer in real files."""

import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from servers import DOUBLE, LIMIT, QUADRUPLE, SMALL, ModelServer, Project, interrupt

from pipeline import asking
from pipeline.asking import Asking, Desk, Usage
from pipeline.budget import Budget
from pipeline.digest import digest_json
from pipeline.errors import AnswerPending, OutputError
from pipeline.llm import registry
from pipeline.llm.port import Message, Request
from pipeline.settings import read_settings

REQUEST = Request(model="handoff", system="s", messages=(Message("user", "u"),), max_tokens=9, seed=1)
ANSWERS = {"double": DOUBLE, "quadruple": QUADRUPLE, "limit": LIMIT}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Files settle sooner than for people, and nothing is shared with other tests."""
    monkeypatch.setattr("pipeline.llm.handoff.HandoffModel.__init__.__kwdefaults__", {"still_seconds": 0.02})
    monkeypatch.setattr(asking, "POLL_SECONDS", 0.02)
    yield
    registry.close_models()


def desk_of(root: Path, shown: list[str], *, wait: bool, fresh: bool = False) -> Desk:
    settings = read_settings(root, {}, architect="none", implementer=("handoff:",), wait=wait)
    return Asking(
        settings, settings.entries, fresh=fresh, budget=Budget(settings.budget, settings.providers)
    ).desk(lambda text, _: shown.append(text), subject="shop.add")


def test_nobody_is_waited_for_unless_asked(tmp_path: Path) -> None:
    """The question is on the table, under its subject, and the run can end."""
    desk = desk_of(tmp_path, [], wait=False)
    with pytest.raises(AnswerPending, match=r"^shop\.add \(implementer\) waits for an answer"):
        desk.ask_for("implementer", "handoff")(REQUEST)
    assert desk.usage == Usage()


def test_an_answer_is_waited_for_and_asked_for_once(tmp_path: Path) -> None:
    """Who watches is told once which file is missing; the reply is kept, and the table is cleared."""
    shown: list[str] = []
    table = tmp_path / ".drystone" / "handoff"

    def answer() -> None:
        while not (found := list(table.glob("*.prompt.md"))):
            time.sleep(0.01)
        time.sleep(0.2)
        found[0].with_name(found[0].name.replace(".prompt.", ".answer.")).write_text("hello")

    person = threading.Thread(target=answer)
    person.start()
    desk = desk_of(tmp_path, shown, wait=True)
    reply = desk.ask_for("implementer", "handoff")(REQUEST)
    person.join()
    again = desk_of(tmp_path, [], wait=False).ask_for("implementer", "handoff")(REQUEST)

    assert reply.text == "hello"
    assert again == reply
    assert Usage(calls=1) == desk.usage
    assert shown[0] == "implementer handoff"
    (waiting,) = shown[1:]
    assert waiting.startswith("waiting for .drystone/handoff/shop.add-")
    assert not list(table.glob("*.prompt.md"))


def test_an_answer_leaves_the_table_only_once_it_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the reply cannot be stored, the next run finds the answer where it was."""
    desk = desk_of(tmp_path, [], wait=False)
    ask = desk.ask_for("implementer", "handoff")
    with pytest.raises(AnswerPending) as caught:
        ask(REQUEST)
    (tmp_path / caught.value.answer).write_text("hello")
    (tmp_path / ".drystone" / "replies").write_text("no folder")
    with pytest.raises(OutputError):
        ask(REQUEST)
    assert (tmp_path / caught.value.answer).read_text() == "hello"


def test_questions_can_be_put_on_the_table_in_advance(tmp_path: Path) -> None:
    """All but those whose answer is kept; the ones asked later are the ones offered."""
    desk = desk_of(tmp_path, [], wait=False)
    several = [replace(REQUEST, seed=number) for number in (1, 2, 3)]
    for request in several:
        desk.offer("implementer", "handoff", request)
    table = tmp_path / ".drystone" / "handoff"
    offered = set(table.glob("*.prompt.md"))
    for request in several:
        with pytest.raises(AnswerPending):
            desk.ask_for("implementer", "handoff")(request)
    assert offered == set(table.glob("*.prompt.md"))
    assert len(offered) == 3

    for path in offered:
        path.with_name(path.name.replace(".prompt.", ".answer.")).write_text("x")
    for request in several:
        desk.ask_for("implementer", "handoff")(request)
    desk.offer("implementer", "handoff", REQUEST)
    assert not list(table.glob("*.prompt.md"))
    desk_of(tmp_path, [], wait=False, fresh=True).offer("implementer", "handoff", REQUEST)
    assert len(list(table.glob("*.prompt.md"))) == 1


def test_replies_stored_before_stay_good() -> None:
    """Who asks about what is no part of a question's digest: it is that of an earlier version."""
    told = replace(REQUEST, subject="shop.add", role="implementer")
    before = {key: value for key, value in asdict(told).items() if key not in {"subject", "role"}}
    assert digest_json(["a:m", before]) == digest_json(["a:m", told.question()])
    assert told == REQUEST


# -- through the command -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    made = ModelServer()
    yield made
    made.close()


@pytest.fixture
def project(server: ModelServer, tmp_path: Path) -> Project:
    made = Project(tmp_path, server)
    made.configure(implementer=("handoff",))
    made.write_spec("small", SMALL)
    return made


def answer_all(project: Project) -> list[str]:
    """Answer what lies on the table; says which functions that was about."""
    answered = []
    for path in sorted((project.root / ".drystone" / "handoff").glob("*.prompt.md")):
        function = path.name.split("-")[0].removeprefix("small.")
        answer = path.with_name(path.name.replace(".prompt.", ".answer."))
        if not answer.exists():
            answer.write_text(ANSWERS[function])
            answered.append(function)
    return answered


def test_a_run_can_be_answered_by_hand(project: Project, server: ModelServer) -> None:
    """It ends with 5 while answers are missing, and lands what was answered, by `handoff`; no server is asked."""
    first = project.run("generate", "--no-wait")
    assert first.code == 5
    assert "answer.md" in first.err
    assert sorted(answer_all(project)) == ["double", "limit", "quadruple"]
    last = project.run("generate", "--json")
    assert last.code == 0
    assert {"handoff"} == {item["model"] for item in last.report["functions"]}
    assert server.asked == []


def test_a_waiting_run_goes_on_by_itself(project: Project) -> None:
    """Until everything has landed; what it waits for is on standard error."""
    process = project.start("generate", "--wait")
    answered: list[str] = []
    until = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < until:
        time.sleep(0.1)
        answered += answer_all(project)
    process.kill()
    _, err = process.communicate()
    assert process.returncode == 0, err
    assert sorted(answered) == ["double", "limit", "quadruple"]
    assert "small.double: waiting for .drystone/handoff/small.double-" in err


def test_a_waiting_run_can_be_interrupted(project: Project) -> None:
    """At once, however long the answer takes."""
    process = project.start("generate", "--wait")
    while not list((project.root / ".drystone").glob("handoff/*.prompt.md")):
        time.sleep(0.05)
    begun = time.monotonic()
    code, _, err = interrupt(process)
    assert code == 130, err
    assert time.monotonic() - begun < 5
