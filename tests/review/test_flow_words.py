"""What is not as it was in a flow is told in words, with durations as people say them."""

from datetime import timedelta
from typing import Any

import pytest
from review.reviews import function

from pipeline.flows.records import Flow, Scenario, Timeout, Transition
from pipeline.review.changes import FlowChange
from pipeline.review.flow_words import told_changes, told_duration
from pipeline.review.headline import headline

DAY = timedelta(days=1)
WAIT = Timeout(state="invited", after=DAY, target="gone", call="expire")
STEP = Transition(sources=("invited",), call="accept", targets=("joined",))


def flow(**more: Any) -> Flow:
    given: dict[str, Any] = {
        "name": "f", "record": "Trip", "field": "state", "states": ("invited", "joined", "gone"), "initial": "invited",
        "terminal": ("joined", "gone"), "transitions": (STEP,), "timeouts": (WAIT,), **more,
    }  # fmt: skip
    return Flow(**given)


def timeout(**more: Any) -> tuple[Timeout, ...]:
    return (WAIT.model_copy(update=more),)


def step(**more: Any) -> tuple[Transition, ...]:
    return (STEP.model_copy(update=more),)


CHANGES: dict[str, tuple[Flow, Flow, list[str]]] = {
    "a longer wait": (
        flow(), flow(timeouts=timeout(after=timedelta(hours=25))),
        ["waits 25 hours in `invited` where it waited 24 hours"],
    ),
    "a wait that leads elsewhere": (
        flow(), flow(timeouts=timeout(target="joined", call=None)),
        [
            "goes to `joined` when the wait in `invited` is over, where it went to `gone`",
            "calls nothing when the wait in `invited` is over, where it called `expire`",
        ],
    ),
    "a wait that begins otherwise": (
        flow(), flow(timeouts=timeout(since="sent_at")),
        ["begins the wait in `invited` at `sent_at`, where it began when it is entered"],
    ),
    "a wait gone": (flow(), flow(timeouts=()), ["waits no longer 24 hours in `invited` to go to `gone` by `expire`"]),
    "a wait more": (flow(timeouts=()), flow(), ["waits now 24 hours in `invited` to go to `gone` by `expire`"]),
    "a step elsewhere": (
        flow(), flow(transitions=step(targets=("joined", "gone"))),
        ["goes from `invited` by `accept` to `joined` or `gone` where it went to `joined`"],
    ),
    "a step gone and one more": (
        flow(), flow(transitions=step(call="join")),
        ["goes no longer from `invited` by `accept` to `joined`", "goes now from `invited` by `join` to `joined`"],
    ),
    "undone otherwise": (
        flow(compensate={"accept": "a"}), flow(compensate={"accept": "b"}), ["undoes `accept` by `b` where it did by `a`"],
    ),
    "undone no longer": (flow(compensate={"accept": "a"}), flow(), ["undoes `accept` no longer (by `a`)"]),
    "undone now": (flow(), flow(compensate={"accept": "a"}), ["undoes `accept` by `a` now"]),
    "another invariant": (
        flow(invariants=("x <= 1",)), flow(invariants=("x <= 2",)), ["keeps `x <= 2` where it kept `x <= 1`"],
    ),
    "an invariant less": (
        flow(invariants=("x", "y")), flow(invariants=("y",)), ["keeps no longer `x`"],
    ),
    "another beginning": (flow(), flow(initial="joined"), ["begins in `joined` where it began in `invited`"]),
    "a function that begins": (flow(), flow(start="invite"), ["begins by `invite` where it began by nothing"]),
    "a state more": (
        flow(), flow(states=("invited", "joined", "gone", "lost")), ["knows now the state `lost`"],
    ),
    "an end less": (flow(), flow(terminal=("gone",)), ["ends no longer in `joined`"]),
    "a savepoint": (flow(), flow(savepoints=("joined",)), ["keeps what was done now in `joined`"]),
    "for ever": (flow(), flow(endless={"invited": "it may."}), ["may stay for ever in `invited`: it may."]),
    "another field": (
        flow(), flow(field="step"), ["keeps its state in `Trip.step` where it kept it in `Trip.state`"],
    ),
    "a scenario renamed": (
        flow(scenarios=(Scenario(name="a", given=1),)), flow(scenarios=(Scenario(name="b", given=1),)),
        ["calls the scenario 'a' 'b' now"],
    ),
    "another scenario": (
        flow(scenarios=(Scenario(name="a", given=1),)), flow(scenarios=(Scenario(name="a", given=2),)),
        ["has another scenario 'a'"],
    ),
    "other words": (flow(), flow(summary="Words."), ["is summed up in other words"]),
    "another order": (flow(), flow(terminal=("gone", "joined")), ["lists its parts in another order"]),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_told_in_words(name: str) -> None:
    """Each follows on `the flow ...`."""
    before, after, words = CHANGES[name]
    assert words == list(told_changes(before, after))


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        (timedelta(hours=24), "24 hours"),
        (timedelta(hours=1), "1 hour"),
        (timedelta(hours=49), "2 days and 1 hour"),
        (timedelta(days=14), "14 days"),
        (timedelta(minutes=15), "15 minutes"),
        (timedelta(days=3, hours=2, seconds=1), "3 days, 2 hours and 1 second"),
        (timedelta(milliseconds=500), "0.5 seconds"),
        (timedelta(0), "0 seconds"),
    ],
)
def test_a_duration_is_told_as_people_say_it(duration: timedelta, words: str) -> None:
    """Never in ISO 8601."""
    assert words == told_duration(duration)


def test_the_headline_names_no_more_functions_than_are_read() -> None:
    """The others are counted; each of them stands in the report."""
    silent = [function(f"s.f{number}", kinds=("silent",)) for number in range(200)]
    told = headline(silent, [], "main")
    assert told.startswith("Behaviour changed although no clause of the spec did: s.f0, s.f1, ")
    assert told.endswith(", s.f19, and 180 more")


def test_the_headline_names_every_flow_or_counts_them() -> None:
    """Of each the first two changes; what is left is a number."""
    parts = ("waits", "goes", "keeps", "ends")
    flows = [
        FlowChange(flow=f"s.{name}", edit="changed", parts=parts[: number + 1])
        for number, name in enumerate("abcd")
    ]
    assert headline([], [flows[0]], "main").startswith(
        "The flow s.a waits; no function was seen to behave differently"
    )
    assert headline([], flows, "main").startswith(
        "The flow s.a waits; the flow s.b waits and goes; the flow s.c waits and goes, and 1 more change; 1 more flow changed; "
    )
    told = headline([], [FlowChange(flow="s.a", edit="added", lag="it is new")], "main")
    assert told.startswith("The flow s.a is new (not generated again yet); no function")
