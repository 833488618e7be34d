"""The architect's answers to open questions: what it is told, and what becomes of what it says."""

import json
from collections.abc import Sequence
from typing import Any

import jsonschema
import pytest

from pipeline.decisions import Choice, choose
from pipeline.errors import UnavailableError
from pipeline.llm.port import Reply, Request
from pipeline.records import Contract, Decision, DecisionRecord, Place, Spec, SpecFunction
from pipeline.stages import decide
from pipeline.stages.decide import Undecided


def decision(name: str, line: int, **options: str) -> DecisionRecord:
    return DecisionRecord(
        name=name,
        question=f"What about {name}?",
        options=options,
        place=Place(path="specs/shop.yaml", line=line, column=3),
        home="shop",
    )


SESSION = decision("session", 4, token="a signed token", server="a row that is kept")
ROUNDING = decision("rounding", 8, up="away from zero", even="to the even cent")


def function(name: str, *covering: DecisionRecord, **assumes: str) -> SpecFunction:
    found = tuple(
        Decision(name=each.name, question=each.question, choice="", meaning="") for each in covering
    )
    contract = Contract(
        spec="shop", function=name, summary=f"Does {name}.", params=(), returns="int", decisions=found,
        assumes=assumes,
    )  # fmt: skip
    return SpecFunction(contract=contract, place=Place(path="specs/shop.yaml"))


def spec_of(*functions: SpecFunction) -> Spec:
    return Spec(
        name="shop",
        path="specs/shop.yaml",
        summary="A small shop.",
        decisions=(SESSION, ROUNDING),
        functions=functions or (function("pay", SESSION, ROUNDING), function("show", SESSION)),
    )


def answer(session: str = "token", rounding: str = "even") -> dict[str, Any]:
    return {
        "session": {"reason": "Nothing is kept.", "choice": session},
        "rounding": {"reason": "It is fair.", "choice": rounding},
    }


def ask_with(replies: Sequence[Any], asked: list[Request], stop: Any = "end") -> Any:
    left = iter(replies)

    def ask(request: Request) -> Reply:
        asked.append(request)
        reply = next(left)
        text = reply if isinstance(reply, str) else json.dumps(reply)
        return Reply(text=text, stop=stop, tokens_in=1, tokens_cached=0, tokens_out=1)

    return ask


def made(
    *replies: Any, spec: Spec | None = None, stop: Any = "end"
) -> tuple[tuple[Choice, ...] | Undecided, list[Request]]:
    asked: list[Request] = []
    found = decide.decide(
        spec or spec_of(), (SESSION, ROUNDING), model="a:m", ask=ask_with(replies, asked, stop)
    )
    return found, asked


def test_one_request_answers_all_questions_of_a_spec() -> None:
    """Each with the reason, as one line."""
    found, asked = made(answer())
    assert found == (
        choose(SESSION, "token", "Nothing is kept."),
        choose(ROUNDING, "even", "It is fair."),
    )
    (request,) = asked
    assert (request.model, request.temperature) == ("a:m", 0.0)
    assert request.schema is not None
    jsonschema.Draft202012Validator.check_schema(request.schema)
    assert request == decide.first_request(spec_of(), (SESSION, ROUNDING), model="a:m")


def test_the_architect_is_told_questions_options_and_what_they_cover() -> None:
    """The functions with their summaries, under the question that covers them."""
    _, prompt = decide.first_messages(spec_of(), (SESSION, ROUNDING))
    for text in (
        "A small shop.",
        "What about session?\n- token: a signed token\n- server: a row that is kept\n",
        "- up: away from zero\n- even: to the even cent\n",
        "- show: Does show.\n",
    ):
        assert text in prompt, text
    assert prompt.count("Does pay.") == 2
    assert prompt.count("Does show.") == 1


def test_nobody_is_asked_where_nothing_is_open() -> None:
    """Not even for an empty list."""
    asked: list[Request] = []
    assert decide.decide(spec_of(), (), model="a:m", ask=ask_with([], asked)) == ()
    assert asked == []


def test_what_functions_take_for_granted_is_the_only_choice() -> None:
    """It is said, and the other options are no longer among those of the reply."""
    spec = spec_of(function("pay", SESSION), function("show", SESSION, session="server"))
    found, asked = made(answer(session="token"), answer(session="server"), spec=spec)
    assert isinstance(found, tuple)
    assert [each.choice for each in found] == ["server", "even"]
    assert "takes for granted: server" in asked[0].messages[0].text
    assert "token: a signed token (ruled out by the functions below)" in asked[0].messages[0].text


@pytest.mark.parametrize(
    ("reply", "complaint"),
    [
        ("I would take tokens.", "not JSON"),
        (answer(session="cookie"), "session/choice: 'cookie' is not one of"),
        ({"session": answer()["session"]}, "'rounding' is a required property"),
        (answer(rounding="up") | {"more": 1}, "Additional properties"),
        ({**answer(), "rounding": {"reason": " \n", "choice": "up"}}, "rounding: no reason is given"),
        ("[]", "is not of type 'object'"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_a_reply_that_cannot_be_used_is_asked_for_once_more(reply: Any, complaint: str) -> None:
    """With what is wrong with it; the second one counts."""
    found, asked = made(reply, answer())
    assert isinstance(found, tuple)
    assert len(asked) == 2
    assert complaint in asked[1].messages[-1].text
    assert [message.role for message in asked[1].messages] == ["user", "assistant", "user"]
    assert asked[0].messages[0] == asked[1].messages[0]


def test_two_bad_replies_are_a_finding_at_every_question() -> None:
    """Nothing is guessed, and nothing is raised."""
    found, asked = made("no", answer(session="cookie"))
    assert len(asked) == 2
    assert isinstance(found, Undecided)
    why = "session/choice: 'cookie' is not one of ['token', 'server']"
    assert [
        f"specs/shop.yaml:{line}:3: decision '{name}': the architect gave no usable answer ({why}); choose one yourself"
        for line, name in ((4, "session"), (8, "rounding"))
    ] == [str(finding) for finding in found.findings]


@pytest.mark.parametrize(
    ("stop", "why"),
    [("length", "it is cut off"), ("refusal", "the model refused"), ("secret", "it holds a credential")],
)
def test_a_reply_without_an_end_is_none(stop: str, why: str) -> None:
    """Even where what came can be read."""
    found, asked = made(answer(), answer(), stop=stop)
    assert isinstance(found, Undecided)
    assert f"({why})" in found.findings[0].message
    assert why in asked[1].messages[-1].text


def test_reasons_are_one_short_line() -> None:
    """They go into contracts and prompts: no control characters, no line breaks, no novel."""
    long = answer()
    long["session"]["reason"] = "Nothing\n is\tkept.\x1b[31m " + "so " * 1000
    found, _ = made(long)
    assert isinstance(found, tuple)
    reason = found[0].reason
    assert reason is not None
    assert reason.startswith("Nothing is kept. [31m so so")
    assert len(reason) == 400


def test_a_provider_that_fails_is_an_exception() -> None:
    """It is the world that is broken, not the answer."""

    def ask(_: Request) -> Reply:
        raise UnavailableError("down")

    with pytest.raises(UnavailableError):
        decide.decide(spec_of(), (SESSION,), model="a:m", ask=ask)
