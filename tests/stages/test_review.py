"""Contradictions between contracts: what a reviewer is shown, and what of its reply counts."""

import json
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import jsonschema
import pytest

from pipeline.definitions import Param
from pipeline.errors import UnavailableError
from pipeline.llm.port import Reply, Request
from pipeline.records import Case, Contract, Decision, Place, Spec
from pipeline.specs import parse_spec
from pipeline.stages import review
from pipeline.stages.review import Contradiction, Reviewed

SPEC = """\
spec: mail
summary: Sign-up.
constraints:
  mobile: {text: Screens are laid out for a 360 px wide phone., applies_to: [start]}
decisions:
  session:
    question: Where does progress live?
    options: {token: a signed token, server: a row}
    choose: token
    applies_to: [start]
types:
  Minutes: {type: int, ge: 0, le: 1000}
errors:
  Late: The link is too old.
functions:
  start:
    summary: The token of a new session; nothing is kept on the server.
    params: {wait: Minutes}
    returns: int
    requires: ["wait > 5"]
    raises: {Late: wait > 60}
    ensures: ["result == wait * 60"]
    examples:
      - {name: a, given: {wait: 6}, returns: 360}
      - {name: b, given: {wait: 61}, raises: Late}
  resume:
    summary: The session as the server
      keeps it.
    params: {seconds: int}
    returns: int
    ensures: ["result == -seconds"]
    examples:
      - {name: a, given: {seconds: 6}, returns: -6}
      - {name: b, given: {seconds: 8}, returns: -8}
"""
STATE = {
    "first": "start",
    "first_quote": "nothing is kept on the server",
    "second": "mail.resume",
    "second_quote": "The session as the server\n   keeps it.",
    "why": "One keeps\x1b[31m what the\nother does not.",
}
FOUND = Contradiction(
    first="mail.start",
    first_quote="nothing is kept on the server",
    second="mail.resume",
    second_quote="The session as the server keeps it.",
    why="One keeps [31m what the other does not.",
)
PLACES = {
    "mail.start": Place(path="specs/mail.yaml", line=15, column=3),
    "mail.resume": Place(path="specs/mail.yaml", line=25, column=3),
}


def contracts() -> list[Contract]:
    spec = parse_spec("specs/mail.yaml", SPEC)
    assert isinstance(spec, Spec), spec
    return [function.contract for function in spec.functions]


def reviewed(
    *replies: Any, of: Sequence[Contract] | None = None, stop: Any = "end"
) -> tuple[Reviewed, list[Request]]:
    asked: list[Request] = []

    def ask(request: Request) -> Reply:
        asked.append(request)
        reply = replies[min(len(asked), len(replies)) - 1]
        text = reply if isinstance(reply, str) else json.dumps({"contradictions": reply})
        return Reply(text=text, stop=stop, tokens_in=1, tokens_cached=0, tokens_out=1)

    return review.review(contracts() if of is None else of, model="a:m", ask=ask), asked


def test_a_reviewer_is_shown_every_contract_in_short() -> None:
    """Signatures, rules, errors, what is settled, examples, and the types once for all."""
    _, asked = reviewed([])
    (request,) = asked
    (message,) = request.messages
    for text in (
        "Minutes: TypeAlias = int",
        "## mail.start\ndef start(wait: Minutes) -> int:\nThe token of a new session;",
        "- callers guarantee: wait > 5\n- raises Late when wait > 60\n- true of every result: result == wait * 60\n",
        "- settled: Screens are laid out for a 360 px wide phone.\n- settled: Where does progress live? token: a",
        '- example: {"wait": 61} raises Late\n',
        "## mail.resume\ndef resume(seconds: int) -> int:\n",
    ):  # fmt: skip
        assert text in message.text, text
    assert request.schema is not None
    jsonschema.Draft202012Validator.check_schema(request.schema)
    assert (request,) == review.requests(contracts(), model="a:m")


def test_what_is_assumed_asked_and_handled_is_shown() -> None:
    """A decision nobody has made is not."""
    first, second = contracts()
    more = first.model_copy(
        update={
            "assumes": {"session": "token"},
            "calls": ("mailer.send",),
            "handles": ("Late",),
            "mutates": ("wait",),
            "approach": "Multiply.",
            "decisions": (Decision(name="x", question="What if?", choice="", meaning=""),),
        }
    )
    text = review.requests([more, second], model="a:m")[0].messages[0].text
    for part in (
        "- takes for granted: session = token",
        "- asks: mailer.send",
        "- deals with: Late",
        "- changes in place: wait",
        "- a way to do it: Multiply.",
    ):
        assert part in text, part
    assert "What if?" not in text


def test_a_contradiction_counts_if_both_passages_are_there() -> None:
    """White space aside; what is told is one line."""
    found, _ = reviewed([STATE])
    assert found == Reviewed((FOUND,))


@pytest.mark.parametrize(
    "changes",
    [
        {"first_quote": "`nothing is kept on the server`"},
        {"first_quote": "“nothing is kept on the server…”"},
        {"second": "`resume`"},
        {
            "first": STATE["second"], "first_quote": STATE["second_quote"], "second": STATE["first"],
            "second_quote": STATE["first_quote"],
        },
    ],
)  # fmt: skip
def test_small_liberties_are_taken(changes: dict[str, str]) -> None:
    """Marks of quotation, and which of the two comes first."""
    found, _ = reviewed([{**STATE, **changes}])
    assert found.findings == (FOUND,)


@pytest.mark.parametrize(
    "changes",
    [
        {"first_quote": "Nothing is kept on the server"},
        {"first_quote": "the server keeps it"},
        {"first_quote": "Minutes: TypeAlias"},
        {"first_quote": ""},
        {"first_quote": "``"},
        {"first_quote": "the"},
        {"second": "begin"},
        {"second": "start", "second_quote": "wait > 60"},
        {"second": ""},
        {"first_quote": "result ==", "second_quote": "result =="},
        {"why": " \n"},
    ],
)
def test_what_the_contracts_do_not_bear_out_is_dropped_and_counted(changes: dict[str, str]) -> None:
    """Passages that are not in that very contract, or too short to say anything; functions that are not there."""
    found, _ = reviewed([{**STATE, **changes}, STATE])
    assert found == Reviewed((FOUND,), unverified=1)
    assert review.remarks(found) == (
        "the reviewer named 1 more that the contracts do not bear out; left out",
    )


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ("They look fine.", "not JSON"),
        ("[]", "is not of type 'object'"),
        ('{"contradictions": [{"first": "start"}]}', "is a required property"),
        ("[" * 100_000, "nested too deeply"),
        ("", "not JSON"),
    ],
)
def test_a_reply_of_no_use_is_a_note(reply: str, why: str) -> None:
    """Nothing is found, and nothing is raised."""
    found, _ = reviewed(reply)
    assert (found.findings, found.unverified) == ((), 0)
    (note,) = review.remarks(found)
    assert note.startswith("the reviewer's reply cannot be used: ")
    assert why in note


@pytest.mark.parametrize(
    ("stop", "why"),
    [("length", "it is cut off"), ("refusal", "the model refused"), ("secret", "it holds a credential")],
)
def test_a_reply_without_an_end_is_a_note(stop: str, why: str) -> None:
    """Even where what came can be read."""
    found, _ = reviewed([STATE], stop=stop)
    assert found == Reviewed(notes=(f"the reviewer's reply cannot be used: {why}",))


@pytest.mark.parametrize("count", [0, 1])
def test_nobody_is_asked_about_fewer_than_two(count: int) -> None:
    """There is nothing to contradict."""
    assert reviewed([STATE], of=contracts()[:count]) == (Reviewed(), [])


def test_a_provider_that_fails_is_an_exception() -> None:
    """It is the world that is broken, not the reply."""

    def ask(_: Request) -> Reply:
        raise UnavailableError("down")

    with pytest.raises(UnavailableError):
        review.review(contracts(), model="a:m", ask=ask)


def many(count: int, size: int) -> list[Contract]:
    return [
        Contract(spec="big", function=f"f{number:03}", summary=f"Number {number:03}. " + "x" * size,
                 params=(Param(name="n", type="int"),), returns="int")
        for number in range(count)
    ]  # fmt: skip


@pytest.mark.parametrize(("count", "size"), [(30, 1500), (90, 1500), (25, 5500), (20, 50_000)])
def test_of_a_large_set_every_two_are_seen_together(count: int, size: int) -> None:
    """In requests that are bounded, however long a contract is."""
    large = many(count, size)
    texts = [request.messages[0].text for request in review.requests(large, model="a:m")]
    seen = [{contract.id for contract in large if f"## {contract.id}\n" in text} for text in texts]

    assert all(any({a.id, b.id} <= group for group in seen) for a, b in combinations(large, 2))
    assert max(map(len, texts)) < 60_000
    assert (len(texts) == 1) == (count * size < 48_000)


def test_a_contradiction_seen_several_times_is_one() -> None:
    """Two contracts in several requests are told of once; in one reply they may contradict each other twice."""
    large = many(90, 1500)
    item = {"first": "f000", "first_quote": "Number 000.", "second": "f001", "second_quote": "Number 001."}
    twice = [{**item, "why": "One."}, {**item, "why": "One."}, {**item, "why": "Two."}]
    found, asked = reviewed(twice, of=large)
    assert len(asked) > 1
    assert [each.why for each in found.findings] == ["One.", "Two."]


def test_findings_name_both_functions_and_their_places() -> None:
    """At the place of the first, sorted by place; a warning says the same and who said it."""
    other = Contradiction("mail.resume", "a b", "mail.start", "c", "Whatever.")
    found = Reviewed((other, FOUND))
    told = (
        "specs/mail.yaml:15:3: start and resume contradict each other: One keeps [31m what the other does not. "
        "[start: 'nothing is kept on the server'; resume, specs/mail.yaml:25:3: 'The session as the server keeps it.']"
    )
    findings = review.as_findings(found, PLACES)
    assert [finding.place.line for finding in findings] == [15, 25]
    assert str(findings[0]) == told
    assert review.as_notes(found, PLACES)[0] == f"{told} (said by the reviewer)"
    assert review.as_findings(Reviewed(), {}) == ()


def test_functions_of_one_name_are_told_apart() -> None:
    """By their specs; the name alone names neither."""
    first, second = contracts()
    same = [first, second.model_copy(update={"spec": "post", "function": "start"})]
    found, _ = reviewed(
        [{**STATE, "first": "mail.start", "second": "post.start"}, {**STATE, "second": "post.start"}], of=same
    )
    assert (len(found.findings), found.unverified) == (1, 1)
    place = Place(path="specs/x.yaml")
    (finding,) = review.as_findings(found, {"mail.start": place, "post.start": place})
    assert finding.message.startswith("mail.start and post.start contradict each other")


def test_values_of_examples_are_shown_in_short() -> None:
    """Whatever a case holds."""
    first, second = contracts()
    case = Case(name="long", given={"wait": "y" * 5000}, returns="z" * 5000)
    text = (
        review.requests([first.model_copy(update={"cases": (case,)}), second], model="a:m")[0]
        .messages[0]
        .text
    )
    assert "y" * 200 in text
    assert "y" * 400 not in text
    assert "z" * 400 not in text
