"""How far walks come: behind minimum waits, on from scenarios, and to what a contract alone forbids."""

from collections.abc import Iterator

import pytest

from pipeline.flows.records import FlowJudgement
from pipeline.records import Spec
from pipeline.specs import parse_spec
from pipeline.stages.judge import Judge, Part

SPEC = """\
spec: codes
summary: A login that is confirmed by a code.
types:
  Where: {enum: [pending, confirmed, gone]}
  Sends: {type: int, ge: 0, le: 9}
  Login: {fields: {user: str, at: Where, sent_at: "datetime | None", sends: Sends}}
errors:
  Down: No answer.
  TooSoon: The last code was sent less than ten minutes ago.
  TooLate: The last code was sent more than twelve minutes ago.
  TooOften: Three codes were sent.
ports:
  Sms:
    send: {params: {user: str}, raises: [Down]}
  Sessions:
    memory: {rows: "dict[str, int]"}
    open: {params: {user: str, sends: Sends}, raises: [Down], idempotent: true, sets: {rows: "{**rows, user: sends}"}}
    close: {params: {user: str}, raises: [Down], idempotent: true, sets: {rows: "{k: rows[k] for k in rows if k != user}"}}
functions:
  resend:
    summary: Send another code.
    params: {login: Login, now: datetime, sms: Sms}
    returns: Login
    requires: ["login.at == 'pending'"]
    raises:
      TooOften: login.sends >= 3
      TooSoon: login.sent_at is not None and now - login.sent_at < timedelta(minutes=10)
      TooLate: login.sent_at is not None and now - login.sent_at > timedelta(minutes=12)
      Down:
    ensures: ["result.sends == login.sends + 1", "result.sent_at == now"]
    examples:
      - given: {login: &new {user: ada, at: pending, sent_at: null, sends: 0}, now: 2026-01-01T10:00:00Z, sms: {send: [{returns: null}]}}
        returns: {user: ada, at: pending, sent_at: 2026-01-01T10:00:00Z, sends: 1}
  confirm:
    summary: Open a session.
    params: {login: Login, sessions: Sessions}
    returns: Login
    requires: ["login.at == 'pending'"]
    calls: [sessions.open]
    raises: [Down]
    ensures: ["result.at == 'confirmed'"]
    examples:
      - given: {login: *new, sessions: {open: [{returns: null}]}}
        returns: {user: ada, at: confirmed, sent_at: null, sends: 0}
  log_out:
    summary: Close the session.
    params: {login: Login, sessions: Sessions}
    returns: Login
    requires: ["login.at == 'confirmed'"]
    calls: [sessions.close]
    raises: [Down]
    ensures: ["result.at == 'gone'"]
    examples:
      - given: {login: {user: ada, at: confirmed, sent_at: null, sends: 0}, sessions: {close: [{returns: null}]}}
        returns: {user: ada, at: gone, sent_at: null, sends: 0}
flows:
  login:
    state: Login.at
    initial: pending
    terminal: [gone]
    transitions:
      - {from: pending, call: resend, to: pending}
      - {from: pending, call: confirm, to: confirmed}
      - {from: confirmed, call: log_out, to: gone}
    timeouts:
      - {state: pending, after: 1d, to: gone, since: sent_at}
      - {state: confirmed, after: 12h, to: gone, call: log_out}
    savepoints: [pending, confirmed]
    invariants: ["(login.at == 'confirmed') == (login.user in sessions.rows)"]
    scenarios:
      - name: well
        given: *new
        at: 2026-01-01T09:00:00Z
        steps:
          - {call: confirm, state: confirmed}
          - {call: log_out, state: gone}
"""
SOURCES = {
    "resend": """
from dataclasses import replace
from datetime import datetime, timedelta
from .types import Down, Login, Sms, TooLate, TooOften, TooSoon


def resend(login: Login, now: datetime, sms: Sms) -> Login:
    if login.sends >= 3:
        raise TooOften
    if login.sent_at is not None and now - login.sent_at < timedelta(minutes=10):
        raise TooSoon
    if login.sent_at is not None and now - login.sent_at > timedelta(minutes=12):
        raise TooLate
    sms.send(login.user)
    return replace(login, sent_at=now, sends=login.sends + 1)
""",
    "confirm": """
from dataclasses import replace
from .types import Login, Sessions, Where


def confirm(login: Login, sessions: Sessions) -> Login:
    sessions.open(login.user, login.sends)
    return replace(login, at=Where.CONFIRMED)
""",
    "log_out": """
from dataclasses import replace
from .types import Login, Sessions, Where


def log_out(login: Login, sessions: Sessions) -> Login:
    sessions.close(login.user)
    return replace(login, at=Where.GONE)
""",
}


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    opened = Judge()
    yield opened
    opened.close()


def judged(judge: Judge, spec_text: str = SPEC, **edits: tuple[str, str]) -> FlowJudgement:
    """What is said of the functions together, each with its edits."""
    spec = parse_spec("specs/codes.yaml", spec_text)
    assert isinstance(spec, Spec), [str(each) for each in spec]
    parts = {}
    for function in spec.functions:
        name = function.contract.function
        old, new = edits.get(name, ("", ""))
        assert old in SOURCES[name]
        parts[f"codes.{name}"] = Part(
            function.contract, SOURCES[name].replace(old, new) if old else SOURCES[name]
        )
    return judge.judge_flow("codes", spec.flows[0].flow, parts)


def broken(judgement: FlowJudgement) -> list[str]:
    return [clause.clause for clause in judgement.failures]


def test_what_is_right_passes_without_a_scenario_for_everything(judge: Judge) -> None:
    """No scenario resends: walks wait for as long as its rule says, and so get through it more than once."""
    assert broken(judged(judge)) == []


def test_a_fault_behind_two_minimum_waits_is_found(judge: Judge) -> None:
    """The session stays open after the second code alone, for which ten minutes must pass."""
    found = judged(
        judge,
        log_out=(
            "    sessions.close(login.user)",
            "    if login.sends != 2:\n        sessions.close(login.user)",
        ),
    )
    assert "invariants[0]" in broken(found)


def test_a_fault_behind_a_scenario_is_found(judge: Judge) -> None:
    """What no walk of few steps reaches is reached from where a scenario leads."""
    deep = SPEC.replace("le: 9", "le: 90").replace("login.sends >= 3", "login.sends >= 80").replace(
        "    scenarios:\n",
        "    scenarios:\n"
        "      - name: many codes\n"
        "        given: *new\n"
        "        at: 2026-01-01T09:00:00Z\n"
        "        steps:\n" + "          - {call: resend, wait: 11m}\n" * 20,
    )  # fmt: skip
    stays = "    if login.sends != 20:\n        sessions.close(login.user)"
    edits = {
        "resend": ("login.sends >= 3", "login.sends >= 80"),
        "log_out": ("    sessions.close(login.user)", stays),
    }
    assert "invariants[0]" in broken(judged(judge, deep, **edits))


def test_a_call_that_breaks_its_contract_in_a_walk_is_found(judge: Judge) -> None:
    """Every call of a walk is held against what its own contract promises, whatever the flow says."""
    found = judged(judge, resend=("    sms.send(login.user)", "    if login.sends == 1:\n        now += timedelta(1)\n    sms.send(login.user)"))  # fmt: skip
    (failure,) = [each for each in found.failures if each.clause == "contracts"]
    assert failure.message is not None
    assert "resend, ensures[1]: " in failure.message


def test_an_event_that_its_requirements_shut_out_is_told_what_to_do(judge: Judge) -> None:
    """A requirement is a promise of the flow, not a guard."""
    guarded = SPEC.replace("TooOften: login.sends >= 3", "TooOften:").replace(
        "    requires: [\"login.at == 'pending'\"]\n    raises:\n      TooOften",
        "    requires: [\"login.at == 'pending'\", login.sends < 3]\n    raises:\n      TooOften",
    )
    found = judged(judge, guarded, resend=("login.sends >= 3", "login.sends >= 9"))
    (failure,) = [each for each in found.failures if each.clause == "requires"]
    assert failure.message is not None
    assert "what an event may not do is an error under 'raises'" in failure.message
