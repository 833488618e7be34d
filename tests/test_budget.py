"""What a run may cost: checked before each call by the most it could cost, counted by what it did."""

import json
import random
import threading
import time
from decimal import Decimal
from pathlib import Path

import pytest
from servers import RIGHT, SMALL, Answer, ModelServer, Project, interrupt, python
from servers import _openai as answered

from pipeline.budget import TOKENS_OF_A_CALL, TOKENS_OF_A_MESSAGE, Amount, Budget, Ceilings
from pipeline.errors import BudgetError, UnavailableError
from pipeline.llm.port import Message, Reply, Request
from pipeline.llm.providers import ProviderSettings

PROVIDERS = {"fake": ProviderSettings(protocol="openai", base_url="http://127.0.0.1:9/v1")}
PRICES = {"fake": {"input": 1.0, "output": 10.0}}
REQUEST = Request(
    model="m", system="", messages=(Message("user", "x" * 1000),), max_tokens=1000, role="implementer"
)
MOST_IN = TOKENS_OF_A_CALL + 2 * TOKENS_OF_A_MESSAGE + 1000
MOST_USD = (MOST_IN * 1 + 1000 * 10) / 1e6


def budget(**ceilings) -> Budget:
    return Budget(Ceilings.model_validate({"prices": PRICES, **ceilings}), PROVIDERS, environ={})


def reply(tokens_in: int = 100, tokens_out: int = 50, **more: int) -> Reply:
    return Reply(text="", stop="end", tokens_in=tokens_in, tokens_cached=0, tokens_out=tokens_out, **more)


def spend(purse: Budget, answer: Reply, *, entry: str = "fake:m", subject: str = "s.f") -> None:
    with purse.reserved(entry, REQUEST, subject) as reservation:
        reservation.settle(answer)


def total(purse: Budget):
    spending = purse.spending()
    assert spending is not None
    return spending.total


def test_the_most_a_call_can_cost_is_every_byte_and_the_longest_reply() -> None:
    """No tokenizer has more tokens than bytes; what has no price is counted apart; people and one's own machine are free."""
    assert budget().at_most("fake:m", REQUEST) == Amount(Decimal(str(MOST_USD)), MOST_IN + 1000, 0, 1)
    assert budget(prices={}).at_most("fake:m", REQUEST) == Amount(
        Decimal(0), MOST_IN + 1000, MOST_IN + 1000, 1
    )
    for free in ("local", "handoff", "handoff:me"):
        assert budget().at_most(free, REQUEST).usd == 0
        assert budget().at_most(free, REQUEST).unpriced == 0


def test_a_call_that_could_cost_more_than_is_left_is_not_made() -> None:
    """The message names what, how much is spent, what the call could come to, and the key to raise."""
    purse = budget(usd=MOST_USD)
    spend(purse, reply())
    with pytest.raises(BudgetError) as caught, purse.reserved("fake:m", REQUEST, "s.g"):
        pytest.fail("the call was made")
    assert caught.value.function is None
    assert caught.value.exit_code == 7
    assert str(caught.value) == (
        "s.g: the ceiling of 0.0115 USD a run: 0.0006 USD spent, and the next call to fake:m could come to "
        "0.0115 USD; raise `usd` under [tool.drystone.budget], or give --max-usd"
    )


def test_a_functions_own_ceiling_ends_that_function_alone() -> None:
    """Another one may still ask, and so may who looks at the whole spec."""
    purse = budget(usd_per_function=MOST_USD)
    spend(purse, reply())
    with pytest.raises(BudgetError, match=r"raise `usd_per_function` under") as caught:
        spend(purse, reply())
    assert caught.value.function == "s.f"
    spend(purse, reply(), subject="s.g")
    spend(purse, reply(), subject="s")
    spend(purse, reply(), subject="s")


@pytest.mark.parametrize(
    ("ceilings", "entry", "word"),
    [
        ({"tokens": 3000}, "local", "`tokens`"),
        ({"tokens_per_function": 3000}, "handoff", "`tokens_per_function`"),
        ({"attempts": 1}, "fake:m", "`attempts`"),
        ({"attempts_per_function": 1}, "fake:m", "`attempts_per_function`"),
        ({"prices": {}, "tokens": 3000}, "fake:m", "--max-tokens"),
    ],
)
def test_tokens_and_attempts_have_ceilings_too(ceilings, entry: str, word: str) -> None:
    """Where they are configured they count whatever the model costs."""
    purse = budget(**ceilings)
    spend(purse, reply(500, 500), entry=entry)
    with pytest.raises(BudgetError, match=word):
        spend(purse, reply(), entry=entry)


def test_a_model_of_unknown_price_is_held_to_tokens() -> None:
    """A million a run and a hundred thousand a function unless configured; one line says so at the start."""
    purse = budget(prices={})
    assert str(purse.notice(["local", "fake:m"])).startswith(
        "what fake:m charges is not known here: held to 1,000,000"
    )
    assert budget().notice(["local", "fake:m"]) is None
    for number in range(9):
        spend(purse, reply(99_000, 0), subject=f"s.f{number}")
        with pytest.raises(BudgetError, match=r"its ceiling of 100,000 tokens: 99,000 tokens spent"):
            spend(purse, reply(), subject=f"s.f{number}")
    spend(purse, reply(97_000 + 9_500, 0), subject="s.last")
    with pytest.raises(
        BudgetError, match=r"the ceiling of 1,000,000 tokens a run.*\[tool.drystone.budget.prices\]"
    ):
        spend(purse, reply(), subject="s.more")
    assert total(purse).usd == 0
    assert total(purse).unpriced_tokens == 9 * 99_000 + 106_500


@pytest.mark.parametrize(
    ("ceilings", "told"),
    [
        ({"usd": 0.000012, "usd_per_function": -0.0}, "0.000012 USD a run; 0 USD a function"),
        ({"attempts": 1, "minutes": 1.5}, "5 USD, 1 attempt, 1.5 minutes a run; 0.5 USD a function"),
        ({"tokens": 2000, "minutes": 1}, "5 USD, 2,000 tokens, 1 minute a run; 0.5 USD a function"),
    ],
)
def test_ceilings_are_told_as_they_are(ceilings, told: str) -> None:
    """However small, and one of a thing in the singular."""
    assert Ceilings.model_validate(ceilings).told() == told


def test_time_ends_asking() -> None:
    """A run after its minutes, a function after its own, counted from its first question."""
    now = [0.0]
    ceilings = Ceilings.model_validate({"minutes": 10, "minutes_per_function": 1, "prices": PRICES})
    purse = Budget(ceilings, PROVIDERS, clock=lambda: now[0])
    spend(purse, reply())
    now[0] = 59
    spend(purse, reply())
    now[0] = 60
    with pytest.raises(BudgetError, match=r"its ceiling of 1 minute has passed") as caught:
        spend(purse, reply())
    assert caught.value.function == "s.f"
    spend(purse, reply(), subject="s.g")
    now[0] = 600
    with pytest.raises(
        BudgetError, match=r"the ceiling of 10 minutes a run has passed.*--max-minutes"
    ) as caught:
        spend(purse, reply(), subject="s.h")
    assert caught.value.function is None


def test_time_ends_asking_again_too() -> None:
    """Also where it passed while a question waited for its turn."""
    now = [0.0]
    purse = Budget(Ceilings.model_validate({"minutes": 1, "prices": PRICES}), PROVIDERS, clock=lambda: now[0])
    with purse.reserved("fake:m", REQUEST, "s.f") as reservation:
        reservation.check_time()
        now[0] = 60
        for late in (reservation.check_time, lambda: reservation.again(0)):
            with pytest.raises(BudgetError, match="has passed"):
                late()


def test_a_failed_call_costs_nothing_unless_replies_were_lost() -> None:
    """What may have been charged counts with the most it can cost; the room it held is free again either way."""
    purse = budget(usd=MOST_USD * 2)
    lost = UnavailableError("timeout")
    lost.lost = 1
    for error, spent in ((UnavailableError("refused"), 0), (lost, MOST_USD)):
        with pytest.raises(UnavailableError), purse.reserved("fake:m", REQUEST, "s.f"):
            raise error
        assert (purse.spending() is None) == (spent == 0)
    assert total(purse).usd == pytest.approx(MOST_USD)
    assert (total(purse).calls, total(purse).lost) == (0, 1)
    spend(purse, reply(0, 0))
    assert total(purse).attempts == 1


def test_replies_lost_on_the_way_to_one_that_came_are_counted() -> None:
    """Each with the most it can have cost; the question is one attempt however often it is sent."""
    purse = budget(attempts=1)
    with purse.reserved("fake:m", REQUEST, "s.f") as reservation:
        reservation.again(1)
        reservation.again(0)
        reservation.again(1)
        reservation.settle(reply(0, 0))
    assert total(purse).usd == pytest.approx(2 * MOST_USD)
    assert (total(purse).tokens_out, total(purse).attempts, total(purse).lost) == (0, 1, 2)


def test_what_was_lost_leaves_less_for_asking_again() -> None:
    """It counts before the question is sent again, which needs room like a new one."""
    purse = budget(usd_per_function=MOST_USD * 2.5)
    with purse.reserved("fake:m", REQUEST, "s.f") as reservation:
        reservation.again(1)
        with pytest.raises(BudgetError, match="its ceiling of") as caught:
            reservation.again(1)
    assert caught.value.function == "s.f"
    assert total(purse).usd == pytest.approx(2 * MOST_USD)
    assert total(purse).lost == 2


def test_two_that_lost_replies_do_not_wait_for_each_other() -> None:
    """Where there is room for one of them, it goes on, and the other waits for it."""
    purse = budget(usd=MOST_USD * 3.5, usd_per_function=99)
    both = threading.Barrier(2)

    def ask(subject: str) -> None:
        with purse.reserved("fake:m", REQUEST, subject) as reservation:
            both.wait(5)
            reservation.again(1)
            reservation.settle(reply())

    threads = [threading.Thread(target=ask, args=(f"s.{name}",), daemon=True) for name in "fg"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert (total(purse).calls, total(purse).lost) == (2, 2)


def test_what_the_store_answers_costs_nothing() -> None:
    """It is counted as what it is."""
    purse = budget(usd=0)
    purse.found("fake:m", "s.f", "implementer")
    assert (total(purse).stored, total(purse).calls, total(purse).usd) == (1, 0, 0)
    with pytest.raises(BudgetError):
        spend(purse, reply())


def test_calls_under_way_are_waited_for_where_they_leave_too_little() -> None:
    """They may turn out cheaper than the most they could cost; nobody is refused before that is known."""
    purse = budget(usd=MOST_USD * 1.5)
    order: list[str] = []

    def second() -> None:
        spend(purse, reply(), subject="s.g")
        order.append("second")

    thread = threading.Thread(target=second)
    with purse.reserved("fake:m", REQUEST, "s.f") as reservation:
        thread.start()
        thread.join(0.2)
        order.append("first")
        reservation.settle(reply())
    thread.join(5)
    assert order == ["first", "second"]


def test_what_is_under_way_at_the_end_counts_as_lost() -> None:
    """With the most it can cost; not what is free, and not what a batch goes on with."""
    purse = budget()
    with (
        purse.reserved("fake:m", REQUEST, "s.f"),
        purse.reserved("handoff", REQUEST, "s.g"),
        purse.reserved("fake:m", REQUEST, "s.h", batched=True),
    ):
        spending = purse.end()
    assert spending is not None
    assert [each.subject for each in spending.subjects] == ["s.f"]
    assert (spending.total.lost, spending.total.usd) == (1, pytest.approx(MOST_USD))


def test_no_run_spends_more_than_its_ceiling_however_many_ask_at_once() -> None:
    """Thirty threads, replies of every length: at the end less than the most of one call is left over."""
    purse = budget(usd=MOST_USD * 40, usd_per_function=99)
    refused: list[BudgetError] = []

    def work(number: int) -> None:
        chance = random.Random(number)
        try:
            while True:
                with purse.reserved("fake:m", REQUEST, f"s.f{number}") as reservation:
                    time.sleep(chance.random() / 500)
                    reservation.settle(reply(chance.randint(1, MOST_IN), chance.randint(1, 1000)))
        except BudgetError as error:
            refused.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(refused) == 30
    assert MOST_USD * 39 < total(purse).usd <= MOST_USD * 40
    spending = purse.spending()
    assert spending is not None
    assert total(purse).usd == pytest.approx(sum(each.usd for each in spending.subjects))
    assert total(purse).calls == sum(each.calls for each in spending.subjects)


# -- through the command -------------------------------------------------------------------------------------

PRICED = "[tool.drystone.budget.prices]\nfake = {input = 100, output = 1000, cached = 10}\n"


@pytest.fixture
def project(server: ModelServer, tmp_path: Path) -> Project:
    server.reset()
    server.answers, server.fault = dict(RIGHT), lambda _: None
    made = Project(tmp_path, server)
    made.write_spec("small", SMALL)
    return made


def dear(text: str) -> Answer:
    """An answer almost as dear as it could have been: 8.1 USD at these prices."""
    usage = {"prompt_tokens": 1000, "completion_tokens": 8000}
    return Answer(body=json.dumps({**answered(Answer(text)), "usage": usage}))


def test_a_run_stops_before_its_ceiling_and_the_next_one_goes_on(
    project: Project, server: ModelServer
) -> None:
    """It exits with 7; what landed stays, nothing is paid for twice, and the figures add up."""
    project.configure(more=f"{PRICED}[tool.drystone.budget]\nusd_per_function = inf\n")
    server.answers = {name: [dear(str(answers[0]))] for name, answers in RIGHT.items()}
    first = project.run("generate", "--json", "--max-usd", "17.5")
    assert first.code == 7
    assert first.report["error"]["type"] == "BudgetError"
    assert "small.quadruple: the ceiling of 17.5 USD a run: 16.2 USD" in first.report["error"]["message"]
    assert sorted(server.functions()) == ["double", "limit"]
    spent = first.report["spending"]["total"]
    assert (spent["calls"], spent["attempts"], spent["usd"]) == (2, 2, pytest.approx(16.2))
    assert (spent["tokens_in"], spent["tokens_cached"], spent["tokens_out"]) == (2000, 0, 16_000)
    last = project.run("generate", "--json", "--max-usd", "inf")
    assert last.code == 0
    assert server.functions()[2:] == ["quadruple"]
    assert last.report["spending"]["total"]["usd"] == pytest.approx(8.1)


def test_a_question_is_not_repeated_past_a_ceiling(project: Project, server: ModelServer) -> None:
    """Each reply that came damaged may have cost the most; two are 17 of 20 USD, so it is not sent a third time."""
    damaged = Answer(body='{"choices": []}')
    server.fault = lambda asked: damaged if asked.function == "double" else None
    project.configure(more=f"{PRICED}[tool.drystone.budget]\nusd_per_function = 20\n")
    run = project.run("generate", "--json", "--max-usd", "inf")
    assert run.code == 7
    assert server.functions().count("double") == 2
    spent = {each["subject"]: each for each in run.report["spending"]["subjects"]}["small.double"]
    assert (spent["lost"], spent["calls"]) == (2, 0)
    assert 16 < spent["usd"] < 20


def test_an_interrupted_run_tells_what_it_may_have_cost(project: Project, server: ModelServer) -> None:
    """Calls that were under way are in the table, though nothing had come back."""
    server.answers = {name: [Answer("late", delay_seconds=5)] for name in RIGHT}
    project.configure(more=f"{PRICED}[tool.drystone.budget]\nusd = inf\nusd_per_function = inf\n")
    process = project.start("generate")
    while len(server.asked) < 2:
        time.sleep(0.05)
    code, out, err = interrupt(process)
    assert code == 130
    assert "interrupted" in err
    assert "2 calls brought no whole reply; counted with the most they can have cost" in out
    assert [line.split()[0] for line in out.splitlines() if line.startswith("small.")] == [
        "small.double",
        "small.limit",
    ]


def test_minutes_end_repetitions(project: Project, server: ModelServer) -> None:
    """A server that fails is not asked for as long as it may fail."""
    server.fault = lambda _: Answer("x", status=500, headers={"retry-after": "1"})
    project.configure(provider="outage_seconds = 30")
    run = project.run("generate", "--json", "--max-minutes", "0.1")
    assert server.asked
    assert run.code == 7
    assert "has passed" in run.report["error"]["message"]


def test_a_functions_ceiling_fails_it_and_no_other(project: Project, server: ModelServer) -> None:
    """Its report says so, the rest lands, and the run exits with 7; the table is for people."""
    server.answers["limit"] = [python("def limit(n):\n    return n\n")]
    project.configure(more="[tool.drystone.budget]\nattempts_per_function = 1\n")
    run = project.run("generate")
    assert run.code == 7
    assert "drystone: small.limit: its ceiling of 1 attempt: 1 attempt spent" in run.err
    assert "small.limit: failed (small.limit: its ceiling" in run.out
    assert "2 landed; 1 failed" in run.out
    table = [line.split() for line in run.out.splitlines()]
    assert ["small.double", "1", "0", "40", "60", "10", "?", "1"] in table
    assert ["total", "3", "0", "120", "180", "30", "?", "3"] in table
    assert "? 330 tokens of unknown price: fake:m1" in run.out
    assert "what fake:m1 charges is not known here" in run.err


def test_a_plan_says_the_worst_and_the_ceilings(project: Project, server: ModelServer) -> None:
    """For each function and in all; asking nobody."""
    project.configure(more=PRICED)
    run = project.run("generate", "--plan", "--json")
    most = [function["most"] for function in run.report["functions"]]
    assert run.report["most"]["tokens"] == sum(each["tokens"] for each in most)
    assert run.report["most"]["usd"] == pytest.approx(sum(each["usd"] for each in most))
    assert all(each["usd"] > 3 * 8.192 for each in most)
    assert run.report["ceilings"] == "5 USD a run; 0.5 USD a function"
    assert "in all at most" in project.run("generate", "--plan").out
    assert server.asked == []


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("usd = -1", "[tool.drystone.budget] usd: input should be greater than or equal to 0"),
        ("usd = nan", "[tool.drystone.budget] usd: input should be"),
        ("usd = true", "[tool.drystone.budget] usd: input should be a number"),
        ("attempts = true", "[tool.drystone.budget] attempts: input should be a number"),
        ("prices = {m = {input = true, output = 1}}", "prices.m] input: input should be a number"),
        ("usdd = 1", "[tool.drystone.budget]: unknown key 'usdd'; did you mean 'usd'?"),
        ("prices = {m = {inputs = 1, output = 1}}", "unknown key 'inputs'; did you mean 'input'?"),
    ],
)
def test_a_wrong_budget_is_named(project: Project, text: str, complaint: str) -> None:
    """As any other key."""
    project.configure(more=f"[tool.drystone.budget]\n{text}\n")
    run = project.run("generate", "--plan")
    assert run.code == 2
    assert complaint in run.err


@pytest.mark.parametrize("option", ["--max-usd", "--max-minutes"])
def test_what_is_not_a_number_is_no_ceiling(project: Project, option: str) -> None:
    """On the command line as in the file."""
    run = project.run("generate", option, "nan")
    assert run.code == 2
    assert f"Invalid value for '{option}': 'nan' is not a number" in run.err


def test_a_ceiling_reached_before_any_function_is_told_with_what_was_spent(
    project: Project, server: ModelServer
) -> None:
    """Whoever is asked about whole specs is part of the table."""
    project.configure(more="[tool.drystone.budget]\ntokens = 20_000\n")
    project.write_spec("another", SMALL.replace("spec: small", "spec: another"))
    server.answers["architect:contracts"] = [dear('{"contradictions": []}')]
    run = project.run("generate", "--json", "--reviewer", "fake:m1")
    assert run.code == 7
    assert [each["subject"] for each in run.report["spending"]["subjects"]] == ["another (reviewer)"]
    assert run.report["spending"]["total"]["tokens_out"] == 8000
    assert [asked.role for asked in server.asked] == ["architect"]
