"""The judge of flows against machines that fit together and against ones with a fault, most of them kept by every contract."""

from collections.abc import Iterator
from typing import Any

import pytest
from machines import MACHINES, ORDER, Machine, types_text

from pipeline.decider.flow_judging import FlowJudge
from pipeline.decider.jobs import believed
from pipeline.flows.records import Flow, FlowClause, FlowJudgement, Scenario, ScenarioStep
from pipeline.sandbox.port import Limits, Program
from pipeline.sandbox.process import ProcessSandbox
from pipeline.specs.format import ScenarioFile
from pipeline.specs.yaml_source import parse_yaml
from pipeline.stages.judge import Judge
from pipeline.values import Types

FAULTS: dict[str, tuple[str, str, dict[str, tuple[str, str]], dict[str, Any], str]] = {}
"""Name -> machine, clause that refuses it, function -> (text, what stands there instead), changes of the flow, message."""


def fault(
    name: str,
    machine: str,
    clause: str,
    *,
    flow: dict[str, Any] | None = None,
    told: str = "",
    **edits: tuple[str, str],
) -> None:
    FAULTS[name] = (machine, clause, edits, flow or {}, told)


# How steps are undone.
fault(
    "stock stays taken",
    "order",
    "compensation",
    release=("    stock.give_back(order.item, order.count)\n", ""),
)
fault("one too few is given back", "order", "compensation", release=("order.count)", "order.count - 1)"))
fault("another item is given back", "order", "compensation", release=("order.item,", "order.number,"))
fault("another payment is refunded", "order", "compensation", refund=("order.number)", "order.item)"))
fault("the refund keeps the payment", "order", "compensation", refund=(', payment=""', ""))
fault("the release cancels", "order", "compensation", release=("Step.NEW", "Step.CANCELLED"))
fault("nothing undoes the charge", "order", "compensation", flow={"compensate": {"reserve": "release"}})
fault(
    "nothing undoes the reservation",
    "order",
    "scenarios[the post fails]",
    flow={"compensate": {"charge": "refund"}},
)
fault(
    "nothing undoes a charge that may be the last step",
    "order",
    "compensation",
    flow={
        "compensate": {},
        "transitions": tuple(
            step.model_copy(update={"targets": ("paid", "shipped")}) if step.call == "charge" else step
            for step in ORDER.flow.transitions
        ),
    },
    told="nothing undoes that charge asked bank.charge(",
)
fault(
    "undoing refuses",
    "order",
    "compensation",
    told="must be undone",
    refund=("    bank.refund", "    if order.count > 1:\n        raise BankDown\n    bank.refund"),
)
fault(
    "undoing half and once more is twice",
    "order",
    "failures",
    release=(
        "    stock.give_back(order.item, order.count)\n",
        "    stock.give_back(order.item, 1)\n    stock.give_back(order.item, order.count - 1)\n",
    ),
)
fault(
    "undoing knows the number by heart",
    "order",
    "compensation",
    release=("step=Step.NEW", "step=Step.NEW, number='n-1'"),
)
fault(
    "the row stays",
    "subscription",
    "compensation",
    unsubscribe=("    await store.drop(subscription.user)\n", "    pass\n"),
)
# What a step that fails leaves behind.
fault(
    "charged though the bank fails afterwards",
    "order",
    "failures",
    charge=("    return", "    bank.refund('nobody')\n    return"),
)
fault(
    "taken, and then too many",
    "order",
    "failures",
    reserve=(
        "    if order.count > 50:\n        raise TooMany\n    stock.take(order.item, order.count)\n",
        "    stock.take(order.item, order.count)\n    if order.count > 50:\n        raise TooMany\n",
    ),
)
fault(
    "charged twice",
    "order",
    "failures",
    charge=("    payment =", "    bank.charge(order.number, order.price * order.count)\n    payment ="),
)
fault(
    "the post fails in silence",
    "order",
    "failures",
    ship=(
        "    post.send(order.number)\n",
        "    try:\n        post.send(order.number)\n    except PostDown:\n        pass\n",
    ),
)
fault(
    "the store fails in silence",
    "subscription",
    "failures",
    lapse=(
        "    await store.put(subscription.user, Standing.GRACE)\n",
        "    try:\n        await store.put(subscription.user, Standing.GRACE)\n    except StoreDown:\n        pass\n",
    ),
)
fault(
    "two messages",
    "sign-up",
    "failures",
    resend=("    return", "    mailer.send(progress.email, progress.token)\n    return"),
)
fault(
    "asked too late whether it is blocked",
    "sign-up",
    "failures",
    sign_up=(
        "    if mailer.is_blocked(email):\n        raise Blocked\n    mailer.send(email, token)\n",
        "    mailer.send(email, token)\n    if mailer.is_blocked(email):\n        raise Blocked\n",
    ),
)
# Deadlines, to the tick.
fault(
    "over at the deadline already",
    "sign-up",
    "timeouts",
    verify_email=("> timedelta(hours=24)", ">= timedelta(hours=24)"),
)
fault(
    "over a tick before the deadline",
    "sign-up",
    "timeouts",
    verify_email=("> timedelta(hours=24)", "> timedelta(hours=24) - timedelta(microseconds=1)"),
)
fault(
    "over a tick after the deadline",
    "sign-up",
    "timeouts",
    verify_email=("> timedelta(hours=24)", "> timedelta(hours=24, microseconds=1)"),
)
fault(
    "expires at the deadline already",
    "sign-up",
    "timeouts",
    expire=("<= timedelta(hours=24)", "< timedelta(hours=24)"),
)
fault(
    "expires a tick late",
    "sign-up",
    "timeouts",
    expire=("<= timedelta(hours=24)", "<= timedelta(hours=24, microseconds=1)"),
)
fault(
    "expires an hour late", "sign-up", "timeouts", expire=("<= timedelta(hours=24)", "<= timedelta(hours=25)")
)
fault(
    "the wait leads elsewhere",
    "subscription",
    "timeouts",
    lapse=("standing=Standing.GRACE)", "standing=Standing.ENDED)"),
)
# Where steps lead, what they are given, what they change.
fault("verified is active", "sign-up", "transitions", verify_email=("Stage.PROFILE", "Stage.ACTIVE"))
fault("a step that stays where it is", "order", "transitions", charge=("step=Step.PAID, ", ""))
fault(
    "an error that nobody declared",
    "order",
    "transitions",
    charge=("    payment =", "    order.price / (order.count - 2)\n    payment ="),
)
fault("the payment gets lost", "order", "requires", charge=("payment=payment", 'payment=""'))
fault("the nickname gets lost", "sign-up", "invariants[1]", complete_profile=(", nickname=nickname", ""))
fault(
    "the item is another one's",
    "order",
    "invariants[0]",
    reserve=("step=Step.RESERVED", "step=Step.RESERVED, number='x'"),
)
fault(
    "the renewals are forgotten",
    "subscription",
    "invariants[1]",
    subscribe=("standing=Standing.ACTIVE,", "standing=Standing.ACTIVE, renewals=-1,"),
)
fault(
    "the row is not kept up",
    "subscription",
    "invariants[2]",
    renew=("    await store.put(subscription.user, Standing.ACTIVE)\n", ""),
)
fault(
    "precedence swapped",
    "sign-up",
    "timeouts",
    told="agree",
    verify_email=(
        "> timedelta(hours=24):\n        raise TokenExpired\n    if token != progress.token:\n        raise TokenMismatch\n",
        ">= timedelta(hours=24) and token == progress.token:\n        raise TokenExpired\n    if token != progress.token:\n        raise TokenMismatch\n",
    ),
)
fault(
    "a step that never succeeds",
    "sign-up",
    "coverage",
    told="complete_profile from profile",
    flow={"scenarios": ()},
    complete_profile=("    return", "    if nickname:\n        raise Blocked\n    return"),
)
fault(
    "no link is ever right",
    "sign-up",
    "contracts",
    flow={"scenarios": ()},
    told="raises[TokenMismatch]: verify_email(",
    verify_email=("token != progress.token", "token != progress.token or token == progress.token"),
)
fault(
    "it never ends", "order", "limits", ship=("    post.send", "    while True:\n        pass\n    post.send")
)


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    opened = Judge()
    yield opened
    opened.close()


def faulty(name: str) -> tuple[Machine, dict[str, str]]:
    """A machine with a fault: its flow as changed, and the sources that differ."""
    machine, _, edits, flow, _ = FAULTS[name]
    right = MACHINES[machine]
    sources = {}
    for function, (old, new) in edits.items():
        assert right.sources[function].count(old) == 1, f"{name}: {old}"
        sources[function] = right.sources[function].replace(old, new)
    changed = right.flow.model_copy(update=flow)
    return Machine(right.spec, changed, right.contracts, right.sources), sources


JUDGED: dict[str, FlowJudgement] = {}


def judged_fault(judge: Judge, name: str) -> FlowJudgement:
    """What a judge says of a fault; said once for all tests."""
    if name not in JUDGED:
        machine, sources = faulty(name)
        JUDGED[name] = judged(judge, machine, **sources)
    return JUDGED[name]


def judged(judge: Judge, machine: Machine, **sources: str) -> FlowJudgement:
    return judge.judge_flow(machine.spec, machine.flow, machine.parts(**sources))


@pytest.mark.parametrize("name", MACHINES)
def test_functions_that_fit_together_pass(judge: Judge, name: str) -> None:
    """Every clause is reported in order, and every one is kept."""
    judgement = judged(judge, MACHINES[name])
    assert [(clause.clause, clause.message) for clause in judgement.clauses] == [
        (clause, None) for clause in MACHINES[name].flow.clauses
    ]
    assert judgement.counterexample is None
    assert judgement.walks > 100


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_refused_by_its_clause(judge: Judge, name: str) -> None:
    """Each seeded fault breaks the clause that is there for it."""
    judgement = judged_fault(judge, name)
    broken = {clause.clause: clause.message or "" for clause in judgement.failures}
    _, clause, _, _, told = FAULTS[name]
    assert clause in broken
    assert told in broken[clause]


def pasted(counterexample: str) -> Scenario:
    """A counterexample as the spec's format reads it, as the scenario that the spec then has."""
    (written,) = parse_yaml("specs/pasted.yaml", counterexample).value
    read = ScenarioFile.model_validate(written)
    duration = Types({})
    steps = [
        ScenarioStep(
            wait=duration.decode("timedelta", step.wait or "0s"),
            call=step.call,
            given=step.given,
            ports=step.ports,
            raises=step.raises,
            state=step.state,
            ensures=tuple(step.ensures),
        )
        for step in read.steps
    ]
    return Scenario(name=read.name, given=read.given, at=read.at, memory=read.memory, steps=tuple(steps))


FOUND = [
    name
    for name, (_, clause, *_) in FAULTS.items()
    if clause != "coverage" and "scenarios" not in clause and name != "asked too late whether it is blocked"
]
"""Faults that show in a walk; not those that need a port to answer in some way while a flow starts."""


@pytest.mark.parametrize("name", FOUND)
def test_a_counterexample_pastes_as_a_scenario(judge: Judge, name: str) -> None:
    """The spec's format reads it; as the only scenario it breaks the same clause, in the walk it describes."""
    machine, sources = faulty(name)
    counterexample = judged_fault(judge, name).counterexample
    assert counterexample is not None
    scenario = pasted(counterexample)
    family = scenario.name.removeprefix("breaks ").split()[0]
    assert family in {
        clause.split("[")[0]
        for clause in broken_in_scenarios(
            machine, sources, machine.flow.model_copy(update={"scenarios": (scenario,)})
        )
    }


def broken_in_scenarios(machine: Machine, sources: dict[str, str], flow: Flow) -> set[str]:
    """The clauses that the scenarios of a flow break by themselves, without any walk."""
    modules = {"types": types_text(machine), **machine.sources, **sources}
    sandbox = ProcessSandbox()
    limits = Limits(batch_wall_seconds=5.0)
    session = sandbox.open(Program(modules, limits, package=f"generated.{machine.spec}"), hash_seed=1)
    judging = FlowJudge(flow, machine.contracts, lambda: session.observe, lambda _: None)
    judging.play_scenarios()
    session.close()
    sandbox.close()
    return {*judging.broken, *judging.search.found}


@pytest.mark.parametrize("name", MACHINES)
def test_the_scenarios_alone_break_nothing_where_all_is_right(name: str) -> None:
    """What is found by a scenario is a fault, not the scenario."""
    machine = MACHINES[name]
    assert broken_in_scenarios(machine, {}, machine.flow) == set()


def test_a_double_without_an_answer_ends_no_search(judge: Judge) -> None:
    """Where a first record that nobody showed is too much for the model of a port, walks go on in another process."""
    bank = ORDER.contracts["charge"].ports["Bank"]
    charge = bank.methods[0].model_copy(update={"gives": "{'n-1': 'payment'}[number]"})
    strict = bank.model_copy(update={"methods": (charge, *bank.methods[1:])})
    contracts = {
        name: each.model_copy(update={"ports": {"Bank": strict}}) if "Bank" in each.ports else each
        for name, each in ORDER.contracts.items()
    }
    judgement = judged(judge, Machine(ORDER.spec, ORDER.flow, contracts, ORDER.sources))
    assert [clause.clause for clause in judgement.failures] == []


@pytest.mark.parametrize("name", ["stock stays taken", "over at the deadline already", "two messages"])
def test_the_same_judgement_in_every_process(name: str) -> None:
    """Two judges, two decider processes: the same bytes."""
    machine, sources = faulty(name)
    found = []
    for _ in range(2):
        judge = Judge()
        found.append(judged(judge, machine, **sources).model_dump_json())
        judge.close()
    assert found[0] == found[1]


def test_a_counterexample_is_the_shortest_walk(judge: Judge) -> None:
    """Nothing in it could be left out: two steps, and the failure of a port that shows the fault."""
    machine, sources = faulty("stock stays taken")
    assert (
        judged(judge, machine, **sources).counterexample
        == """\
- name: "breaks compensation"
  given: {number: "n-1", item: cup, count: 2, price: 30, step: new, payment: ""}
  at: "2026-01-01T00:00:00Z"
  steps:
    - call: reserve
    - call: charge
      ports: {bank: {charge: [{raises: BankDown}]}}
      raises: BankDown
      ensures: ["stock.taken == {}"]
"""
    )


def test_a_message_names_what_happened_and_the_walk(judge: Judge) -> None:
    """A person reads what went wrong, with which values, and how to get there."""
    machine, sources = faulty("over at the deadline already")
    (failure,) = judged(judge, machine, **sources).failures
    assert failure.message == (
        "verify_email and the flow do not agree on when unverified has lasted 1 day, 0:00:00: called a second before"
        " it returned, a microsecond before it returned, exactly then it raised TokenExpired"
        " (walk: sign_up(email='a@b.cd', token='abc'), then verify_email(token='abc'))"
    )


def test_a_process_that_ends_badly_is_not_believed() -> None:
    """True answers from a process that does not end cleanly land nothing."""
    passing = FlowJudgement(clauses=(FlowClause(clause="limits", passed=True),))
    assert [clause.passed for clause in believed(passing, clean=False).clauses] == [False]
    assert believed(passing, clean=True) == passing
