"""Functions with ports against their contracts: what they must ask, how failures of ports count, what is told of it."""

from collections.abc import Iterator
from typing import Any

import pytest
from hostile import ASKING, GREET, GREETS, Hostile
from subjects import broken, contract, decide, kernel_sandbox

from pipeline.decider.answers import failings
from pipeline.decider.clauses import Clauses
from pipeline.decider.corpus import corpus
from pipeline.decider.judging import generated_trials
from pipeline.decider.recording import Recording
from pipeline.definitions import Method, Param, Port, TypeAlias, TypeEnum
from pipeline.records import Callee, Case, Contract, Judgement, PortCall, Raise, Rule
from pipeline.scripts import Reply
from pipeline.stages.judge import Judge

PLAIN = GREET.model_copy(update={"cases": ()})
"""Without examples, so that generated inputs alone decide."""


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    """One judge for all of these tests."""
    opened = Judge()
    yield opened
    opened.close()


@pytest.fixture(scope="module", params=["process", "kernel"])
def judge_of_a_level(request: pytest.FixtureRequest) -> Iterator[Judge]:
    """A judge who isolates just so far."""
    if request.param == "kernel":
        kernel_sandbox().close()
    opened = Judge(at_least=request.param, at_most=request.param)
    yield opened
    opened.close()


def told(judgement: Judgement) -> dict[str, str | None]:
    return {clause.clause: clause.message for clause in judgement.failures}


def test_an_honest_function_passes(judge_of_a_level: Judge) -> None:
    """With examples, generated scripts and a second process, at either level."""
    judgement = decide(judge_of_a_level, GREET, GREETS)
    assert (told(judgement), judgement.inputs > 200) == ({}, True)


@pytest.mark.parametrize("hostile", ASKING, ids=lambda hostile: hostile.name)
def test_a_function_that_misuses_its_port_is_refused(judge_of_a_level: Judge, hostile: Hostile) -> None:
    """No trick of the list passes at either level, and each is refused for what it does."""
    judgement = decide(judge_of_a_level, GREET, hostile.source)
    assert hostile.clause in broken(judgement)


def test_the_contract_itself_is_sound(judge: Judge) -> None:
    """No stub keeps it: a stub asks for nothing."""
    assert judge.vet(GREET) == []


def test_the_same_is_judged_the_same(judge: Judge) -> None:
    """Scripts are drawn alike in every process, and recorded with the inputs."""
    other = Judge()
    found = [decide(each, GREET, GREETS) for each in (judge, other, other)]
    other.close()
    assert found[0] == found[1] == found[2]


def test_what_was_asked_is_part_of_how_a_function_behaves(judge: Judge) -> None:
    """Two functions with the same results that ask for something else have other fingerprints."""
    loose = GREET.model_copy(update={"ensures": (), "cases": GREET.cases[1:]})
    fingerprints = {
        decide(judge, loose, source).fingerprint for source in (GREETS, GREETS.replace("Hello", "Hi"))
    }
    assert len(fingerprints) == 2


# -- what must be asked ----------------------------------------------------------------------------------------


def test_other_calls_than_an_example_promises_break_it(judge: Judge) -> None:
    """Both lists are shown."""
    loose = GREET.model_copy(update={"ensures": ()})
    assert told(decide(judge, loose, GREETS.replace("Hello", "Hi"))) == {
        "examples[goes out]": "greet('Ann', mailer) must ask for mailer.send('Ann', 'Hello Ann'), "
        "but asked for mailer.send('Ann', 'Hi Ann')"
    }


def test_a_script_must_be_used_up(judge: Judge) -> None:
    """An answer nobody asks for breaks the example, whether or not it lists calls."""
    given = {"to": "Ann", "mailer": {"send": [{"returns": 7}, {"returns": 8}]}}
    loose = GREET.model_copy(update={"cases": (Case(name="two", given=given, returns=7),)})
    assert told(decide(judge, loose, GREETS)) == {
        "examples[two]": "greet('Ann', mailer) must ask for mailer.send 2 times, not 1"
    }


def test_a_rule_speaks_of_calls(judge: Judge) -> None:
    """They are told with it."""
    message = told(decide(judge, PLAIN, GREETS.replace("Hello", "Hi")))["ensures[0]"]
    assert message == (
        "greet('0', mailer) with mailer.send returning 0 returned 0, and asked for mailer.send('0', 'Hi 0'), "
        f"and '{GREET.ensures[0].rule}' is false"
    )


def test_arguments_of_the_wrong_type_break_ports(judge: Judge) -> None:
    """As values of their types and constraints, not only of their Python types."""
    typed = _typed_mailer()
    source = GREETS.replace("send(to", "send(to + '!'")
    assert told(decide(judge, typed, source)) == {
        "ports": "greet('a', mailer) asked for mailer.send with a wrong 'to': 'a!' does not match the pattern [a-z]*"
    }
    assert told(decide(judge, typed, GREETS)) == {}


def _typed_mailer() -> Contract:
    send = GREET.ports["Mailer"].methods[0]
    typed = send.model_copy(update={"params": (Param(name="to", type="Word"), send.params[1])})
    update = {
        "types": {"Word": TypeAlias(type="str", pattern="[a-z]*")},
        "params": (Param(name="to", type="Word"), GREET.params[1]),
        "ports": {"Mailer": Port(methods=(typed,))},
        "cases": (),
        "ensures": (),
    }
    return GREET.model_copy(update=update)


def test_what_is_not_among_the_calls_breaks_ports(judge: Judge) -> None:
    """Even where the port has it."""
    source = GREETS.replace("    return", "    mailer.drop()\n    return")
    assert broken(decide(judge, PLAIN, source)) == ["ports"]


# -- how failures of ports count -------------------------------------------------------------------------------


def test_an_error_that_always_came_must_go_up(judge: Judge) -> None:
    """A function that returns all the same has swallowed it."""
    source = GREETS.replace("    return mailer", "    try:\n        return mailer")
    source += "    except MailerDown:\n        return 7\n"
    message = str(told(decide(judge, PLAIN, source))["raises"])
    assert message.startswith("mailer.send raised MailerDown each time it was called, and greet(")
    assert message.endswith(", mailer) returned 7")


def test_an_error_that_always_came_goes_up_as_itself(judge: Judge) -> None:
    """Another error that the contract allows is not what came."""
    both = PLAIN.model_copy(update={"raises": (*PLAIN.raises, Raise(error="LookupError")), "ensures": ()})
    source = GREETS.replace("    return mailer", "    try:\n        return mailer")
    turned = source + "    except MailerDown:\n        raise LookupError from None\n"
    message = str(told(decide(judge, both, turned))["raises"])
    assert message.startswith("mailer.send raised MailerDown each time it was called, and greet(")
    assert message.endswith(", mailer) raised LookupError")
    handles = both.model_copy(update={"handles": ("MailerDown",)})
    assert told(decide(judge, handles, turned)) == {}


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        ("paid + amount", ""),
        ("paid // 0", ""),
        ("str(paid)", "Bank.pay, sets paid: 'str(paid)' gives what is no int: '0' is not an int"),
        ("9**9**9", "'9**9**9' takes longer than 1 s to evaluate"),
    ],
)
def test_doubles_are_tried_before_code_is_asked_for(rule: str, complaint: str) -> None:
    """A value of another type and an endless rule are found; one that fails may need what is remembered later."""
    pay = Method(name="pay", params=(Param(name="amount", type="int"),), sets={"paid": rule})
    paying = contract(
        params={"n": "int", "bank": "Bank"},
        ports={"Bank": Port(methods=(pay,), memory=(Param(name="paid", type="int"),))},
        calls=("bank.pay",),
        ensures=("result == n + 1",),
    )
    judge = Judge(rule_seconds=1.0)
    found = [message for _, message in judge.vet(paying)]
    judge.close()
    assert found == ([complaint] if complaint else [])


def test_an_error_may_be_retried(judge: Judge) -> None:
    """What came through in the end is no swallowed error."""
    loose = PLAIN.model_copy(update={"ensures": ()})
    source = GREETS + "\nonce = greet\ndef greet(to, mailer):\n    for _ in range(3):\n        try:\n"
    source += "            return once(to, mailer)\n        except MailerDown:\n            pass\n"
    source += "    return once(to, mailer)\n"
    assert told(decide(judge, loose, source)) == {}


def test_an_error_may_be_handled_where_nothing_says_it_goes_up(judge: Judge) -> None:
    """It is not under 'raises'."""
    handles = PLAIN.model_copy(
        update={
            "raises": GREET.raises[:1],
            "handles": ("MailerDown",),
            "ensures": (Rule(rule="result == 7"),),
        }
    )
    source = GREETS.replace("    return mailer", "    try:\n        mailer")
    source += "    except MailerDown:\n        pass\n    return 7\n"
    assert told(decide(judge, handles, source)) == {}
    message = told(decide(judge, handles, GREETS.replace("return mailer", "mailer") + "    return 7\n"))[
        "raises"
    ]
    assert message is not None
    assert message.endswith(
        "with mailer.send raising MailerDown raised MailerDown, which its contract does not allow"
    )


def test_every_way_to_fail_is_among_the_inputs() -> None:
    """Of every method that may be called, every error, always; and answers of its type."""
    methods = (
        Method(name="a", returns="Kind", raises=("OSError", "KeyError")),
        Method(name="b", raises=("OSError",)),
        Method(name="c", returns="int", raises=("OSError",)),
    )
    asks = contract(
        {"p": "P", "q": "P"},
        types={"Kind": TypeEnum(values=("x", "y"))},
        ports={"P": Port(methods=methods)},
        calls=("p.a", "p.b", "q.a"),
    )
    clauses = Clauses(asks)
    drawn = corpus(asks, clauses.types, allowed=lambda _: True, seed_number=3, count=5)
    always = {
        (f"{name}.{method}", replies[0].raises)
        for arguments in drawn
        for name, script in zip(clauses.names, arguments, strict=True)
        for method, replies in script.replies.items()
        if len(replies) == 1 and replies[0].raises
    }
    assert always >= {(each.asked, each.error) for each in failings(asks)}
    assert {tuple(script.replies) for script, _ in drawn} == {("a", "b")}
    kinds = set(clauses.types.classes["Kind"])
    assert {reply.value for _, script in drawn for reply in script.replies["a"] if not reply.raises} == kinds


def test_inputs_with_scripts_are_recorded() -> None:
    """What was drawn and what is read back are the same."""
    clauses = Clauses(GREET)
    recording = Recording()
    drawn = generated_trials(clauses, "working", 20, recording)
    again = generated_trials(clauses, "working", 20, Recording(recording.render()))
    assert [trial.arguments for trial in drawn] == [trial.arguments for trial in again]
    assert any(Reply(raises="MailerDown") in trial.arguments[1].replies["send"] for trial in drawn)


def test_no_answer_is_on_its_way_to_unread_code() -> None:
    """What is sent of a port is its shape alone."""
    (call, *_) = [
        Clauses(GREET).call(trial) for trial in [("Ann", Clauses(GREET).arguments(GREET.cases[0].given)[1])]
    ]
    assert call.arguments == ("Ann", Clauses(GREET).stage(()).placeholder("mailer"))


# -- async, and functions of other specs -------------------------------------------------------------------------


def test_an_async_function_is_judged_like_any_other(judge_of_a_level: Judge) -> None:
    """It waits for its ports and is driven to its end."""
    send = GREET.ports["Mailer"].methods[0].model_copy(update={"is_async": True})
    waits = GREET.model_copy(update={"is_async": True, "ports": {"Mailer": Port(methods=(send,))}})
    source = GREETS.replace("def greet", "async def greet").replace("return mailer", "return await mailer")
    assert told(decide(judge_of_a_level, waits, source)) == {}
    assert "returns" in broken(decide(judge_of_a_level, waits, source.replace("await ", "")))
    assert "returns" in broken(decide(judge_of_a_level, PLAIN, source))


def test_rules_call_functions_of_other_specs_by_their_name(judge: Judge) -> None:
    """The program knows them by the spec's."""
    callee = Callee(function="money.tax", signature="def tax(x: int) -> int:", summary="")
    waits = Callee(function="money.fee", signature="async def fee(x: int) -> int:", summary="")
    promised = contract({"x": "int"}, ensures=["result == x + tax(x) + fee(x)"], uses=(callee, waits))
    modules: dict[str, Any] = {
        "money.tax": "def tax(x):\n    return x * 2\n",
        "money.fee": "async def fee(x):\n    return 1\n",
    }
    source = "from ..money.tax import tax\ndef f(x):\n    return x + tax(x) + 1\n"
    assert told(decide(judge, promised, source, **modules)) == {}
    assert broken(decide(judge, promised, source.replace("+ 1", "+ 2"), **modules)) == ["ensures[0]"]


# -- contracts held against themselves ----------------------------------------------------------------------------


def case(send: list[Any], calls: tuple[PortCall, ...] | None = None, **more: Any) -> Case:
    given = {"to": "Ann", "mailer": {"send": send}}
    return Case(name="it", given=given, calls=calls, **{"returns": 7, **more})


HELLO = PortCall(method="mailer.send", arguments={"to": "Ann", "body": "Hello Ann"})
OTHER = PortCall(method="mailer.send", arguments={"to": "Ann", "body": "Hi"})


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        (case([{"returns": 7}], (HELLO, HELLO)), "under 'calls' it asks for mailer.send 2 times, and its script answers once"),
        (case([{"returns": 7}], ()), "under 'calls' it asks for mailer.send never, and its script answers once"),
        (case([{"returns": 7}], (OTHER,)), f"it promises 7, but '{GREET.ensures[0].rule}' is false for that"),
    ],
)  # fmt: skip
def test_a_case_that_cannot_be_kept_is_found(judge: Judge, wrong: Case, complaint: str) -> None:
    """Its calls against its script, and against the rules that speak of them."""
    found = judge.vet(GREET.model_copy(update={"cases": (wrong,)}))
    assert found == [("examples[it]", complaint)]


def test_a_case_that_does_not_list_its_calls_contradicts_no_rule_about_them(judge: Judge) -> None:
    """What it asks is not said."""
    assert judge.vet(GREET.model_copy(update={"cases": (case([{"returns": 7}]), *GREET.cases[1:])})) == []


def test_a_stub_that_keeps_a_contract_with_ports_is_found(judge: Judge) -> None:
    """One whose examples and rules ask for nothing."""
    lax = GREET.model_copy(
        update={"ensures": (), "raises": GREET.raises[1:], "cases": (Case(name="a", given={"to": "", "mailer": {}}, returns=7),)}
    )  # fmt: skip
    assert judge.vet(lax) == [
        ("contract", "'return 7' keeps every clause; add an example or a rule that it breaks")
    ]


def test_proposed_cases_are_read_with_their_scripts(judge: Judge) -> None:
    """They are admitted in canonical form, and refused for what they hold."""
    spec = GREET.model_copy(update={"cases": ()})
    proposed = [
        case([{"returns": 7}], (HELLO,)),
        case([{"returns": 7}, {"returns": 8}], (HELLO,)),
        case([{"returns": "7"}], (HELLO,)),
        case([{"raises": "Lost"}], (HELLO,)),
        case([{"returns": 9}], (PortCall(method="mailer.drop"),)),
        case([{"returns": 9}], (PortCall(method="mailer.send", arguments={"to": "Ann"}),)),
    ]
    cases, _, refused = judge.admit(spec, cases=proposed, rules=["len(calls) == 1"], independent=True)
    assert cases == (proposed[0],)
    assert list(refused) == [
        "case 'it': under 'calls' it asks for mailer.send once, and its script answers 2 times",
        "case 'it': '7' is not a whole number",
        "case 'it': 'send' does not raise 'Lost'; it raises MailerDown",
        "case 'it': it asks for 'mailer.drop', which the function may not call",
        "case 'it': it passes to to mailer.send, which takes body, to",
        "rule 'len(calls) == 1': no near miss of a promised result breaks it",
    ]


def test_rules_never_settle_what_is_asked(judge: Judge) -> None:
    """So an implementer proposes no case of a function with ports to be judged by."""
    settled = GREET.model_copy(update={"cases": (), "ensures": (Rule(rule="result == 7"),)})
    cases, _, _ = judge.admit(settled, cases=[case([{"returns": 7}])], rules=(), independent=False)
    assert cases == ()
