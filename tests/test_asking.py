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
from pipeline.errors import AnswerPending, OutputError, UnavailableError
from pipeline.llm import registry
from pipeline.llm.port import Message, Model, Reply, Request
from pipeline.llm.providers import ProviderSettings
from pipeline.settings import read_settings
from pipeline.store import Rounds

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
    (tmp_path / caught.value.awaited).write_text("hello")
    (tmp_path / ".drystone" / "replies").write_text("no folder")
    with pytest.raises(OutputError):
        ask(REQUEST)
    assert (tmp_path / caught.value.awaited).read_text() == "hello"


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


class Slow(Model):
    """Answers by number, after a while."""

    def __init__(self) -> None:
        self.asked: list[Request] = []

    def ask(self, request: Request) -> Reply:
        self.asked.append(request)
        time.sleep(0.2)
        return Reply(f"{len(self.asked)}", "end", tokens_in=1, tokens_cached=0, tokens_out=1)

    def close(self) -> None:
        pass


def slow_desk(
    root: Path, monkeypatch: pytest.MonkeyPatch, model: Model, shown: list[str], *, fresh: bool = False
) -> Desk:
    monkeypatch.setattr(asking, "open_model", lambda *_, **__: (model, "m"))
    settings = read_settings(root, {}, architect="none", implementer=("openai:m",))
    purse = Budget(settings.budget, settings.providers)
    return Asking(settings, settings.entries, fresh=fresh, budget=purse).desk(
        lambda text, _: shown.append(text), subject="a.b"
    )


def test_the_same_question_at_once_is_paid_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By several threads, each with a store of its own, as several runs have; whoever waits is told so."""
    model = Slow()
    shown: list[str] = []
    replies: list[Reply] = []
    desks = [slow_desk(tmp_path, monkeypatch, model, shown) for _ in range(4)]

    def ask(desk: Desk) -> None:
        replies.append(desk.ask_for("implementer", "openai:m")(REQUEST))

    threads = [threading.Thread(target=ask, args=(desk,)) for desk in desks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [reply.text for reply in replies] == ["1"] * 4
    assert len(model.asked) == 1
    assert sum(desk.usage.calls for desk in desks) == 1
    assert shown.count("waiting for whoever asks the same") == 3
    assert not list(tmp_path.glob(".drystone/replies/*.lock"))


def test_a_call_that_fails_lets_the_next_one_ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is stored, nobody is kept out, and nothing counted."""

    class Failing(Slow):
        def ask(self, request: Request) -> Reply:
            super().ask(request)
            raise UnavailableError("gone")

    desk = slow_desk(tmp_path, monkeypatch, Failing(), [])
    for _ in range(2):
        with pytest.raises(UnavailableError):
            desk.ask_for("implementer", "openai:m")(REQUEST)
    assert desk.usage == Usage()
    assert not list(tmp_path.glob(".drystone/replies/*.json"))


def test_what_is_asked_afresh_is_asked_once_a_round(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that was stopped goes on with the answers of its round, until a run ends the round; or a day has gone by."""
    model = Slow()

    def ask(*, fresh: bool) -> str:
        desk = slow_desk(tmp_path, monkeypatch, model, [], fresh=fresh)
        return desk.ask_for("implementer", "openai:m")(REQUEST).text

    assert [ask(fresh=fresh) for fresh in (False, False, True, True, False)] == ["1", "1", "2", "2", "2"]
    Rounds(tmp_path / ".drystone").end()
    assert [ask(fresh=fresh) for fresh in (False, True, True)] == ["2", "3", "3"]
    monkeypatch.setattr("pipeline.store.ROUND_SECONDS", 0)
    assert [ask(fresh=fresh) for fresh in (False, True)] == ["3", "4"]


def test_servers_of_one_name_are_told_apart(tmp_path: Path) -> None:
    """Another address is another server, whatever it is called; a provider's own has none."""
    providers = {
        "a": ProviderSettings(protocol="openai", base_url="http://one:1/v1/"),
        "b": ProviderSettings(protocol="anthropic"),
    }
    environ = {"OPENAI_BASE_URL": "http://two:2"}
    servers = [
        registry.server_of(entry, providers, environ=environ)
        for entry in ("a:m", "b:m", "openai:m", "anthropic:m", "local", "handoff:x")
    ]
    assert servers == ["openai http://one:1/v1", "", "openai http://two:2", "", "", ""]


# -- through the command -------------------------------------------------------------------------------------


@pytest.fixture
def project(server: ModelServer, tmp_path: Path) -> Project:
    made = Project(tmp_path, server)
    made.configure(implementer=("handoff",))
    made.write_spec("small", SMALL)
    return made


def answer_all(project: Project, *, after_seconds: float = 0.0) -> list[str]:
    """Answer what has lain on the table for so long; says which functions that was about."""
    answered = []
    for path in sorted((project.root / ".drystone" / "handoff").glob("*.prompt.md")):
        function = path.name.split("-")[0].removeprefix("small.")
        answer = path.with_name(path.name.replace(".prompt.", ".answer."))
        if not answer.exists() and time.time() - path.stat().st_mtime >= after_seconds:
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
        answered += answer_all(project, after_seconds=1)
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


def test_a_fresh_run_that_was_stopped_pays_for_the_rest_only(project: Project, server: ModelServer) -> None:
    """What was answered before it broke is not asked again; once a run has ended, everything is."""
    project.configure()
    server.answers = {"double": [DOUBLE], "quadruple": [QUADRUPLE], "limit": [LIMIT]}
    assert project.run("generate").code == 0
    server.answers = {"double": [DOUBLE], "limit": [LIMIT]}
    server.asked.clear()
    assert project.run("generate", "--fresh").code == 5
    first = server.functions()
    server.answers["quadruple"] = [QUADRUPLE]
    server.asked.clear()
    assert project.run("generate", "--fresh").code == 0
    assert {"double", "limit"} - set(first) | {"quadruple"} == set(server.functions())
    server.asked.clear()
    assert project.run("generate", "--fresh").code == 0
    assert sorted(server.functions()) == ["double", "limit", "quadruple"]
    server.reset()
