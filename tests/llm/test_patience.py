"""When a question is asked again, when not, and how many go out together. Over no network."""

import threading
import time

import pytest

from pipeline.errors import BudgetError, CredentialsError, ProviderError, RateLimitError, UnavailableError
from pipeline.llm import patience
from pipeline.llm.connection import Connection
from pipeline.llm.patience import Line, Patient, Payer, watched
from pipeline.llm.port import Model, Reply

REPLY = Reply(text="x", stop="end", tokens_in=1, tokens_cached=0, tokens_out=1)


class Script(Model):
    """Answers with its outcomes in order, the last one again and again."""

    def __init__(self, *outcomes):
        self.outcomes = list(outcomes)
        self.calls = []
        self.lock = threading.Lock()

    def ask(self, request):
        with self.lock:
            self.calls.append((request.seed, time.monotonic()))
            outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
            outcome = outcome(request) if callable(outcome) else outcome
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def close(self):
        pass


def trouble(kind, pause_seconds=None):
    error = RateLimitError if kind == "limited" else UnavailableError
    return error("mine:small-1: oops.", trouble=kind, pause_seconds=pause_seconds)


class Purse(Payer):
    """Pays for so many repetitions."""

    def __init__(self, repetitions=99):
        self.repetitions = repetitions
        self.told = []
        self.in_time = True

    def check_time(self):
        if not self.in_time:
            raise BudgetError("too late")

    def again(self, lost):
        self.told.append(lost)
        if len(self.told) > self.repetitions:
            raise BudgetError("too dear")


def patient(*outcomes, **settings):
    return Patient(Script(*outcomes), Connection(provider="mine", **settings))


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """Pauses of milliseconds where the server names none."""
    monkeypatch.setattr(patience, "FIRST_PAUSE_SECONDS", 0.002)
    monkeypatch.setattr(patience, "LONGEST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(patience, "PROBE_PAUSE_SECONDS", 0.02)


@pytest.mark.parametrize("kind", ["limited", "overloaded", "out", "late", "damaged"])
def test_what_may_pass_is_asked_again(kind, request_of):
    """One failure of a kind that passes, then the reply; who pays hears in between of what may have been charged."""
    model, purse = patient(trouble(kind), REPLY), Purse()

    with watched(print, purse):
        assert model.ask(request_of()) == REPLY

    expected = 2
    assert expected == len(model.model.calls)
    assert [int(kind in {"late", "damaged"})] == purse.told


@pytest.mark.parametrize(("kind", "paid"), [("damaged", 1), ("late", 1), ("out", 7)])
def test_nothing_is_sent_again_that_nobody_pays_for(kind, paid, request_of):
    """What the payer raises ends the question, also one that has come to probing."""
    model, purse = patient(trouble(kind), outage_seconds=60), Purse(paid)

    with watched(print, purse), pytest.raises(BudgetError):
        model.ask(request_of())

    assert [int(kind != "out")] * (paid + 1) == purse.told
    assert paid + 1 == len(model.model.calls)


def test_nothing_is_sent_after_its_time(request_of):
    """However it came to wait; and its turn is free for others."""
    purse = Purse()

    def fail(_):
        purse.in_time = False
        return trouble("limited")

    model = patient(fail, REPLY, max_concurrency=1)

    with watched(print, purse), pytest.raises(BudgetError):
        model.ask(request_of())

    expected = 1
    assert expected == len(model.model.calls)
    assert model.ask(request_of()) == REPLY


@pytest.mark.parametrize("failure", [CredentialsError("no"), ProviderError("no"), RateLimitError("no")])
def test_what_stays_so_is_asked_once(failure, request_of):
    """A failure without trouble that passes ends it at once, and says which function was asked for."""
    model = patient(failure)

    with pytest.raises(type(failure), match=r"^shop\.add: no"):
        model.ask(request_of(subject="shop.add"))

    expected = 1
    assert expected == len(model.model.calls)


def test_a_bug_is_asked_once_and_frees_its_turn(request_of):
    """An exception that is no provider's passes through and blocks nobody."""
    model = patient(lambda _: {}["missing"], max_concurrency=1)

    for _ in range(2):
        with pytest.raises(KeyError):
            model.ask(request_of())


@pytest.mark.parametrize(("kind", "calls"), [("limited", 10), ("damaged", 3), ("late", 3)])
def test_repetitions_end(kind, calls, request_of):
    """A limit for each kind, and the message says how often it was tried."""
    model = patient(trouble(kind), outage_seconds=60)

    with pytest.raises(ProviderError, match=rf"^shop\.add: mine:small-1: oops\. It was asked {calls} times"):
        model.ask(request_of(subject="shop.add"))

    assert calls == len(model.model.calls)


def test_damage_of_a_server_that_is_known_is_borne_longer(request_of):
    """After a sound reply a damaged one is an accident; before it, the address may be wrong."""
    model = patient(REPLY, trouble("damaged"))
    model.ask(request_of())

    with pytest.raises(UnavailableError):
        model.ask(request_of())

    expected = 1 + 6
    assert expected == len(model.model.calls)


def test_the_pause_a_server_asks_for_is_the_least(request_of):
    """Jitter comes on top of Retry-After."""
    model = patient(trouble("limited", 0.2), REPLY)

    model.ask(request_of())

    (_, first), (_, second) = model.model.calls
    assert second - first >= 0.2


@pytest.mark.parametrize("kind", ["limited", "overloaded"])
def test_a_long_pause_is_reported_not_waited_for(kind, request_of):
    """A server that asks for more than two minutes ends the attempts."""
    model = patient(trouble(kind, patience.LONGEST_WAIT_SECONDS + 1))

    with pytest.raises(ProviderError, match="oops"):
        model.ask(request_of())

    expected = 1
    assert expected == len(model.model.calls)


def test_whoever_is_limited_waits_as_long_as_others_get_through(request_of):
    """Twenty 429 between replies to others are no reason to give a question up."""
    state = {"refused": 0}

    def outcome(request):
        if request.seed == 1 and state["refused"] < 20:
            state["refused"] += 1
            return trouble("limited")
        return REPLY

    model = patient(outcome)
    stop = threading.Event()

    def others():
        while not stop.is_set():
            model.ask(request_of(seed=2))
            time.sleep(0.0005)

    other = threading.Thread(target=others)
    other.start()
    try:
        assert model.ask(request_of(seed=1)) == REPLY
    finally:
        stop.set()
        other.join()
    expected = 20
    assert expected == state["refused"]


def test_too_many_calls_are_halved_once_and_come_back_one_by_one():
    """Calls refused together halve the limit once; a limit's worth of replies raises it by one, to its ceiling."""
    line = Line(Connection(provider="mine", max_concurrency=8))
    turns = [line.enter() for _ in range(8)]
    for turn in turns:
        line.leave(turn, trouble("limited"))
    limits = [line.limit]
    for _ in range(2):
        line.leave(line.enter(), trouble("overloaded"))
        line.leave(line.enter(), sound=True)
        limits.append(line.limit)
    line.leave(line.enter(), trouble("limited"))
    limits.append(line.limit)
    for _ in range(60):
        line.leave(line.enter(), sound=True)
    limits.append(line.limit)

    expected = [4, 2, 2, 1, 8]
    assert expected == limits


def test_no_more_calls_are_under_way_than_allowed(request_of):
    """Twelve threads, three calls at once."""
    state = {"now": 0, "most": 0}
    lock = threading.Lock()

    class Slow(Script):
        def ask(self, request):
            with lock:
                state["now"] += 1
                state["most"] = max(state.values())
            time.sleep(0.01)
            with lock:
                state["now"] -= 1
            return REPLY

    model = Patient(Slow(), Connection(provider="mine", max_concurrency=3))
    threads = [threading.Thread(target=model.ask, args=(request_of(),)) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    expected = 3
    assert expected == state["most"]


def test_whoever_waits_holds_no_turn(request_of):
    """With room for one call, another question is answered while the first one pauses."""
    model = patient(
        lambda asked: trouble("limited", 0.3) if asked.seed == 1 and len(model.model.calls) == 1 else REPLY,
        max_concurrency=1,
    )
    first = threading.Thread(target=model.ask, args=(request_of(seed=1),))
    first.start()
    time.sleep(0.05)
    model.ask(request_of(seed=2))
    first.join()

    expected = [1, 2, 1]
    assert expected == [seed for seed, _ in model.model.calls]


def test_an_outage_is_met_by_one_probe_at_a_time(request_of):
    """While the server is down nobody else calls; when it is back, all go on."""
    state = {"down": True, "now": 0}
    together = []

    class Down(Script):
        def ask(self, request):
            state["now"] += 1
            together.append(state["now"])
            time.sleep(0.02)
            state["now"] -= 1
            if state["down"]:
                raise trouble("out")
            return REPLY

    model = Patient(Down(), Connection(provider="mine", outage_seconds=60))
    replies = []
    threads = [threading.Thread(target=lambda: replies.append(model.ask(request_of()))) for _ in range(20)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    state["down"] = False
    while_down = together[16:]
    for thread in threads:
        thread.join(10)

    assert replies == [REPLY] * 20
    assert len(while_down) > 2
    expected = {1}
    assert expected == set(while_down)


def test_an_outage_uses_up_no_repetitions(request_of):
    """One question alone is patient for as long as the outage may last, and not for ten calls."""
    model = patient(*[trouble("out")] * 15, REPLY, outage_seconds=60)

    assert model.ask(request_of()) == REPLY


def test_a_long_outage_ends_for_everybody_at_once(request_of):
    """Nothing is sent after the server was given up, and every question says which one it was."""
    model = patient(trouble("out"), outage_seconds=0.1)
    told = []

    def ask(number):
        with pytest.raises(UnavailableError) as caught:
            model.ask(request_of(subject=f"shop.f{number}"))
        told.append(str(caught.value))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    calls = len(model.model.calls)
    with pytest.raises(UnavailableError, match="outage_seconds"):
        model.ask(request_of())

    assert calls == len(model.model.calls)
    expected = {f"shop.f{number}" for number in range(20)}
    assert expected == {text.partition(":")[0] for text in told}


def test_waiting_is_told_to_whoever_watches(request_of, monkeypatch):
    """What is waited for, and that it is over; short waits are not worth a word."""
    monkeypatch.setattr(patience, "WORTH_SHOWING_SECONDS", 0.05)
    model = patient(trouble("damaged"), trouble("limited", 0.06), REPLY)
    told = []

    with watched(told.append, Purse()):
        model.ask(request_of())

    expected = ["waiting 0 s: mine limits requests", ""]
    assert expected == told
