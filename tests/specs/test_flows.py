"""Flows of a spec as records."""

from datetime import timedelta

from pipeline.flows.records import Flow, Scenario, ScenarioStep, Timeout, Transition
from pipeline.records import Place, Spec, SpecFlow
from pipeline.specs import parse_spec

SOUND = """\
spec: shop
summary: Sells things.
types:
  Step: {enum: [new, paid, sent, done, gone]}
  Kind: {type: Step}
  Order: {fields: {step: Kind, made_at: datetime, cents: int}}
errors:
  BankDown: The bank does not answer.
  TooLate: It is too late.
ports:
  Bank:
    memory: {paid: "dict[str, int]"}
    pay: {params: {amount: int}, returns: Decimal, raises: [BankDown], gives: "Decimal(amount)"}
    back: {raises: [BankDown]}
functions:
  make:
    summary: Makes one.
    params: {cents: int, now: datetime}
    returns: Order
    ensures: ["result.step == 'new'"]
  pay:
    summary: Pays.
    params: {order: Order, code: str, now: datetime, bank: Bank}
    returns: Order
    calls: [bank.pay]
    raises: [BankDown]
    ensures: ["result.step in ('paid', 'sent')"]
  back:
    summary: Pays back.
    params: {code: str, order: Order, bank: Bank}
    returns: "None"
    calls: [bank.back]
    raises: [BankDown]
    ensures: ["order.cents >= 0"]
  finish:
    summary: Ends it.
    params: {order: Order, bank: Bank}
    returns: Order
    raises: [BankDown]
    ensures: ["result.step == 'done'"]
  expire:
    summary: Ends it late.
    params: {order: Order, now: datetime, bank: Bank}
    returns: Order
    raises: [TooLate, BankDown]
    ensures: ["result.step == 'gone'"]
flows:
  sale:
    summary: |
      From the shelf to the door.
    state: Order.step
    start: make
    initial: new
    terminal: [done, gone]
    transitions:
      - {from: new, call: pay, to: [paid, sent]}
      - {from: [paid, sent], call: finish, to: done}
    timeouts:
      - {state: [new, paid], after: 24h, since: made_at, to: gone, call: expire}
      - {state: paid, after: PT90M, to: gone}
    compensate: {pay: back}
    endless: {sent: "the post has no deadline "}
    invariants: [" order.cents == initial.cents ", "len(bank.paid) < 2"]
    scenarios:
      - name: pays
        given: {cents: 5}
        at: 2026-01-01T11:00:00+01:00
        memory: {bank: {paid: {x: 1}}}
        steps:
          - {wait: 15m, call: pay, with: {code: x}, state: paid, ensures: [" bank.paid['x'] == 1"]}
          - call: finish
            ports: {bank: {pay: [{returns: 1.50}, {raises: BankDown}], back: [{returns: null}]}}
            raises: BankDown
"""
EXPECTED = Flow(
    name="sale",
    summary="From the shelf to the door.",
    record="Order",
    field="step",
    states=("new", "paid", "sent", "done", "gone"),
    start="make",
    initial="new",
    terminal=("done", "gone"),
    transitions=(
        Transition(sources=("new",), call="pay", targets=("paid", "sent")),
        Transition(sources=("paid", "sent"), call="finish", targets=("done",)),
    ),
    timeouts=(
        Timeout(state="new", after=timedelta(hours=24), target="gone", since="made_at", call="expire"),
        Timeout(state="paid", after=timedelta(hours=24), target="gone", since="made_at", call="expire"),
        Timeout(state="paid", after=timedelta(minutes=90), target="gone"),
    ),
    compensate={"pay": "back"},
    endless={"sent": "the post has no deadline"},
    invariants=("order.cents == initial.cents", "len(bank.paid) < 2"),
    scenarios=(
        Scenario(
            name="pays",
            given={"cents": 5},
            at="2026-01-01T11:00:00+01:00",
            memory={"bank": {"paid": {"x": 1}}},
            steps=(
                ScenarioStep(
                    wait=timedelta(minutes=15),
                    call="pay",
                    given={"code": "x"},
                    state="paid",
                    ensures=("bank.paid['x'] == 1",),
                ),
                ScenarioStep(
                    call="finish",
                    ports={
                        "bank": {
                            "pay": [{"returns": "1.50"}, {"raises": "BankDown"}],
                            "back": [{"returns": None}],
                        }
                    },
                    raises="BankDown",
                ),
            ),
        ),
    ),
)


def parsed(text: str) -> SpecFlow:
    spec = parse_spec("specs/shop.yaml", text)
    assert isinstance(spec, Spec), [str(finding) for finding in spec]
    return spec.flows[0]


def findings_of(text: str) -> list[str]:
    findings = parse_spec("specs/shop.yaml", text)
    assert isinstance(findings, tuple)
    return [finding.message for finding in findings]


def test_a_flow_is_read_with_canonical_values() -> None:
    """One timeout a state, durations as such, values in JSON, rules without spaces around them."""
    assert parsed(SOUND).flow == EXPECTED


def test_each_part_of_a_flow_has_its_place() -> None:
    """A timeout of several states has the place of each of them."""
    read = parsed(SOUND)
    assert Place(path="specs/shop.yaml", line=48, column=3) == read.place
    expected = {
        "transitions[0]": (56, 9),
        "transitions[1]": (57, 9),
        "timeouts[0]": (59, 18),
        "timeouts[1]": (59, 23),
        "timeouts[2]": (60, 17),
        "compensate[pay]": (61, 18),
        "invariants[0]": (63, 18),
        "invariants[1]": (63, 52),
        "scenarios[pays]": (65, 9),
    }
    assert expected == {name: (place.line, place.column) for name, place in read.places.items()}


def test_an_effect_before_a_failure_needs_an_undo() -> None:
    """Without it the effect, the later step and its error are named; a savepoint in between is enough.

    A step that may lead to a savepoint as well is left to the walks: it may be asked for on the way there alone.
    """
    without = SOUND.replace("    compensate: {pay: back}\n", "")
    assert findings_of(without) == [
        (
            "'pay' calls bank.pay, and nothing undoes that when 'finish' later fails with BankDown of bank.pay; add "
            "`pay: <the function that undoes it>` under 'compensate', or list 'paid' under 'savepoints'"
        )
    ]
    kept = without.replace("    endless:", "    savepoints: [paid, sent]\n    endless:")
    assert parsed(kept).flow.savepoints == ("paid", "sent")
    half_kept = without.replace("    endless:", "    savepoints: [paid]\n    endless:")
    assert parsed(half_kept).flow.savepoints == ("paid",)


def test_a_later_function_that_deals_with_its_failures_needs_no_undo() -> None:
    """What never goes up fails no step; what only asks has no effect to be undone."""
    without = SOUND.replace("    compensate: {pay: back}\n", "")
    handled = without.replace(
        "params: {order: Order, bank: Bank}\n    returns: Order\n    raises: [BankDown]",
        "params: {order: Order, bank: Bank}\n    returns: Order\n    handles: [BankDown]",
    ).replace("            raises: BankDown\n", "")
    assert parsed(handled).flow.compensate == {}
    asked = without.replace("returns: Decimal, raises", "returns: Decimal, query: true, raises")
    assert parsed(asked).flow.compensate == {}


def test_a_state_that_waits_is_named_with_what_to_add() -> None:
    """A state without a timeout is refused until there is one, or a reason."""
    assert findings_of(SOUND.replace('    endless: {sent: "the post has no deadline "}\n', "")) == [
        (
            "state 'sent' waits without a timeout; add `{state: sent, after: ..., to: ...}` under 'timeouts', or say "
            "under 'endless' why it may wait for ever"
        )
    ]


def test_a_limit_is_compared_with_the_timeouts_of_its_own_states() -> None:
    """`>=` is refused where it meets a timeout of the same length, and only there."""
    pay = "    calls: [bank.pay]\n    raises: [BankDown]"
    for when, refused in (
        ("now - order.made_at >= timedelta(days=1)", 1),
        ("' timedelta(hours=24) <= now - order.made_at'", 1),
        ("now - order.made_at > timedelta(days=1)", 0),
        ("now - order.made_at >= timedelta(minutes=90)", 0),
    ):
        text = SOUND.replace(pay, f"    calls: [bank.pay]\n    raises: {{TooLate: {when}, BankDown: null}}")
        spec = parse_spec("specs/shop.yaml", text)
        assert refused == (len(spec) if isinstance(spec, tuple) else 0)


def test_a_flow_whose_function_is_refused_is_left_alone() -> None:
    """What is wrong with the function is said once, by itself."""
    text = SOUND.replace("summary: Pays back.", "summery: Pays back.")
    assert findings_of(text) == ["unknown key 'summery'; did you mean 'summary'?"]
