"""Three state machines that fit together, as flows, contracts and sources, for the tests of flows."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from pipeline import render
from pipeline.definitions import Method, Param, Port, TypeAlias, TypeEnum, TypeRecord
from pipeline.flows.records import Flow, Scenario, ScenarioStep, Timeout, Transition
from pipeline.records import Case, Contract, Place, Raise, Rule, Spec, SpecFlow, SpecFunction
from pipeline.stages.judge import Part

HOURS = timedelta(hours=1)
_IMPORTS = """
from __future__ import annotations
from dataclasses import replace
from datetime import datetime, timedelta
"""


@dataclass(frozen=True)
class Machine:
    """A flow, and its functions in the order of the spec."""

    spec: str
    flow: Flow
    contracts: dict[str, Contract]
    sources: dict[str, str]
    types: dict[str, Any] = field(default_factory=dict)

    def parts(self, **sources: str) -> dict[str, Part]:
        """What the judge is given; other sources for some of the functions."""
        return {
            f"{self.spec}.{name}": Part(contract, sources.get(name, self.sources[name]))
            for name, contract in self.contracts.items()
        }


def params(**types: str) -> tuple[Param, ...]:
    return tuple(Param(name=name, type=kind) for name, kind in types.items())


def record(**fields: str) -> TypeRecord:
    return TypeRecord(fields=params(**fields))


class _Maker:
    """Makes the contracts of one spec."""

    def __init__(self, spec: str, types: dict[str, Any], errors: list[str], ports: dict[str, Port]) -> None:
        self.spec, self.types, self.ports = spec, types, ports
        self.errors = dict.fromkeys(errors, "It went wrong.")

    def contract(self, name: str, given: dict[str, str], returns: str, **more: Any) -> Contract:
        used = {kind: self.ports[kind] for kind in given.values() if kind in self.ports}
        calls = tuple(
            f"{param}.{method.name}"
            for param, kind in given.items() if kind in used
            for method in used[kind].methods
        )  # fmt: skip
        raises = more.pop("raises", {})
        return Contract(
            spec=self.spec,
            function=name,
            summary="",
            params=params(**given),
            returns=returns,
            types=self.types,
            errors=self.errors,
            ports=used,
            calls=calls,
            raises=tuple(Raise(error=error, when=when) for error, when in raises.items()),
            requires=tuple(Rule(rule=rule) for rule in more.pop("requires", ())),
            **more,
        )


# -- an order: reserve, charge, ship ------------------------------------------------------------------------

_ORDER_TYPES = {
    "Step": TypeEnum(values=("new", "reserved", "paid", "shipped", "cancelled")),
    "Order": record(number="str", item="str", count="int", price="int", step="Step", payment="str"),
}
_BANK = Port(
    methods=(
        Method(
            name="charge", params=params(number="str", amount="int"), returns="str", raises=("BankDown",),
            gives="'payment of ' + number", sets={"charges": "charges | {number: amount}"},
        ),
        Method(
            name="refund", params=params(number="str"), raises=("BankDown",), idempotent=True,
            sets={"charges": "{key: charges[key] for key in charges if key != number}"},
        ),
    ),
    memory=params(charges="dict[str, int]"),
)  # fmt: skip
_STOCK = Port(
    methods=(
        Method(
            name="take", params=params(item="str", count="int"), raises=("StockDown",),
            sets={"taken": "taken | {item: taken.get(item, 0) + count}"},
        ),
        Method(
            name="give_back", params=params(item="str", count="int"), raises=("StockDown",),
            sets={
                "taken": "{key: taken[key] - (count if key == item else 0) for key in taken"
                         " if taken[key] - (count if key == item else 0) != 0}"
            },
        ),
    ),
    memory=params(taken="dict[str, int]"),
)  # fmt: skip
_POST = Port(
    methods=(
        Method(
            name="send", params=params(number="str"), raises=("PostDown",), sets={"sent": "[*sent, number]"}
        ),
    ),
    memory=params(sent="list[str]"),
)
_order = _Maker(
    "shop", _ORDER_TYPES, ["BankDown", "StockDown", "PostDown", "TooMany"],
    {"Bank": _BANK, "Stock": _STOCK, "Post": _POST},
)  # fmt: skip
_ORDER_HEAD = _IMPORTS + "from .types import BankDown, Order, PostDown, Step, StockDown, TooMany\n"
_NEW_ORDER = {"number": "n-1", "item": "cup", "count": 2, "price": 30, "step": "new", "payment": ""}

ORDER = Machine(
    "shop",
    Flow(
        name="take_order",
        record="Order",
        field="step",
        states=("new", "reserved", "paid", "shipped", "cancelled"),
        initial="new",
        terminal=("shipped", "cancelled"),
        transitions=(
            Transition(sources=("new",), call="reserve", targets=("reserved",)),
            Transition(sources=("reserved",), call="charge", targets=("paid",)),
            Transition(sources=("paid",), call="ship", targets=("shipped",)),
            Transition(sources=("new",), call="cancel", targets=("cancelled",)),
        ),
        timeouts=(Timeout(state="new", after=48 * HOURS, target="cancelled"),),
        endless={"reserved": "someone looks after it", "paid": "someone looks after it"},
        compensate={"reserve": "release", "charge": "refund"},
        invariants=(
            "order.number == initial.number",
            "(len(bank.charges) == 1) == (order.step in ['paid', 'shipped'])",
            "(stock.taken == {}) == (order.step in ['new', 'cancelled'])",
            "(order.payment != '') == (order.step in ['paid', 'shipped'])",
        ),
        scenarios=(
            Scenario(
                name="all goes well",
                given=_NEW_ORDER,
                steps=(
                    ScenarioStep(call="reserve", state="reserved", ensures=("stock.taken == {'cup': 2}",)),
                    ScenarioStep(wait=HOURS, call="charge", state="paid"),
                    ScenarioStep(call="ship", state="shipped", ensures=("post.sent == ['n-1']",)),
                ),
            ),
            Scenario(
                name="the post fails",
                given=_NEW_ORDER,
                steps=(
                    ScenarioStep(call="reserve"),
                    ScenarioStep(call="charge"),
                    ScenarioStep(
                        call="ship", ports={"post": {"send": [{"raises": "PostDown"}]}}, raises="PostDown",
                        state="new", ensures=("bank.charges == {}",),
                    ),
                ),
            ),
        ),
    ),
    {
        each.function: each
        for each in (
            _order.contract(
                "reserve", {"order": "Order", "stock": "Stock"}, "Order",
                requires=["order.step == 'new'"], raises={"TooMany": "order.count > 50", "StockDown": None},
            ),
            _order.contract(
                "release", {"order": "Order", "stock": "Stock"}, "Order",
                requires=["order.step == 'reserved'"], raises={"StockDown": None},
            ),
            _order.contract(
                "charge", {"order": "Order", "bank": "Bank"}, "Order",
                requires=["order.step == 'reserved'"], raises={"BankDown": None},
            ),
            _order.contract(
                "refund", {"order": "Order", "bank": "Bank"}, "Order",
                requires=["order.step == 'paid'", "order.payment != ''"], raises={"BankDown": None},
            ),
            _order.contract(
                "ship", {"order": "Order", "post": "Post"}, "Order",
                requires=["order.step == 'paid'", "order.payment != ''"], raises={"PostDown": None},
            ),
            _order.contract("cancel", {"order": "Order"}, "Order", requires=["order.step == 'new'"]),
        )
    },
    {
        "reserve": _ORDER_HEAD + """
def reserve(order: Order, stock: Stock) -> Order:
    if order.count > 50:
        raise TooMany
    stock.take(order.item, order.count)
    return replace(order, step=Step.RESERVED)
""",
        "release": _ORDER_HEAD + """
def release(order: Order, stock: Stock) -> Order:
    stock.give_back(order.item, order.count)
    return replace(order, step=Step.NEW)
""",
        "charge": _ORDER_HEAD + """
def charge(order: Order, bank: Bank) -> Order:
    payment = bank.charge(order.number, order.price * order.count)
    return replace(order, step=Step.PAID, payment=payment)
""",
        "refund": _ORDER_HEAD + """
def refund(order: Order, bank: Bank) -> Order:
    bank.refund(order.number)
    return replace(order, step=Step.RESERVED, payment="")
""",
        "ship": _ORDER_HEAD + """
def ship(order: Order, post: Post) -> Order:
    post.send(order.number)
    return replace(order, step=Step.SHIPPED)
""",
        "cancel": _ORDER_HEAD + """
def cancel(order: Order) -> Order:
    return replace(order, step=Step.CANCELLED)
""",
    },
)  # fmt: skip

# -- a sign-up: the link in a message is good for a day -------------------------------------------------------

_SIGNUP_TYPES = {
    "Email": TypeAlias(type="str", pattern=r"[a-z]+@[a-z]+\.[a-z]+"),
    "Stage": TypeEnum(values=("unverified", "profile", "active", "expired")),
    "Progress": record(
        email="Email", stage="Stage", token="str", token_sent_at="datetime", nickname="str | None"
    ),
}
_MAILER = Port(
    methods=(
        Method(name="send", params=params(to="Email", body="str"), returns="str", raises=("MailerDown",)),
        Method(
            name="is_blocked", params=params(to="Email"), returns="bool", raises=("MailerDown",), query=True
        ),
    )
)
_signup = _Maker(
    "onboarding", _SIGNUP_TYPES, ["MailerDown", "TokenExpired", "TokenMismatch", "Blocked"], {"Mailer": _MAILER},
)  # fmt: skip
_SIGNUP_HEAD = _IMPORTS + "from .types import Blocked, Email, Progress, Stage, TokenExpired, TokenMismatch\n"
_LINK_CASE = Case(
    name="fresh link",
    given={
        "progress": {
            "email": "a@b.cd", "stage": "unverified", "token": "abc", "token_sent_at": "2026-01-01T10:00:00Z",
            "nickname": None,
        },
        "token": "abc",
        "now": "2026-01-01T11:00:00Z",
    },
    returns={
        "email": "a@b.cd", "stage": "profile", "token": "abc", "token_sent_at": "2026-01-01T10:00:00Z",
        "nickname": None,
    },
)  # fmt: skip

SIGN_UP = Machine(
    "onboarding",
    Flow(
        name="onboard",
        record="Progress",
        field="stage",
        states=("unverified", "profile", "active", "expired"),
        start="sign_up",
        initial="unverified",
        terminal=("active", "expired"),
        transitions=(
            Transition(sources=("unverified",), call="verify_email", targets=("profile",)),
            Transition(sources=("unverified",), call="resend", targets=("unverified",)),
            Transition(sources=("profile",), call="complete_profile", targets=("active",)),
        ),
        timeouts=(
            Timeout(state="unverified", after=24 * HOURS, target="expired", since="token_sent_at", call="expire"),
            Timeout(state="profile", after=72 * HOURS, target="expired"),
        ),
        invariants=("progress.email == initial.email", "(progress.nickname is not None) == (progress.stage == 'active')"),
        scenarios=(
            Scenario(
                name="all goes well",
                given={"email": "a@b.cd", "token": "abc"},
                at="2026-01-01T10:00:00Z",
                steps=(
                    ScenarioStep(wait=HOURS, call="verify_email", given={"token": "abc"}, state="profile"),
                    ScenarioStep(call="complete_profile", given={"nickname": "Al"}, state="active"),
                ),
            ),
        ),
    ),
    {
        each.function: each
        for each in (
            _signup.contract(
                "sign_up", {"email": "Email", "token": "str", "now": "datetime", "mailer": "Mailer"}, "Progress",
                raises={"MailerDown": None, "Blocked": None},
            ),
            _signup.contract(
                "verify_email", {"progress": "Progress", "token": "str", "now": "datetime"}, "Progress",
                requires=["progress.stage == 'unverified'"],
                raises={
                    "TokenExpired": "now - progress.token_sent_at > timedelta(hours=24)",
                    "TokenMismatch": "token != progress.token",
                },
                cases=(_LINK_CASE,),
            ),
            _signup.contract(
                "resend", {"progress": "Progress", "now": "datetime", "mailer": "Mailer"}, "Progress",
                requires=["progress.stage == 'unverified'"], raises={"MailerDown": None},
            ),
            _signup.contract(
                "complete_profile", {"progress": "Progress", "nickname": "str"}, "Progress",
                requires=["progress.stage == 'profile'", "nickname != ''"], raises={"Blocked": None},
            ),
            _signup.contract(
                "expire", {"progress": "Progress", "now": "datetime"}, "Progress",
                requires=["progress.stage == 'unverified'"], raises={"TokenExpired": None},
            ),
        )
    },
    {
        "sign_up": _SIGNUP_HEAD + """
def sign_up(email: Email, token: str, now: datetime, mailer: Mailer) -> Progress:
    if mailer.is_blocked(email):
        raise Blocked
    mailer.send(email, token)
    return Progress(email, Stage.UNVERIFIED, token, now, None)
""",
        "verify_email": _SIGNUP_HEAD + """
def verify_email(progress: Progress, token: str, now: datetime) -> Progress:
    if now - progress.token_sent_at > timedelta(hours=24):
        raise TokenExpired
    if token != progress.token:
        raise TokenMismatch
    return replace(progress, stage=Stage.PROFILE)
""",
        "resend": _SIGNUP_HEAD + """
def resend(progress: Progress, now: datetime, mailer: Mailer) -> Progress:
    mailer.send(progress.email, progress.token)
    return replace(progress, token_sent_at=now)
""",
        "complete_profile": _SIGNUP_HEAD + """
def complete_profile(progress: Progress, nickname: str) -> Progress:
    return replace(progress, stage=Stage.ACTIVE, nickname=nickname)
""",
        "expire": _SIGNUP_HEAD + """
def expire(progress: Progress, now: datetime) -> Progress:
    if now - progress.token_sent_at <= timedelta(hours=24):
        raise TokenExpired
    return replace(progress, stage=Stage.EXPIRED)
""",
    },
)  # fmt: skip

# -- a subscription: renewed by payment, with a grace period, kept by a store that must be asked -----------------

_SUBSCRIPTION_TYPES = {
    "Standing": TypeEnum(values=("trial", "active", "grace", "ended")),
    "Subscription": record(user="str", standing="Standing", paid_until="datetime", renewals="int"),
}
_STORE = Port(
    methods=(
        Method(
            name="put", params=params(user="str", standing="Standing"), raises=("StoreDown",), idempotent=True,
            is_async=True, sets={"rows": "rows | {user: standing}"},
        ),
        Method(
            name="drop", params=params(user="str"), raises=("StoreDown",), idempotent=True, is_async=True,
            sets={"rows": "{key: rows[key] for key in rows if key != user}"},
        ),
        Method(
            name="get", params=params(user="str"), returns="Standing | None", raises=("StoreDown",), query=True,
            is_async=True, gives="rows.get(user)",
        ),
    ),
    memory=params(rows="dict[str, Standing]"),
)  # fmt: skip
_subscription = _Maker("members", _SUBSCRIPTION_TYPES, ["StoreDown", "Lapsed"], {"Store": _STORE})
_HEAD = _IMPORTS + "from .types import Lapsed, Standing, StoreDown, Subscription\n"

SUBSCRIPTION = Machine(
    "members",
    Flow(
        name="membership",
        record="Subscription",
        field="standing",
        states=("trial", "active", "grace", "ended"),
        initial="trial",
        terminal=("ended",),
        transitions=(
            Transition(sources=("trial",), call="subscribe", targets=("active",)),
            Transition(sources=("active", "grace"), call="renew", targets=("active",)),
            Transition(sources=("active", "grace"), call="quit", targets=("ended",)),
        ),
        timeouts=(
            Timeout(state="trial", after=14 * 24 * HOURS, target="ended"),
            Timeout(state="active", after=30 * 24 * HOURS, target="grace", call="lapse"),
            Timeout(state="grace", after=7 * 24 * HOURS, target="ended", call="end"),
        ),
        compensate={"subscribe": "unsubscribe"},
        savepoints=("grace",),
        invariants=(
            "subscription.user == initial.user",
            "subscription.renewals >= initial.renewals",
            "store.rows.get(subscription.user) == (None if subscription.standing in ['trial', 'ended'] else subscription.standing)",
        ),
        scenarios=(
            Scenario(
                name="a month and a renewal",
                given={"user": "u", "standing": "trial", "paid_until": "2026-01-01T00:00:00Z", "renewals": 0},
                steps=(
                    ScenarioStep(call="subscribe", state="active"),
                    ScenarioStep(wait=31 * 24 * HOURS, state="grace"),
                    ScenarioStep(call="renew", state="active"),
                    ScenarioStep(call="quit", state="ended", ensures=("store.rows == {}",)),
                ),
            ),
        ),
    ),
    {
        each.function: each
        for each in (
            _subscription.contract(
                "subscribe", {"subscription": "Subscription", "now": "datetime", "store": "Store"}, "Subscription",
                requires=["subscription.standing == 'trial'"], raises={"StoreDown": None}, is_async=True,
            ),
            _subscription.contract(
                "unsubscribe", {"subscription": "Subscription", "store": "Store"}, "None",
                raises={"StoreDown": None}, is_async=True,
            ),
            _subscription.contract(
                "renew", {"subscription": "Subscription", "now": "datetime", "store": "Store"}, "Subscription",
                requires=["subscription.standing in ['active', 'grace']"], raises={"StoreDown": None}, is_async=True,
            ),
            _subscription.contract(
                "quit", {"subscription": "Subscription", "store": "Store"}, "Subscription",
                raises={"StoreDown": None}, is_async=True,
            ),
            _subscription.contract(
                "lapse", {"subscription": "Subscription", "store": "Store"}, "Subscription",
                requires=["subscription.standing == 'active'"], raises={"StoreDown": None}, is_async=True,
            ),
            _subscription.contract(
                "end", {"subscription": "Subscription", "store": "Store"}, "Subscription",
                requires=["subscription.standing == 'grace'"], raises={"StoreDown": None}, is_async=True,
            ),
        )
    },
    {
        "subscribe": _HEAD + """
async def subscribe(subscription: Subscription, now: datetime, store: Store) -> Subscription:
    await store.put(subscription.user, Standing.ACTIVE)
    return replace(subscription, standing=Standing.ACTIVE, paid_until=now + timedelta(days=30))
""",
        "unsubscribe": _HEAD + """
async def unsubscribe(subscription: Subscription, store: Store) -> None:
    await store.drop(subscription.user)
""",
        "renew": _HEAD + """
async def renew(subscription: Subscription, now: datetime, store: Store) -> Subscription:
    await store.put(subscription.user, Standing.ACTIVE)
    return replace(
        subscription, standing=Standing.ACTIVE, paid_until=now + timedelta(days=30),
        renewals=subscription.renewals + 1,
    )
""",
        "quit": _HEAD + """
async def quit(subscription: Subscription, store: Store) -> Subscription:
    await store.drop(subscription.user)
    return replace(subscription, standing=Standing.ENDED)
""",
        "lapse": _HEAD + """
async def lapse(subscription: Subscription, store: Store) -> Subscription:
    await store.put(subscription.user, Standing.GRACE)
    return replace(subscription, standing=Standing.GRACE)
""",
        "end": _HEAD + """
async def end(subscription: Subscription, store: Store) -> Subscription:
    if await store.get(subscription.user) is not None:
        await store.drop(subscription.user)
    return replace(subscription, standing=Standing.ENDED)
""",
    },
)  # fmt: skip

MACHINES = {"order": ORDER, "sign-up": SIGN_UP, "subscription": SUBSCRIPTION}


def spec_of(machine: Machine) -> Spec:
    """The machine as a spec without findings."""
    place = Place(path=f"specs/{machine.spec}.yaml")
    return Spec(
        name=machine.spec,
        path=place.path,
        summary="",
        flows=(SpecFlow(flow=machine.flow, place=place),),
        functions=tuple(SpecFunction(contract=each, place=place) for each in machine.contracts.values()),
    )


def types_text(machine: Machine) -> str:
    """Its `types.py`: types, errors and, as protocols, its ports."""
    contracts = list(machine.contracts.values())
    ports = {name: port for each in contracts for name, port in each.ports.items()}
    bare = contracts[0].model_copy(update={"ports": {}, "params": (), "returns": "None", "calls": ()})
    lines = [render.render_stub_types(bare), "from typing import Protocol\n"]
    for name, port in ports.items():
        lines.append(f"\n\nclass {name}(Protocol):")
        for method in port.methods:
            given = "".join(f", {param.name}: {param.type}" for param in method.params)
            kind = "async def" if method.is_async else "def"
            lines.append(f"    {kind} {method.name}(self{given}) -> {method.returns}: ...")
    return "\n".join(lines) + "\n"
