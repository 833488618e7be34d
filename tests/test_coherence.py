"""Contracts that go together, and those that do not."""

from pipeline.coherence import Placed, check_coherence, unchecked_undos
from pipeline.records import Bounds, Callee, Constraint, Contract, Decision, Place, Rule, Spec
from pipeline.specs import parse_spec


def contract(name: str, **extra: object) -> Contract:
    spec, function = name.split(".")
    made = Contract(spec=spec, function=function, summary="Does it.", params=(), returns="int")
    return made.model_copy(update=extra)


def chosen(choice: str, name: str = "session") -> tuple[Decision, ...]:
    return (Decision(name=name, question="Where?", choice=choice, meaning="There."),)


def using(*functions: str) -> tuple[Callee, ...]:
    return tuple(Callee(function=each, signature="def f() -> int", summary="Does it.") for each in functions)


def said(*contracts: Contract, derived: dict[str, Contract] | None = None) -> list[str]:
    """What is said about contracts; each has a line of its own in its spec."""
    placed = [
        Placed(
            each,
            Place(path=f"specs/{each.spec}.yaml", line=10 * number),
            {
                "decisions[session]": Place(path=f"specs/{each.spec}.yaml", line=3),
                "assumes[session]": Place(path=f"specs/{each.spec}.yaml", line=10 * number + 5),
            },
            (derived or {}).get(each.id, each),
        )
        for number, each in enumerate(contracts, 1)
    ]
    return [str(finding) for finding in check_coherence(placed)]


def test_contracts_that_agree_have_no_finding() -> None:
    """One answer, assumed by those who need it; what nobody has chosen is no answer."""
    contracts = [
        contract("a.one", decisions=chosen("token"), assumes={"session": "token"}),
        contract("a.two", decisions=chosen("token"), uses=using("b.three")),
        contract("b.three", decisions=chosen("token")),
        contract("c.four", decisions=chosen("server")),
        contract("d.five", decisions=chosen("")),
        contract("d.six", decisions=chosen(""), assumes={"session": "server"}),
    ]
    assert said(*contracts) == []


def test_a_changed_contract_with_another_answer_is_named_by_its_file() -> None:
    """The answer of most is the one it is held against."""
    changed = contract("a.one", decisions=chosen("server"))
    others = [contract("a.two", decisions=chosen("token")), contract("a.three", decisions=chosen("token"))]
    assert said(changed, *others, derived={"a.one": contract("a.one", decisions=chosen("token"))}) == [
        (
            "generated/a/one.contract.json:1:1: decision 'session' has two answers: a.one goes by 'server', but a.two "
            "goes by 'token' at specs/a.yaml:3:1"
        )
    ]


def test_what_is_assumed_is_held_against_what_is_chosen() -> None:
    """However many assume it, the choice counts; it may be one that does not cover the function."""
    wrong = [contract(f"a.{name}", assumes={"session": "server"}) for name in ("two", "three")]
    assert said(contract("a.one", decisions=chosen("token")), *wrong) == [
        (
            "specs/a.yaml:25:1: decision 'session' has two answers: a.two assumes 'server', but a.one goes by 'token' at "
            "specs/a.yaml:3:1"
        ),
        (
            "specs/a.yaml:35:1: decision 'session' has two answers: a.three assumes 'server', but a.one goes by 'token' at "
            "specs/a.yaml:3:1"
        ),
    ]


def test_two_assumptions_differ_while_nobody_has_chosen() -> None:
    """Both are named with their places."""
    assert said(
        contract("a.one", assumes={"session": "token"}), contract("a.two", assumes={"session": "server"})
    ) == [
        (
            "specs/a.yaml:25:1: decision 'session' has two answers: a.two assumes 'server', but a.one assumes 'token' at "
            "specs/a.yaml:15:1"
        )
    ]


def test_functions_of_two_specs_that_use_each_other_have_one_answer() -> None:
    """Also through a function that is not concerned; specs that do not use each other may differ."""
    contracts = [
        contract("a.one", decisions=chosen("token"), uses=using("two")),
        contract("a.two", uses=using("b.three")),
        contract("b.three", uses=using("c.four")),
        contract("c.four", decisions=chosen("server")),
        contract("d.five", decisions=chosen("server")),
    ]
    assert said(*contracts) == [
        (
            "specs/a.yaml:3:1: decision 'session' has two answers: a.one goes by 'token', but c.four goes by 'server' at "
            "specs/c.yaml:3:1"
        )
    ]


def test_a_contract_carries_all_that_its_spec_says_once() -> None:
    """A constraint, its rule, what it forbids and a decision that are gone from it are named."""
    whole = contract(
        "a.one",
        constraints=(Constraint(name="mobile-first", text="Fit a phone."),),
        ensures=(Rule(rule="result <= 360", constraint="mobile-first"), Rule(rule="result > 0")),
        decisions=chosen("token"),
        bounds=Bounds(forbidden_imports=("random",), forbidden_names=("float",)),
    )
    bare = contract("a.one")
    at = "generated/a/one.contract.json:1:1: lacks "
    end = ", which covers a.one at specs/a.yaml:10:1; put it back"
    assert said(bare, derived={"a.one": whole}) == [
        f"{at}the constraint 'mobile-first'{end}",
        f"{at}the rule `result <= 360` of the constraint 'mobile-first'{end}",
        f"{at}the decision 'session'{end}",
        f"{at}that 'random' is forbidden{end}",
        f"{at}that 'float' is forbidden{end}",
    ]
    assert said(whole.model_copy(update={"approach": "Add."}), derived={"a.one": whole}) == []


UNDOING = """\
spec: seats
summary: Seats are taken and given back.
types:
  State: {enum: [free, taken, paid]}
  Seat: {fields: {number: str, state: State}}
errors:
  Down: No answer.
ports:
  Airline:
    hold: {params: {number: str}, raises: [Down]}
    release: {params: {number: str}, raises: [Down], idempotent: true}
functions:
  take:
    summary: Take it.
    params: {seat: Seat, airline: Airline}
    returns: Seat
    calls: [airline.hold]
    raises: [Down]
    ensures: ["result.state == 'taken'"]
    examples:
      - given: {seat: {number: a, state: free}, airline: {hold: [{returns: null}]}}
        returns: {number: a, state: taken}
  give_back:
    summary: Give it back.
    params: {seat: Seat, airline: Airline}
    returns: Seat
    calls: [airline.release]
    raises: [Down]
    ensures: ["result.state == 'free'"]
    examples:
      - given: {seat: {number: a, state: taken}, airline: {release: [{returns: null}]}}
        returns: {number: a, state: free}
  pay:
    summary: Pay it.
    params: {seat: Seat, airline: Airline}
    returns: Seat
    calls: [airline.hold]
    raises: [Down]
    ensures: ["result.state == 'paid'"]
    examples:
      - given: {seat: {number: a, state: taken}, airline: {hold: [{returns: null}]}}
        returns: {number: a, state: paid}
flows:
  sale:
    state: Seat.state
    initial: free
    terminal: [paid]
    transitions:
      - {from: free, call: take, to: taken}
      - {from: taken, call: pay, to: paid}
    endless: {free: nobody has to buy, taken: nobody has to pay}
    compensate: {take: give_back}
"""


def remarks(text: str) -> list[str]:
    spec = parse_spec("specs/seats.yaml", text)
    assert isinstance(spec, Spec), spec
    return unchecked_undos(spec)


def test_an_undo_of_which_nothing_says_what_it_asks_is_told() -> None:
    """The port remembers nothing and no rule speaks of calls: whatever it asks, no state would show it."""
    place = UNDOING[: UNDOING.index("give_back}")].count("\n") + 1
    assert remarks(UNDOING) == [
        (
            f"specs/seats.yaml:{place}:18: 'give_back' undoes 'take', and no rule says what it must ask of airline.release; "
            "add one over `calls` to 'give_back', or say what the port remembers (`memory`, `sets`)"
        )
    ]


def test_an_undo_that_a_rule_or_a_memory_holds_to_its_word_is_not_told() -> None:
    """A rule over calls says what it asks; a port that remembers shows what it did."""
    ruled = UNDOING.replace(
        "[\"result.state == 'free'\"]",
        "[\"result.state == 'free'\", \"calls == [('airline.release', seat.number)]\"]",
    )
    assert remarks(ruled) == []
    remembered = UNDOING.replace("  Airline:\n", "  Airline:\n    memory: {held: 'list[str]'}\n").replace(
        "idempotent: true}", 'idempotent: true, sets: {held: "[each for each in held if each != number]"}}'
    )
    assert remembered != UNDOING
    assert remarks(remembered) == []
