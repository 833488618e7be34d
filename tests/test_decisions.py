"""What was chosen where a spec left it open, and the file in which it is kept."""

import json
from typing import Any

import pytest

from pipeline import decisions
from pipeline.decisions import Choice, DecisionsFileError
from pipeline.records import Contract, Decision, DecisionRecord, Place, Spec, SpecFunction

PLACE = Place(path="specs/onboarding.yaml", line=7, column=3)
SESSION = DecisionRecord(
    name="session",
    question="Where does progress live?",
    options={"token": "a signed token", "server": "a row the server keeps"},
    place=PLACE,
    home="onboarding",
)
CLOCK = DecisionRecord(
    name="clock", question="Whose time?", options={"utc": "UTC", "own": "theirs"}, choice="utc", place=PLACE,
    home="_shared",
)  # fmt: skip
TOKEN = decisions.choose(SESSION, "token", "Nothing has to be kept.")
FILE = "generated/onboarding/decisions.json"


def function(name: str, *covering: DecisionRecord) -> SpecFunction:
    found = tuple(
        Decision(
            name=each.name,
            question=each.question,
            choice=each.choice or "",
            meaning=each.options[each.choice] if each.choice else "",
        )
        for each in covering
    )
    made = Contract(spec="onboarding", function=name, summary="", params=(), returns="int", decisions=found)
    return SpecFunction(contract=made, place=PLACE)


def spec_of(*asked: DecisionRecord, **changes: Any) -> Spec:
    functions = (function("verify", *asked), function("count"), function("start", *asked))
    return Spec(
        name="onboarding", path=PLACE.path, summary="", decisions=asked, functions=functions, **changes
    )


def chosen(spec: Spec) -> list[list[tuple[str, str, str | None]]]:
    return [
        [(each.choice, each.meaning, each.reason) for each in made.contract.decisions]
        for made in spec.functions
    ]


def test_a_choice_reaches_every_contract_it_covers() -> None:
    """With its meaning and the reason; others stay as they are, and so does what a person chose."""
    made = ("token", "a signed token", "Nothing has to be kept.")
    by_person = ("utc", "UTC", None)

    found = decisions.with_choices(spec_of(SESSION, CLOCK), [TOKEN])

    assert chosen(found) == [[made, by_person], [], [made, by_person]]
    assert decisions.open_decisions(spec_of(SESSION, CLOCK)) == (SESSION,)
    assert decisions.open_decisions(spec_of(SESSION, CLOCK), [TOKEN]) == ()


@pytest.mark.parametrize(
    "changed",
    [
        {"question": "Where does it live?"},
        {"options": {"token": "a signed token", "server": "a file"}},
        {"options": {"token": "a signed token"}},
        {"options": {"server": "a row the server keeps", "other": "x"}},
        {"home": "_shared"},
        {"name": "sessions"},
    ],
)
def test_a_choice_counts_only_for_the_question_that_was_asked(changed: dict[str, Any]) -> None:
    """Once a person changes the question or what can be chosen, it is open again."""
    spec = spec_of(SESSION.model_copy(update=changed))

    assert decisions.open_decisions(spec, [TOKEN]) == spec.decisions
    assert decisions.with_choices(spec, [TOKEN]) == spec


def test_an_answer_that_is_no_option_does_not_count() -> None:
    """Whatever a file with a good seal may say."""
    spec = spec_of(SESSION)

    assert decisions.open_decisions(spec, [TOKEN.model_copy(update={"choice": "cookie"})]) == (SESSION,)


def test_the_order_of_options_changes_nothing() -> None:
    """They are names."""
    spec = spec_of(SESSION.model_copy(update={"options": dict(reversed(SESSION.options.items()))}))

    assert decisions.open_decisions(spec, [TOKEN]) == ()


def test_a_persons_choice_wins_over_what_was_chosen_before() -> None:
    """It is in the contracts already; the old one does not come back, and the file says who chose."""
    spec = spec_of(SESSION.model_copy(update={"choice": "server"}))

    assert decisions.open_decisions(spec, [TOKEN]) == ()
    assert decisions.with_choices(spec, [TOKEN]) == spec
    text = decisions.render_decisions(spec, [TOKEN])
    assert text is not None
    assert [(each.choice, each.by) for each in decisions.parse_decisions("d", text)] == [("server", "person")]


def test_of_two_answers_to_one_question_the_first_counts() -> None:
    """So every spec that asks it has the same."""
    server = decisions.choose(SESSION, "server", "Short links.")

    found = decisions.with_choices(spec_of(SESSION), [server, TOKEN])

    assert chosen(found)[0] == [("server", "a row the server keeps", "Short links.")]


def test_the_file_says_who_chose_what_and_why() -> None:
    """Sorted and sealed, with nothing about models; what it says comes back."""
    text = decisions.render_decisions(spec_of(SESSION, CLOCK), [TOKEN])

    assert text is not None
    assert text == decisions.render_decisions(spec_of(CLOCK, SESSION), [TOKEN])
    document = json.loads(text)
    assert document["choices"] == {
        "session": {
            "by": "architect",
            "choice": "token",
            "home": "onboarding",
            "meaning": "a signed token",
            "question": "Where does progress live?",
            "reason": "Nothing has to be kept.",
        },
        "clock": {
            "by": "person",
            "choice": "utc",
            "home": "_shared",
            "meaning": "UTC",
            "question": "Whose time?",
        },
    }
    read = decisions.parse_decisions(FILE, text)
    assert [each.name for each in read] == ["clock", "session"]
    assert read[1] == TOKEN
    assert decisions.render_decisions(spec_of(SESSION, CLOCK), read) == text


def test_what_a_person_chose_once_is_no_answer_of_the_architect() -> None:
    """A choice that is taken out of the spec leaves the question open, whatever the file remembers."""
    text = decisions.render_decisions(spec_of(SESSION, CLOCK), [TOKEN])
    assert text is not None

    reopened = CLOCK.model_copy(update={"choice": None})

    read = decisions.parse_decisions(FILE, text)
    assert decisions.open_decisions(spec_of(SESSION, reopened), read) == (reopened,)


def test_a_spec_whose_questions_nobody_has_answered_needs_no_file() -> None:
    """Nor does one that asks none."""
    assert decisions.render_decisions(spec_of(), [TOKEN]) is None
    assert decisions.render_decisions(spec_of(SESSION), []) is None


def edited(**changes: Any) -> str:
    text = decisions.render_decisions(spec_of(SESSION), [TOKEN])
    assert text is not None
    return json.dumps({**json.loads(text), **changes})


@pytest.mark.parametrize(
    "text",
    [
        edited().replace('"choice": "token"', '"choice": "server"'),
        edited().replace("Nothing has", "Little has"),
        edited(choices={}),
        edited(asked={}),
        edited(decisions=2),
        edited(more=1),
        edited().replace('"architect"', '"nobody"'),
        "",
        "[]",
        "{",
        '{"decisions": "\\ud800"}',
        "[" * 100_000,
        "1" * 5000,
    ],
)
def test_a_hand_edit_is_told_where_an_answer_belongs(text: str) -> None:
    """And so is whatever else may be in that file."""
    with pytest.raises(DecisionsFileError, match=r"^generated/onboarding/decisions\.json:.*put `choose:`"):
        decisions.parse_decisions(FILE, text)


def test_line_ends_are_no_edit() -> None:
    """Nor is another layout: it is the values that are sealed."""
    assert decisions.parse_decisions(FILE, edited().replace("\n", "\r\n")) == (TOKEN,)


def test_an_answer_must_be_one_of_the_options() -> None:
    """Whoever chooses has been held against the options before."""
    with pytest.raises(KeyError):
        decisions.choose(SESSION, "cookie", "")
    assert isinstance(TOKEN, Choice)
