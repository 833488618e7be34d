"""What models are told about a contract, and what they are not."""

from pipeline import prompts
from pipeline.definitions import Method, Param, Port, TypeAlias, TypeEnum, TypeRecord
from pipeline.records import Callee, Case, Contract, Decision, PortCall, Raise, Spec
from pipeline.specs import parse_spec
from pipeline.stages import architect, implement

SPEC = """\
spec: shop
summary: A shop.
constraints:
  narrow:
    text: Screens are laid out for a 360 px wide phone.
    applies_to: [show]
decisions:
  session:
    question: Where does progress live?
    options: {token: a signed token, server: a row the server keeps}
    choose: token
    applies_to: [show]
types:
  Size: {enum: [small, large]}
  Item: {fields: {name: str, size: Size}}
  Unused: {type: str, max_length: 3}
errors:
  TooDear: The price is too high.
functions:
  price:
    summary: The price of a size.
    params: {size: Size}
    returns: int
    ensures: ["result > 0"]
    examples:
      - {name: s, given: {size: small}, returns: 1}
      - {name: l, given: {size: large}, returns: 2}
  show:
    summary: What a customer sees.
    params: {item: Item, limit: int}
    returns: str
    requires: ["limit > 0"]
    raises: {TooDear: limit > 1000}
    ensures: ["len(result) <= limit", "result == item.name[:limit]"]
    uses: [price]
    examples:
      - {name: a, given: {item: {name: x, size: small}, limit: 5}, returns: x}
      - {name: b, given: {item: {name: "it's {{ 7*7 }} {% if %}", size: small}, limit: 100}, returns: "it's {{ 7*7 }} {% if %}"}
      - {name: c, given: {item: {name: hidden_name, size: large}, limit: 11}, returns: hidden_name}
      - {name: d, given: {item: {name: x, size: large}, limit: 5000}, raises: TooDear}
"""


def contract_of(name: str) -> Contract:
    spec = parse_spec("specs/shop.yaml", SPEC)
    assert isinstance(spec, Spec), spec
    return next(f.contract for f in spec.functions if f.contract.function == name)


def test_an_implementer_is_told_the_whole_contract() -> None:
    """Signature, types it reaches, rules, errors, constraints, decisions, callees, examples, approach."""
    contract = contract_of("show").model_copy(update={"approach": "Cut it."})
    system, prompt = implement.first_messages(contract)
    for text in (
        "def show(item: Item, limit: int) -> str:",
        "What a customer sees.",
        "class Item:",
        "class Size(",
        "limit > 0",
        "TooDear exactly when limit > 1000",
        "len(result) <= limit",
        "Screens are laid out for a 360 px wide phone.",
        "Where does progress live? token: a signed token",
        "price(size: Size) -> int",
        "The price of a size. Ensures result > 0.",
        "show(Item(name='x', size=",
        "# raises TooDear",
        "A way to do it: Cut it.",
        "it's {{ 7*7 }} {% if %}",
    ):
        assert text in prompt, text
    assert prompt.endswith("Write the function show.\n")
    assert "contract insufficient:" in system


def test_an_implementer_is_told_nothing_else() -> None:
    """No case that is held back, no type it cannot reach, no word of other functions."""
    contract = contract_of("show")
    cases = tuple(case.model_copy(update={"shown": case.name != "c"}) for case in contract.cases)
    prompt = prompts.render_implementer(contract.model_copy(update={"cases": cases}))
    for text in ("hidden_name", "Unused", "return price", "A shop."):
        assert text not in prompt, text
    plain = prompts.render_implementer(contract_of("price"))
    for text in ("360 px", "session", "show", "Item"):
        assert text not in plain, text


def test_the_system_prompt_is_the_same_for_every_function() -> None:
    """So that a provider can cache it."""
    assert (
        implement.first_messages(contract_of("show"))[0] == implement.first_messages(contract_of("price"))[0]
    )
    shown, price = (
        architect.first_messages(contract_of(name), independent=True) for name in ("show", "price")
    )
    assert shown[0] == price[0]


def test_an_architect_sees_every_case_of_the_spec() -> None:
    """It proposes what they leave out; rules only if it is another model than the implementer."""
    system, prompt = architect.first_messages(contract_of("show"), independent=True)
    assert "hidden_name" in prompt
    assert "`rules`" in system
    assert prompt.endswith("Reply with the JSON for show.\n")
    system, _ = architect.first_messages(contract_of("show"), independent=False)
    assert "`rules`" not in system


def test_a_prompt_is_as_long_as_its_contract() -> None:
    """Not as its spec: other functions add nothing to it."""
    spec = parse_spec("specs/shop.yaml", SPEC)
    assert isinstance(spec, Spec)
    more = SPEC + "".join(
        f"""\
  other{n}:
    summary: Another.
    params: {{n: int}}
    returns: int
    ensures: ["result == n"]
    examples: [{{name: a, given: {{n: 1}}, returns: 1}}, {{name: b, given: {{n: 2}}, returns: 2}}]
"""
        for n in range(30)
    )
    larger = parse_spec("specs/shop.yaml", more)
    assert isinstance(larger, Spec)
    pairs = [
        (f.contract, next(g.contract for g in larger.functions if g.contract.id == f.contract.id))
        for f in spec.functions
    ]
    for small, large in pairs:
        assert implement.first_messages(small) == implement.first_messages(large)


# -- ports, async functions, decisions, other specs --------------------------------------------------------

MAILER = Port(
    summary="Sends mail.",
    methods=(
        Method(
            name="send",
            params=(Param(name="to", type="Email"), Param(name="body", type="str")),
            returns="str",
            raises=("MailerDown", "Busy"),
            is_async=True,
        ),
        Method(name="purge", raises=("PurgeFailed",)),
    ),
)
STORE = Port(
    methods=(
        Method(name="save", params=(Param(name="letter", type="Letter"),)),
        Method(name="count", returns="int", query=True),
    )
)
INVITE = Contract(
    spec="shop",
    function="invite",
    summary="Invites a customer.",
    params=(
        Param(name="mailer", type="Mailer"),
        Param(name="store", type="Store"),
        Param(name="email", type="Email"),
    ),
    returns="str",
    types={
        "Email": TypeAlias(type="str", max_length=99),
        "Letter": TypeRecord(fields=(Param(name="to", type="Email"), Param(name="size", type="Size"))),
        "Size": TypeEnum(values=("small", "large")),
    },
    errors={"MailerDown": "No mail goes out.", "Busy": "Try again.", "Unknown": "Nobody has that address."},
    ports={"Mailer": MAILER, "Store": STORE},
    homes={"Email": "_shared", "Mailer": "_shared"},
    is_async=True,
    calls=("mailer.send", "store.save"),
    handles=("Busy", "NoBox"),
    raises=(Raise(error="MailerDown"), Raise(error="Unknown")),
    cases=(
        Case(
            name="busy at first",
            given={
                "mailer": {"send": [{"raises": "Busy"}, {"returns": "id-1"}]},
                "store": {"save": [{"returns": None}]},
                "email": "a@b.c",
            },
            returns="id-1",
            calls=(
                PortCall(method="mailer.send", arguments={"body": "Hello", "to": "a@b.c"}),
                PortCall(method="mailer.send", arguments={"body": "Hello", "to": "a@b.c"}),
                PortCall(method="store.save", arguments={"letter": {"to": "a@b.c", "size": "small"}}),
            ),
        ),
        Case(
            name="down",
            given={
                "mailer": {"send": [{"raises": "Busy"}, {"raises": "MailerDown"}]},
                "store": {},
                "email": "x",
            },
            raises="MailerDown",
        ),
        Case(name="nobody", given={"mailer": {}, "store": {}, "email": ""}, raises="Unknown"),
        Case(
            name="quiet",
            given={"mailer": {"send": []}, "store": {}, "email": "hidden"},
            returns="",
            calls=(),
            shown=False,
        ),
    ),
    decisions=(
        Decision(
            name="session",
            question="Where does progress live?",
            choice="token",
            meaning="a signed token",
            reason="Nothing to store.",
        ),
        Decision(name="open", question="Who decides?", choice="", meaning=""),
    ),
    assumes={"session": "token", "queue": "none"},
    uses=(
        Callee(
            function="money.find",
            signature="async def find(email: Email) -> str:",
            summary="Finds a box.",
            raises=("NoBox when email == ''",),
        ),
        Callee(function="tidy", signature="def tidy(email: Email) -> Email:", summary="Tidies."),
    ),
)
PROMPT = '''\
These exist and are imported; do not define them:
```python
from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Letter:
    to: Email
    size: Size


class Size(StrEnum):
    SMALL = "small"
    LARGE = "large"


class MailerDown(Exception):
    """No mail goes out."""


class Busy(Exception):
    """Try again."""


class Unknown(Exception):
    """Nobody has that address."""


class NoBox(Exception):
    """Raised by money.find."""


class Mailer(Protocol):
    """Sends mail."""

    async def send(self, to: Email, body: str) -> str: ...


class Store(Protocol):
    def save(self, letter: Letter) -> None: ...
```

Email means str, length at most 99.

Function:
```python
async def invite(mailer: Mailer, store: Store, email: Email) -> str:
    """Invites a customer."""
```

It raises, checked in this order:
- MailerDown: No mail goes out.
- Unknown: Nobody has that address.

Also settled:
- Where does progress live? token: a signed token (Why: Nothing to store.)
- Taken for granted: queue is none.

It may call these functions, already imported; await each async one where it is called:
- async def find(email: Email) -> str: Finds a box. Raises NoBox when email == ''. Catch NoBox: it must not reach the caller.
- def tidy(email: Email) -> Email: Tidies.

It calls its ports only so, in the order and with the arguments that the examples show:
- await mailer.send(to, body) may raise MailerDown (let it through), Busy (catch it: it must not reach the caller)
- store.save(letter)

Examples:
```python
await invite(mailer, store, 'a@b.c') == 'id-1'
# asks mailer.send('a@b.c', 'Hello') -> raises Busy
# asks mailer.send('a@b.c', 'Hello') -> 'id-1'
# asks store.save(Letter(to='a@b.c', size=Size.SMALL)) -> None
await invite(mailer, store, 'x')  # raises MailerDown
# mailer.send answers: raises Busy, then raises MailerDown
await invite(mailer, store, '')  # raises Unknown
# asks nothing
```

Write the function invite.
'''


def test_an_implementer_is_told_what_it_asks_of_its_ports() -> None:
    """Only the methods it may call, each error's fate, the answers and calls of the examples; and all in one place."""
    prompt = prompts.render_implementer(INVITE)
    assert prompt == PROMPT
    assert "hidden" not in prompt


def test_ports_change_nothing_for_functions_without() -> None:
    """A contract without ports, async functions or assumptions has the prompt it always had."""
    prompt = prompts.render_implementer(contract_of("show"))
    for text in (" ports", "Protocol", "await", "granted", "# asks", "Catch"):
        assert text not in prompt, text


def test_a_port_without_a_method_it_may_call() -> None:
    """A function that may ask nothing sees an empty port."""
    contract = INVITE.model_copy(update={"calls": (), "cases": ()})
    prompt = prompts.render_implementer(contract)
    assert "class Store(Protocol):\n    pass\n" in prompt
    assert "calls its ports" not in prompt


def test_an_architect_proposes_no_cases_for_ports() -> None:
    """It is not told of them and has no place to put them."""
    for independent, wanted in ((True, ["approach", "rules"]), (False, ["approach"])):
        system, prompt = architect.first_messages(INVITE, independent=independent)
        schema = architect.reply_schema(INVITE, independent=independent)
        assert "`case" not in system
        assert ("`rules`" in system) == independent
        assert wanted == list(schema["properties"]) == schema["required"]
        assert "hidden" in prompt
