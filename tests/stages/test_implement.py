"""Contract -> Accepted or Rejected, with a model that is a list of replies and a judge that is a function."""

from collections.abc import Callable, Sequence

import pytest

from pipeline.errors import UnavailableError
from pipeline.llm.port import Reply, Request
from pipeline.records import Clause, Contract, Judgement, Spec
from pipeline.reports import Accepted, Rejected, Rung
from pipeline.specs import parse_spec
from pipeline.stages import architect, implement

SPEC = """\
spec: small
summary: Small functions.
functions:
  double:
    summary: Twice the number.
    params: {n: int}
    returns: int
    ensures: ["result == n * 2"]
    examples:
      - {name: two, given: {n: 2}, returns: 4}
      - {name: none, given: {n: 0}, returns: 0}
      - {name: many, given: {n: 7007}, returns: 14014}
"""
GOOD = Judgement(clauses=(Clause(clause="ensures[0]", passed=True),))


def contract_of(text: str = SPEC) -> Contract:
    spec = parse_spec("specs/small.yaml", text)
    assert isinstance(spec, Spec)
    return architect.hold_back(spec.functions[0].contract)


def reply(text: str, stop="end") -> Reply:
    return Reply(text=text, stop=stop, tokens_in=1, tokens_cached=0, tokens_out=1)


def code(expression: str) -> Reply:
    return reply(f"```python\ndef double(n):\n    return {expression}\n```")


def broken(
    message: str = "double(1) returned 3", *, clause: str = "ensures[0]", hidden: bool = False
) -> Judgement:
    return Judgement(clauses=(Clause(clause=clause, passed=False, message=message, hidden=hidden),))


class Scene:
    """One ladder, its replies in order, and what was asked."""

    def __init__(self, *replies: Reply | Exception, ladder: Sequence[Rung] = (Rung(entry="a:m"),)) -> None:
        self.replies = list(replies)
        self.ladder = ladder
        self.requests: list[Request] = []
        self.judged: list[str] = []
        self.steps: list[implement.Step] = []

    def run(self, judge: Callable[[str], Judgement] = lambda source: GOOD) -> Accepted | Rejected:
        def ask(request: Request) -> Reply:
            self.requests.append(request)
            found = self.replies.pop(0)
            if isinstance(found, Exception):
                raise found
            return found

        def judged(source: str) -> Judgement:
            self.judged.append(source)
            return judge(source)

        asks = {rung.entry: ask for rung in self.ladder}
        return implement.implement(
            contract_of(), ladder=self.ladder, asks=asks, judge=judged, watch=self.steps.append
        )


def reasons(made: Accepted | Rejected) -> list[str]:
    return [attempt.reason for attempt in made.attempts]


def doubles(source: str) -> Judgement:
    return GOOD if "n * 2" in source else broken()


def test_what_keeps_its_contract_is_accepted() -> None:
    """The file is the tool's; the body is the model's."""
    made = Scene(code("n * 2")).run(doubles)
    assert isinstance(made, Accepted)
    assert "def double(n: int) -> int:" in made.source
    assert (made.model, made.attempts) == ("a:m", ())


def test_a_repair_holds_the_refused_reply_and_one_counterexample() -> None:
    """The rule that was broken is said, too."""
    scene = Scene(code("n + 1"), code("n * 2"))
    made = scene.run(doubles)
    assert isinstance(made, Accepted)
    assert reasons(made) == ["ensures[0]: double(1) returned 3"]
    first, second = scene.requests
    assert [message.role for message in first.messages] == ["user"]
    assert [message.role for message in second.messages] == ["user", "assistant", "user"]
    assert first.system == second.system
    assert first.messages[0] == second.messages[0]
    assert "double(1) returned 3 (rule: result == n * 2)" in second.messages[2].text


def test_there_are_at_most_two_repairs() -> None:
    """Then the ladder goes on to the next model, which starts anew."""
    ladder = (Rung(entry="a:m"), Rung(entry="b:m"))
    scene = Scene(*(code(f"n + {n}") for n in range(1, 4)), code("n * 2"), ladder=ladder)
    made = scene.run(doubles)
    assert isinstance(made, Accepted)
    assert [request.model for request in scene.requests] == ["a:m", "a:m", "a:m", "b:m"]
    assert [len(request.messages) for request in scene.requests] == [1, 3, 3, 1]
    assert made.model == "b:m"


def test_the_same_answer_ends_the_rung() -> None:
    """Another spelling of the same function is the same answer; it is not judged twice."""
    scene = Scene(code("n + 1"), reply("Sure!\n```python\ndef double(n):\n    return (n + 1)\n```"))
    made = scene.run(doubles)
    assert isinstance(made, Rejected)
    assert reasons(made)[-1] == "the same answer as before"
    assert len(scene.requests) == 2
    assert len(scene.judged) == 1


def test_the_same_unusable_reply_ends_the_rung() -> None:
    """A reply that is no function counts as an answer."""
    made = Scene(reply("no"), reply("no")).run()
    assert reasons(made) == ["holds no fenced code block", "the same answer as before"]


def test_the_next_model_may_repair_the_mistake_of_the_first() -> None:
    """The same wrong function from another model is not judged again, but its repair is asked for."""
    ladder = (Rung(entry="a:m"), Rung(entry="b:m"))
    scene = Scene(code("n + 1"), code("n + 1"), code("n + 1"), code("n * 2"), ladder=ladder)
    made = scene.run(doubles)
    assert isinstance(made, Accepted)
    assert [request.model for request in scene.requests] == ["a:m", "a:m", "b:m", "b:m"]
    assert "double(1) returned 3" in scene.requests[-1].messages[2].text
    assert len(scene.judged) == 2


def test_samples_are_independent() -> None:
    """No conversation, other seeds, a temperature; the same answer twice ends nothing."""
    scene = Scene(code("n + 1"), code("n + 1"), code("n * 2"), ladder=(Rung(entry="a:m", samples=3),))
    made = scene.run(doubles)
    assert isinstance(made, Accepted)
    assert {1} == {len(request.messages) for request in scene.requests}
    assert [request.seed for request in scene.requests] == [1, 2, 3]
    assert {implement.SAMPLING_TEMPERATURE} == {request.temperature for request in scene.requests}


def test_a_failure_on_what_is_held_back_is_not_told() -> None:
    """Only that there is one; and a failure that may be shown is preferred."""
    secret = "double(7007) must return 14014, but returned 0"
    scene = Scene(code("n + 1"), code("n + 2"), code("n + 3"))
    hidden = broken(secret, clause="examples[many]", hidden=True)
    both = Judgement(clauses=(*hidden.clauses, *broken().clauses))
    made = scene.run(lambda source: both if "n + 2" in source else hidden)
    texts = [message.text for request in scene.requests for message in request.messages]
    assert not any("7007" in text or "14014" in text for text in texts if "Examples" not in text)
    assert "an input that is not shown" in scene.requests[1].messages[2].text
    assert "double(1) returned 3" in scene.requests[2].messages[2].text
    assert f"examples[many]: {secret}" == reasons(made)[0]


def test_a_reply_that_is_cut_off_or_refused_is_no_candidate() -> None:
    """Even if its text would do."""
    cut, refused = (reply(code("n * 2").text, stop=stop) for stop in ("length", "refusal"))
    scene = Scene(cut, refused, code("n * 2"))
    assert reasons(scene.run()) == ["the reply is cut off", "the same answer as before"]
    assert scene.judged == []


def test_an_insufficient_contract_goes_back_to_the_person() -> None:
    """The model is not asked again, the next one is."""
    ladder = (Rung(entry="a:m"), Rung(entry="b:m"))
    scene = Scene(reply("contract insufficient: what is n?"), code("n * 2"), ladder=ladder)
    made = scene.run()
    assert isinstance(made, Accepted)
    assert reasons(made) == ["contract insufficient: what is n?"]


def test_an_empty_reply_is_quoted_as_one() -> None:
    """Providers take no message without a text."""
    scene = Scene(reply(" \n"), code("n * 2"))
    scene.run()
    assert scene.requests[1].messages[1].text == "(empty)"


def test_reasons_are_one_line() -> None:
    """Whatever a candidate puts into its messages."""
    made = Scene(code("n + 1"), code("n + 1")).run(lambda source: broken("raised ValueError: a\nb"))
    assert reasons(made) == ["ensures[0]: raised ValueError: a\\nb", "the same answer as before"]


def test_a_broken_provider_is_no_attempt() -> None:
    """Its error leaves the stage as it is."""
    with pytest.raises(UnavailableError):
        Scene(code("n + 1"), UnavailableError("down")).run(doubles)


def test_whoever_watches_sees_every_step() -> None:
    """A step before the judge has seen it, and again with the reason if it is refused."""
    scene = Scene(code("n + 1"), code("n * 2"))
    scene.run(doubles)
    assert [(step.number, step.refused) for step in scene.steps] == [
        (1, None),
        (1, "ensures[0]: double(1) returned 3"),
        (2, None),
    ]
