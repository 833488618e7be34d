"""Specs made by hand that have everything a picture can show."""

from datetime import timedelta

from pipeline.definitions import Method, Param, Port
from pipeline.flows.records import Flow, Timeout, Transition
from pipeline.records import Callee, Constraint, Contract, Decision, Place, Spec, SpecFlow, SpecFunction

PLACE = Place(path="specs/onboarding.yaml")
STORE = Port(
    summary="Where accounts are kept.",
    methods=(Method(name="load", query=True), Method(name="save"), Method(name="remove", idempotent=True)),
)
MAILER = Port(methods=(Method(name="send"),))


def function(
    name: str, *, uses: tuple[str, ...] = (), calls: tuple[str, ...] = (), is_async: bool = False
) -> SpecFunction:
    """A function that takes the ports it calls."""
    ports = {"store": STORE, "mailer": MAILER}
    taken = {port: ports[port] for port in ports if any(call.startswith(f"{port}.") for call in calls)}
    contract = Contract(
        spec="onboarding",
        function=name,
        summary=f"Does {name}.",
        params=tuple(Param(name=port, type=port.title()) for port in taken),
        returns="None",
        ports={port.title(): found for port, found in taken.items()},
        homes={"Mailer": "_shared"},
        is_async=is_async,
        calls=calls,
        uses=tuple(Callee(function=used, signature="()", summary="") for used in uses),
        constraints=(Constraint(name="mobile-first", text="Small screens."),),
        decisions=(
            (Decision(name="session", question="Where?", choice="token", meaning="signed"),) if uses else ()
        ),
    )
    return SpecFunction(contract=contract, place=PLACE)


FUNCTIONS = (
    function("normalise"),
    function("expire"),
    function("clear_profile", calls=("store.remove",)),
    function("send_link", calls=("mailer.send",), is_async=True),
    function("verify_email", uses=("normalise",)),
    function("sign_up", uses=("normalise", "send_link", "text.slugify"), calls=("store.load", "store.save")),
    function("complete_profile", uses=("text.slugify",), calls=("store.load", "store.save")),
)

ONBOARD = Flow(
    name="onboard",
    summary="From sign-up to the first completed action.",
    record="Progress",
    field="step",
    states=("unverified", "profile", "tutorial", "end", "paused", "review", "active", "expired"),
    start="sign_up",
    initial="unverified",
    terminal=("active", "expired"),
    transitions=(
        Transition(sources=("unverified",), call="resend_link", targets=("unverified",)),
        Transition(sources=("unverified",), call="verify_email", targets=("profile",)),
        Transition(sources=("profile",), call="complete_profile", targets=("tutorial",)),
        Transition(sources=("profile",), call="edit_profile", targets=("profile",)),
        Transition(sources=("tutorial",), call="finish_lesson", targets=("tutorial", "end")),
        Transition(sources=("tutorial",), call="skip", targets=("end",)),
        Transition(sources=("end",), call="first_action", targets=("review",)),
        Transition(sources=("tutorial", "end"), call="pause", targets=("paused",)),
        Transition(sources=("paused",), call="resume", targets=("tutorial",)),
        Transition(sources=("review",), call="approve", targets=("active",)),
        Transition(sources=("review",), call="reject", targets=("profile",)),
    ),
    timeouts=(
        Timeout(state="unverified", after=timedelta(hours=24), target="expired", since="token_sent_at", call="expire"),
        Timeout(state="profile", after=timedelta(days=7), target="expired", call="expire"),
        Timeout(state="tutorial", after=timedelta(days=30), target="expired", call="expire"),
        Timeout(state="end", after=timedelta(days=30), target="expired", call="expire"),
        Timeout(state="review", after=timedelta(minutes=90), target="end"),
    ),
    compensate={"complete_profile": "clear_profile", "first_action": "take_back"},
    savepoints=("tutorial",),
    endless={"paused": "The user comes back when the user likes."},
)  # fmt: skip

SPEC = Spec(
    name="onboarding",
    path="specs/onboarding.yaml",
    summary="Takes a new user from sign-up to the first completed action.",
    functions=FUNCTIONS,
    flows=(SpecFlow(flow=ONBOARD, place=PLACE),),
)
