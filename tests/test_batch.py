"""Questions in waves over both batch protocols: few batches, nothing sent twice, nothing lost by being stopped."""

import json
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from batch_servers import BatchServer
from servers import Answer, ModelServer, Project, Run, interrupt, python

from pipeline.asking import Asking
from pipeline.budget import Budget
from pipeline.errors import BudgetError, ModelNotFoundError, ProviderError, QuotaError, UnavailableError
from pipeline.llm import crew, registry, wave, waves
from pipeline.llm.port import Message, Reply, Request
from pipeline.settings import read_settings

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
from pipeline.llm import crew, waves
waves.FIRST_POLL_SECONDS = waves.LONGEST_POLL_SECONDS = waves.TICK_SECONDS = 0.02
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
        self.told: list[tuple[str, str | None]] = []

    def functions(self, count: int) -> None:
        """A spec of so many functions, and the right answer to each."""
        numbers = range(1, count + 1)
        self.project.write_spec(
            "many", HEAD + "".join(FUNCTION.format(number=n, sum=n + 2, many=n + 700) for n in numbers)
        )
        self.server.models.answers = {f"f{n}": [right(n)] for n in numbers}

    def start(self) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-c", QUICK, "generate", "--batch", "--json"],
            cwd=self.project.root,
            env=self.project.environ(None),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self) -> Run:
        process = self.start()
        out, err = process.communicate(timeout=120)
        assert "Traceback" not in out + err, err
        return Run(process.returncode, out, err)

    def begin(self, count: int) -> "Questions":
        """So many threads with a question each, as a process of its own would ask them."""
        registry.close_models()
        return Questions(self.open(), count)

    def open(self, *, max_tokens: int | None = None) -> Asking:
        """What a process has that may ask, and knows of the batches there are by now."""
        settings = read_settings(
            self.project.root,
            {},
            architect="none",
            implementer=("fake:m1",),
            batch=True,
            max_tokens=max_tokens,
        )
        gathered = crew.Crew(settings.work_folder / "batches", lambda *told: self.told.append(told))
        self.purse = Budget(settings.budget, settings.providers)
        return Asking(settings, settings.entries, fresh=False, budget=self.purse, crew=gathered)

    def ask(self, count: int) -> dict[str, Reply | BaseException]:
        """What comes of so many questions."""
        return self.begin(count).outcomes()

    def waves(self) -> list[dict[str, object]]:
        """What is remembered of batches."""
        folder = self.project.root / ".drystone" / "batches"
        return [json.loads(path.read_text()) for path in folder.glob("*.json")]

    def wait_for_wave(self) -> None:
        """Until a batch is known by its id."""
        for _ in range(1200):
            if any(wave["batch"] for wave in self.waves()):
                return
            time.sleep(0.05)
        raise AssertionError("no batch was sent")

    def wait_for_batches(self, count: int) -> None:
        """Until the server has so many."""
        for _ in range(600):
            if len(self.server.batches) == count:
                return
            time.sleep(0.02)
        raise AssertionError("no batch was sent")


class Questions:
    """Threads that ask."""

    def __init__(self, asking: Asking, count: int) -> None:
        self._asking = asking
        self.shown: list[str] = []
        self._found: dict[str, Reply | BaseException] = {}
        self._threads = [
            threading.Thread(target=self._ask, args=(f"f{number}",), daemon=True)
            for number in range(1, count + 1)
        ]
        for thread in self._threads:
            thread.start()

    def _ask(self, name: str) -> None:
        request = Request("m1", "s", (Message("user", name),), max_tokens=9, temperature=0.0)
        with self._asking.crew.at_work():
            desk = self._asking.desk(lambda text, _: self.shown.append(text), subject=f"many.{name}")
            try:
                self._found[name] = desk.ask_for("implementer", "fake:m1")(request)
            except BaseException as failure:  # noqa: BLE001
                self._found[name] = failure

    def outcomes(self) -> dict[str, Reply | BaseException]:
        deadline = time.monotonic() + 60
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return self._found


def right(number: int) -> str:
    return python(f"def f{number}(n):\n    return n + {number}\n")


def replies(outcomes: dict[str, Reply | BaseException]) -> list[str]:
    return sorted(each.text if isinstance(each, Reply) else repr(each) for each in outcomes.values())


def names(count: int) -> list[str]:
    return sorted(f"f{number}" for number in range(1, count + 1))


def each(count: int, **others: Sequence[str | Answer]) -> dict[str, Sequence[str | Answer]]:
    """Every function is answered with its name."""
    return {name: [name] for name in names(count)} | others


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Batches are looked at sooner than in life, and nothing is shared with other tests."""
    for name in ("FIRST_POLL_SECONDS", "LONGEST_POLL_SECONDS", "TICK_SECONDS"):
        monkeypatch.setattr(waves, name, 0.02)
    monkeypatch.setattr(waves, "SEND_PAUSES_SECONDS", (0.05, 0.05, 0.05))
    monkeypatch.setattr(crew, "SETTLE_SECONDS", 0.1)
    yield
    registry.close_models()


@pytest.fixture(params=["openai", "anthropic"])
def wire(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Wire]:
    made = Wire(request.param, tmp_path)
    yield made
    made.server.close()


def landed(run: Run) -> set[str]:
    return {name for name, action in run.actions().items() if action == "landed"}


# -- waves ---------------------------------------------------------------------------------------------------


def test_a_wave_holds_all_that_is_asked_at_once(wire: Wire) -> None:
    """Sixty questions are one batch; when the replies are kept, nothing is left to remember of it."""
    wire.server.models.answers = each(60)
    assert replies(wire.ask(60)) == names(60)
    assert [len(batch.lines) for batch in wire.server.batches.values()] == [60]
    assert wire.waves() == []
    assert wire.told[0] == ("batch_1", "0 of 60 answered")
    assert wire.told[-1] == ("batch_1", None)


def test_whoever_is_at_work_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wave stays open while somebody may still ask, but not for ever."""
    monkeypatch.setattr(crew, "QUIET_SECONDS", 0.6)
    gathered = crew.Crew(tmp_path, lambda *_: None)
    with gathered.at_work():
        with gathered.at_work(), gathered.waiting():
            time.sleep(0.3)
            assert not gathered.all_have_asked()
            time.sleep(0.5)
            assert gathered.all_have_asked()
        with gathered.waiting():
            assert not gathered.all_have_asked()
            time.sleep(0.2)
            assert gathered.all_have_asked()


def test_another_process_waits_for_the_batch_that_is_under_way(wire: Wire) -> None:
    """It finds each question by its digest, sends only what is new, and asks the batch by its id."""
    wire.server.models.answers = each(25)
    wire.server.polls = 10**6
    wire.begin(20)
    wire.wait_for_wave()
    asking = wire.begin(25)
    wire.wait_for_batches(2)
    for batch in wire.server.batches.values():
        batch.polls_left = 2
    assert replies(asking.outcomes()) == names(25)
    assert [len(batch.lines) for batch in wire.server.batches.values()] == [20, 5]
    assert set(wire.server.sent.values()) == {1}
    assert wire.waves() == []


def test_what_another_process_sent_meanwhile_is_not_sent_again(wire: Wire) -> None:
    """Two began at once and one was stopped: the other one waits for its batch, and sends at once what is new."""
    wire.server.models.answers = each(5)
    wire.server.polls = 10**6
    first, second = wire.open(), wire.open()
    Questions(first, 4)
    wire.wait_for_wave()
    wire.server.polls = 2
    questions = Questions(second, 5)
    wire.wait_for_batches(2)
    first.model("fake:m1")[0].close()
    wire.server.batches["batch_1"].polls_left = 2
    assert replies(questions.outcomes()) == names(5)
    assert [len(batch.lines) for batch in wire.server.batches.values()] == [4, 1]
    assert set(wire.server.sent.values()) == {1}
    assert wire.waves() == []


def test_two_processes_forget_lines_of_one_batch(tmp_path: Path) -> None:
    """Neither brings back what the other one has dropped."""
    wave.Wave(provider="p", server="s", model="m", size=2, lines={"a", "b"}).save(tmp_path / "batches")
    (mine,), (other,) = (wave.read_waves(tmp_path / "batches") for _ in range(2))
    mine.drop({"a"}, tmp_path / "batches")
    other.drop({"b"}, tmp_path / "batches")
    assert wave.read_waves(tmp_path / "batches") == []


def test_a_budget_that_is_smaller_than_the_wave_splits_it_without_delay(wire: Wire) -> None:
    """Who waits for room is not waited for, and says what it waits for."""
    wire.server.models.answers = each(5)
    began = time.monotonic()
    questions = Questions(wire.open(max_tokens=1300), 5)
    assert replies(questions.outcomes()) == names(5)
    assert time.monotonic() - began < crew.QUIET_SECONDS
    assert max(len(batch.lines) for batch in wire.server.batches.values()) == 2
    assert "waiting for room in the budget" in questions.shown


def test_what_was_sent_is_fetched_whatever_the_ceiling(wire: Wire) -> None:
    """It is charged for in any case; only what is new is held to the ceiling."""
    wire.server.models.answers = each(3)
    wire.server.polls = 10**6
    wire.begin(2)
    wire.wait_for_wave()
    registry.close_models()
    wire.server.batches["batch_1"].polls_left = 2
    found = Questions(wire.open(max_tokens=1), 3).outcomes()
    assert isinstance(found.pop("f3"), BudgetError)
    assert replies(found) == names(2)
    assert set(wire.server.sent.values()) == {1}


def test_nobody_waits_on_a_connection_that_was_closed(wire: Wire) -> None:
    """Whoever waits for a batch hears of it, and keeps nobody out of the question any more."""
    wire.server.polls = 10**6
    waiting = wire.begin(2)
    wire.wait_for_wave()
    registry.close_models()
    found = waiting.outcomes()
    assert [type(failure) for failure in found.values()] == [UnavailableError] * 2
    assert "the connection was closed" in str(found["f1"])


def test_an_answer_is_fetched_again_until_it_is_kept(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that ends between a reply and its storing has lost nothing."""
    wire.server.models.answers = each(3)
    monkeypatch.setattr(
        "pipeline.store.ReplyStore.put", lambda *_, **__: (_ for _ in ()).throw(KeyError("full"))
    )
    assert replies(wire.ask(3)) == ["KeyError('full')"] * 3
    monkeypatch.undo()
    assert replies(wire.ask(3)) == names(3)
    assert set(wire.server.sent.values()) == {1}


def test_a_batch_whose_creation_was_cut_off_is_found_again(wire: Wire) -> None:
    """The server had made it, the answer was lost: it is looked for, not sent again."""
    wire.server.models.answers = each(4)
    wire.server.cut_off = 1
    assert replies(wire.ask(4)) == names(4)
    assert set(wire.server.sent.values()) == {1}


def test_a_run_killed_while_it_created_a_batch_finds_it(wire: Wire) -> None:
    """All that is known is that a wave was begun; the next run looks whether it arrived."""
    wire.server.models.answers = each(4)
    wire.server.polls = 10**6
    wire.begin(4)
    wire.wait_for_wave()
    (path,) = (wire.project.root / ".drystone" / "batches").glob("*.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "batch": None, "cancel": ""}))
    wire.server.batches["batch_1"].polls_left = 2
    assert replies(wire.ask(4)) == names(4)
    assert set(wire.server.sent.values()) == {1}


@pytest.mark.parametrize("polls", [3, 10**6])
def test_a_batch_of_somebody_else_is_not_taken_for_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, polls: int
) -> None:
    """Where batches have no names it is doubted: nobody is told to cancel it, and it does not hold up the questions."""
    wire = Wire("anthropic", tmp_path)
    wire.server.models.answers = each(2)
    wire.server.unheard = 1
    foreign = wire.server.create("anthropic", {"a": {}, "b": {}}, {})
    foreign.fate, foreign.polls_left = "errored", polls
    monkeypatch.setattr(waves, "UNCONFIRMED_SECONDS", 1.0)
    monkeypatch.setattr(waves, "FIRST_POLL_SECONDS", 0.3)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        questions = wire.begin(2)
        wire.wait_for_wave()
        (left,) = wave.under_way(tmp_path / ".drystone" / "batches")
        assert replies(questions.outcomes()) == names(2)
    wire.server.close()
    assert "batch batch_1 at fake may hold 2 questions" in left
    assert "curl" not in left
    assert ["cannot be told" in str(each.message) for each in caught] == [True] * (polls > 3)
    assert [len(batch.lines) for batch in wire.server.batches.values()] == [2, 2]
    assert wire.waves() == []


def test_a_server_that_is_busy_has_made_no_batch(tmp_path: Path) -> None:
    """Nothing is looked for that might be taken for it."""
    wire = Wire("anthropic", tmp_path)
    wire.server.models.answers = each(2)
    wire.server.unready = 1
    wire.server.create("anthropic", {"a": {}, "b": {}}, {}).polls_left = 10**6
    assert replies(wire.ask(2)) == names(2)
    wire.server.close()
    assert [told for told in wire.told if told[0] == "batch_1"] == []


def test_a_wave_that_never_arrived_is_sent(wire: Wire) -> None:
    """The run was killed before the server heard of it."""
    wire.server.models.answers = each(4)
    wire.server.polls = 10**6
    wire.begin(4)
    wire.wait_for_wave()
    (path,) = (wire.project.root / ".drystone" / "batches").glob("*.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "batch": None, "cancel": ""}))
    registry.close_models()
    wire.server.batches.clear()
    wire.server.polls = 2
    assert replies(wire.ask(4)) == names(4)
    assert [len(batch.lines) for batch in wire.server.batches.values()] == [4]


@pytest.mark.parametrize("fate", ["expired", "canceled"])
def test_what_a_batch_did_not_answer_is_asked_again_once(wire: Wire, fate: str) -> None:
    """Half came and is kept; the other half goes into one more batch."""
    wire.server.models.answers = each(10)
    wire.server.fates = [fate, "completed"]
    assert replies(wire.ask(10)) == names(10)
    assert [len(batch.lines) for batch in wire.server.batches.values()] == [10, 5]


def test_a_question_that_is_lost_twice_is_an_error(wire: Wire) -> None:
    """It says which batch, and what to do; what was answered is kept."""
    wire.server.models.answers = each(4)
    wire.server.fates = ["expired"]
    found = wire.ask(4)
    lost = [failure for failure in found.values() if not isinstance(failure, Reply)]
    assert [type(failure) for failure in lost] == [UnavailableError]
    assert "batch batch_2 ended without an answer to 1 of its questions" in str(lost[0])
    assert wire.waves() == []


def test_an_answer_that_cannot_be_read_takes_no_other_with_it(wire: Wire) -> None:
    """The others are kept; its question is asked once more, and what it may have cost counts as lost."""
    wire.server.models.answers = each(4)
    wire.server.damaged = {"batch_1"}
    with pytest.warns(UserWarning, match="1 of the lines in a batch's answers cannot be read"):
        found = wire.ask(4)
    assert replies(found) == names(4)
    assert [len(batch.lines) for batch in wire.server.batches.values()] == [4, 1]
    spent = wire.purse.spending()
    assert spent is not None
    assert spent.total.lost == 1
    assert wire.waves() == []


def test_a_line_that_failed_in_passing_is_in_the_next_wave(wire: Wire) -> None:
    """429, 500 and 529 are asked again; what was answered is not."""
    wire.server.models.answers = each(
        6,
        f1=[Answer("slow down", status=429), Answer("oh", status=500), "f1"],
        f2=[Answer("", status=529), "f2"],
    )
    assert replies(wire.ask(6)) == names(6)
    assert [len(batch.lines) for batch in wire.server.batches.values()] == [6, 2, 1]


def test_a_line_that_keeps_failing_is_an_error(wire: Wire) -> None:
    """After the third time it is what a call of its own would be, and the next run asks anew."""
    wire.server.models.answers = each(2, f1=[Answer("oh", status=500)])
    found = wire.ask(2)
    assert isinstance(found["f1"], UnavailableError)
    assert len(wire.server.batches) == 3
    assert wire.waves() == []


def test_a_reply_that_is_none_is_not_paid_for_again(wire: Wire) -> None:
    """It was charged for, and counts as lost: the run says so, and a person decides."""
    wire.server.models.answers = each(2, f1=[Answer(body='{"choices": []}')])
    found = wire.ask(2)
    assert isinstance(found["f1"], UnavailableError)
    assert found["f1"].lost == 1
    assert set(wire.server.sent.values()) == {1}
    assert wire.waves() == []


def test_a_line_that_is_refused_for_good_is_the_usual_error(wire: Wire) -> None:
    """It says what a call of its own would say, at once; the others are answered."""
    wire.server.models.answers = each(3, f1=[Answer("no such model", status=404)])
    found = wire.ask(3)
    assert isinstance(found.pop("f1"), ModelNotFoundError)
    assert replies(found) == ["f2", "f3"]
    assert set(wire.server.sent.values()) == {1}


def test_a_parameter_that_is_refused_is_left_out_of_the_next_wave(wire: Wire) -> None:
    """With one notice, as for single calls."""
    wire.server.models.answers = each(3)
    wire.server.refused_parameters = {"temperature"}
    with pytest.warns(UserWarning, match="fake:m1 takes no temperature") as notices:
        assert replies(wire.ask(3)) == names(3)
    assert len(notices) == 1
    lines = [list(batch.lines.values()) for batch in wire.server.batches.values()]
    assert [["temperature" in body for body in bodies] for bodies in lines] == [[True] * 3, [False] * 3]


def test_a_server_that_is_out_for_a_moment_costs_nothing(wire: Wire) -> None:
    """Creating and looking are tried again; no line is sent twice."""
    wire.server.models.answers = each(3)
    wire.server.unready = 2
    assert replies(wire.ask(3)) == names(3)
    assert set(wire.server.sent.values()) == {1}


def test_a_server_without_batches_is_said_to_have_none(wire: Wire) -> None:
    """Nobody pays the full price by surprise; the error names the key that asks one by one."""
    wire.server.absent = True
    found = list(wire.ask(2).values())
    assert [type(failure) for failure in found] == [ProviderError] * 2
    assert "set batch = false under [tool.drystone.providers.fake]" in str(found[0])
    assert wire.waves() == []


def test_a_batch_that_fails_as_a_whole_says_why(tmp_path: Path) -> None:
    """Nothing is sent again for a reason that stays."""
    wire = Wire("openai", tmp_path)
    wire.server.fates = ["billing_hard_limit_reached"]
    found = wire.ask(2)
    wire.server.close()
    assert [type(failure) for failure in found.values()] == [QuotaError] * 2
    assert len(wire.server.batches) == 1


def test_a_batch_that_is_too_large_is_sent_in_parts(tmp_path: Path) -> None:
    """An account that may have no more waiting gets smaller batches, one after the other, and no error."""
    wire = Wire("openai", tmp_path)
    wire.server.models.answers = each(8)
    wire.server.fates = ["token_limit_exceeded", "token_limit_exceeded", "completed"]
    found = wire.ask(8)
    wire.server.close()
    assert replies(found) == names(8)
    assert [len(batch.lines) for batch in wire.server.batches.values()] == [8, 4, 2, 2, 2, 2]
    assert wire.waves() == []


def test_a_batch_that_the_server_has_forgotten_is_sent_again(wire: Wire) -> None:
    """With a warning; there is nothing to wait for."""
    wire.server.models.answers = each(2)
    wire.server.polls = 10**6
    wire.begin(2)
    wire.wait_for_wave()
    registry.close_models()
    wire.server.batches = {"batch_0": wire.server.batches["batch_1"]}
    wire.server.polls = 2
    with pytest.warns(UserWarning, match="does not know batch batch_1 any more"):
        assert replies(wire.ask(2)) == names(2)


def test_a_record_that_is_damaged_or_foreign_is_left_alone(wire: Wire) -> None:
    """What cannot be read is asked anew."""
    wire.server.models.answers = each(1)
    folder = wire.project.root / ".drystone" / "batches"
    folder.mkdir(parents=True)
    (folder / "0.json").write_text("{")
    assert replies(wire.ask(1)) == ["f1"]


# -- runs ----------------------------------------------------------------------------------------------------


def test_the_bytes_that_land_are_those_of_single_calls(wire: Wire, tmp_path: Path) -> None:
    """Asked one by one or in batches: the same files, the same questions; repairs are the second wave."""
    wire.functions(3)
    wire.server.models.answers["f2"] = [python("def f2(n):\n    return n\n"), right(2)]
    assert wire.run().code == 0
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
    assert [len(batch.lines) for batch in wire.server.batches.values()] == [3, 1]
    assert wire.server.singles == 0


def test_a_killed_run_is_resumed_by_the_batch_id(wire: Wire) -> None:
    """The next run waits for the batch that the killed one had sent, and sends nothing again."""
    wire.functions(4)
    wire.server.polls = 10**6
    process = wire.start()
    wire.wait_for_wave()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    wire.server.batches["batch_1"].polls_left = 2
    run = wire.run()
    assert (run.code, len(landed(run))) == (0, 4)
    assert sorted(wire.server.sent.values()) == [1] * 4
    assert wire.waves() == []


def test_a_batch_that_nobody_wants_any_more_is_told_once_and_forgotten(wire: Wire) -> None:
    """The spec has changed since; when all is done without it, its notice does not come on every run."""
    wire.functions(2)
    wire.server.polls = 10**6
    process = wire.start()
    wire.wait_for_wave()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    spec = wire.project.root / "specs" / "many.yaml"
    spec.write_text(spec.read_text().replace("The number and", "The sum of the number and"))
    wire.server.polls = 2
    run = wire.run()
    assert (run.code, len(landed(run))) == (0, 2)
    assert "batch batch_1 at fake holds 2 questions that nobody asks any more, and is forgotten" in run.out
    assert wire.waves() == []
    assert "batch_1" not in wire.project.run("generate").err


def test_ctrl_c_leaves_batches_running_and_says_how_to_go_on(wire: Wire) -> None:
    """The run ends at once; how to go on and how to cancel are commands to copy. A run without batches says it too."""
    wire.functions(1)
    wire.server.polls = 10**6
    process = wire.start()
    wire.wait_for_wave()
    begun = time.monotonic()
    code, _, err = interrupt(process)
    assert (code, time.monotonic() - begun < 8) == (130, True)
    left = "batch batch_1 at fake holds 1 of 1 questions; `drystone generate --batch` goes on with it"
    assert left in err
    path = "/v1/messages/batches" if wire.protocol == "anthropic" else "/v1/batches"
    assert f"curl -X POST {wire.server.url}{path}/batch_1/cancel" in err
    assert left in wire.project.run("generate").err
    assert wire.server.singles == 1


def test_a_provider_may_be_kept_out_of_batches(wire: Wire) -> None:
    """`batch = false`: its questions are asked one by one, as without the option."""
    wire.server.models.answers = each(2)
    settings = wire.project.root / "pyproject.toml"
    settings.write_text(settings.read_text() + "batch = false\n")
    assert replies(wire.ask(2)) == names(2)
    assert (wire.server.singles, len(wire.server.batches)) == (2, 0)
