"""What a run may cost, and what it has cost: ceilings that are checked before a call, by the most it could cost."""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Literal

from pipeline.ceilings import UNPRICED_TOKENS, Ceilings, render_amount
from pipeline.errors import BudgetError, ProviderError
from pipeline.llm.port import Reply, Request
from pipeline.llm.prices import Tariff, Tokens, find_tariff, usd_at_most
from pipeline.llm.providers import ProviderSettings
from pipeline.reports import Spending, Spent

TOKENS_OF_A_CALL = 500
TOKENS_OF_A_MESSAGE = 20
"""What a provider adds to a prompt, at most: its template, and its own words about a schema."""

Scope = Literal["", "_per_function"]


@dataclass(frozen=True, slots=True)
class Amount:
    """What calls cost, in each of the measures that have a ceiling."""

    usd: Decimal = Decimal(0)
    tokens: int = 0
    unpriced: int = 0
    """Those of the tokens whose price nobody knows."""
    attempts: int = 0

    def plus(self, other: "Amount") -> "Amount":
        return Amount(
            self.usd + other.usd,
            self.tokens + other.tokens,
            self.unpriced + other.unpriced,
            self.attempts + other.attempts,
        )

    def times(self, count: int) -> "Amount":
        return Amount(self.usd * count, self.tokens * count, self.unpriced * count, self.attempts * count)


@dataclass(slots=True)
class _Account:
    """What one function, or a whole run, has spent, and what its calls under way could cost."""

    began: float
    spent: Amount = field(default_factory=Amount)
    under_way: list["Reservation"] = field(default_factory=list)
    calls: int = 0
    stored: int = 0
    lost: int = 0
    fresh: int = 0
    cached: int = 0
    out: int = 0

    def promised(self) -> Amount:
        """What is spent, and what may be soon."""
        total = self.spent
        for reservation in self.under_way:
            total = total.plus(reservation.worst)
        return total

    def report(self, subject: str) -> Spent:
        return Spent(
            subject=subject, calls=self.calls, stored=self.stored, lost=self.lost,
            attempts=self.spent.attempts, tokens_in=self.fresh, tokens_cached=self.cached,
            tokens_out=self.out, usd=float(self.spent.usd), unpriced_tokens=self.spent.unpriced,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Reservation:
    """One call that may be made."""

    budget: "Budget"
    worst: Amount
    entry: str
    subject: str
    batched: bool
    accounts: tuple[_Account, _Account]
    """The run's, and that of the subject."""
    waiting: Callable[[], AbstractContextManager[None]]
    """Entered while it waits for room."""

    @property
    def limited(self) -> list[tuple[Scope, _Account]]:
        """The accounts that have ceilings: what is asked about a whole spec is held to the run's alone."""
        run, own = self.accounts
        return [("", run), ("_per_function", own)] if "." in self.subject else [("", run)]

    def check_time(self) -> None:
        """Raises BudgetError if the time for calls is over."""
        with self.budget.changed:
            self.budget.check_time(self)

    def again(self, lost: int) -> None:
        """Count replies that were lost, and ask for room for one call more; waits and raises as `Budget.reserved` does."""
        with self.budget.changed:
            self.lose(lost)
            self.release()  # two that hold room and want more would wait for each other
            self.budget.changed.notify_all()
            self.budget.take(self)

    def settle(self, reply: Reply) -> None:
        """Count what the call really cost, in the place of the most it could."""
        tokens = Tokens.of(reply)
        cost = replace(
            self.budget.cost(self.entry, reply, batched=self.batched), attempts=self.worst.attempts
        )
        with self.budget.changed:
            self.release()
            for account in self.accounts:
                account.spent = account.spent.plus(cost)
                account.calls += 1
                account.fresh += tokens.fresh
                account.cached += tokens.cached
                account.out += tokens.out

    def lose(self, count: int) -> None:
        """Count replies that never arrived whole, each with the most it can have cost."""
        each = replace(self.worst, attempts=0).times(count)
        with self.budget.changed:
            for account in self.accounts:
                account.spent = account.spent.plus(each)
                account.lost += count

    def release(self) -> None:
        for account in self.accounts:
            if self in account.under_way:
                account.under_way.remove(self)


class Budget:
    """The purse of one run. Safe to use from several threads."""

    def __init__(
        self,
        ceilings: Ceilings,
        providers: Mapping[str, ProviderSettings],
        *,
        samples: int | None = None,
        environ: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ceilings = ceilings
        self._providers = providers
        self._samples = samples
        """Where models are compared, how often each works on a function; each has the function's ceilings to itself."""
        self._environ = environ
        self._clock = clock
        self._tariffs: dict[str, Tariff | None] = {}
        self.changed = threading.Condition()
        """Held by whoever reads or writes an account; told whenever there may be room again."""
        self._run = _Account(clock())
        self._accounts: dict[str, _Account] = {}

    def notice(self, entries: Sequence[str]) -> str | None:
        """One line about the models whose price nobody knows, if there are any."""
        unknown = [entry for entry in entries if self._tariff(entry) is None]
        if not unknown:
            return None
        return (
            f"what {', '.join(unknown)} charges is not known here: held to {self._limit('unpriced', ''):,} tokens a run; "
            "[tool.drystone.budget] sets `tokens`, and `prices` where you know them"
        )

    def at_most(self, entry: str, request: Request, *, batched: bool = False, more_in: int = 0) -> Amount:
        """The most a call can cost, if the provider keeps to `max_tokens`; `more_in` tokens longer than it is.

        A token is at least one byte in every tokenizer there is, so no prompt has more of them than bytes. Less would
        not be safe: of the prompts here one token has 2.9 to 4.3 bytes, but of digits just one (Qwen, measured).
        """
        tokens_in = _tokens_at_most(request) + more_in
        attempts = int(request.role == "implementer")
        tariff = self._tariff(entry)
        total = tokens_in + request.max_tokens
        if tariff is None:
            return Amount(Decimal(0), total, total, attempts)
        usd = usd_at_most(tariff, tokens_in, request.max_tokens, batched=batched)
        return Amount(usd, total, 0, attempts)

    def cost(self, entry: str, reply: Reply, *, batched: bool = False) -> Amount:
        """What a reply cost, whether as an attempt or not."""
        tariff, tokens = self._tariff(entry), Tokens.of(reply)
        total = tokens.fresh + tokens.cached + tokens.out
        if tariff is None:
            return Amount(Decimal(0), total, total)
        return Amount(tariff.usd(tokens, batched=batched), total)

    @contextmanager
    def reserved(
        self,
        entry: str,
        request: Request,
        subject: str,
        *,
        batched: bool = False,
        sent: bool = False,
        waiting: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> Iterator[Reservation]:
        """Make a call within the block, then `settle` it; nothing else need be done if it fails.

        Where only what is under way leaves too little, it waits, in the context that `waiting` makes, for that to be
        settled. What was `sent` already is charged for in any case: it is counted, and held to nothing. Raises `BudgetError`, before
        the call, if what has been spent and the most this one can cost are more than a ceiling. A call that failed
        costs nothing, but where the error says that replies were lost, which may have been charged, it costs the most.
        """
        worst = self.at_most(entry, request, batched=batched)
        with self.changed:
            accounts = (self._run, self._account(entry, subject, request.role))
            reservation = Reservation(self, worst, entry, subject, batched, accounts, waiting)
            self.take(reservation, sent=sent)
        try:
            yield reservation
        except ProviderError as error:
            with self.changed:
                reservation.lose(error.lost)
            raise
        finally:
            with self.changed:
                reservation.release()
                self.changed.notify_all()

    def take(self, reservation: Reservation, *, sent: bool = False) -> None:
        """Have a call under way as soon as there is room, or at once if it was sent; for who holds `changed`."""
        call = (reservation.entry, reservation.subject, reservation.worst, reservation.limited)
        if not sent and self._is_full(*call):
            with reservation.waiting():
                while self._is_full(*call):
                    self.changed.wait()
        for account in reservation.accounts:
            account.under_way.append(reservation)

    def check_time(self, reservation: Reservation) -> None:
        """Raises BudgetError if a call may not be made any more, late as it is; for who holds `changed`."""
        for scope, account in reservation.limited:
            self._check_time(reservation.subject, scope, account)

    def found(self, entry: str, subject: str, role: str) -> None:
        """Take note of an answer that was in the store: it costs nothing."""
        with self.changed:
            for account in (self._run, self._account(entry, subject, role)):
                account.stored += 1

    def end(self) -> Spending | None:
        """What has been spent at the end of a run, where calls may be under way that nobody waits for any longer.

        Each counts as lost, unless it costs nothing, or goes on in a batch that the next run will fetch.
        """
        with self.changed:
            for left in list(self._run.under_way):
                if (left.worst.usd or left.worst.unpriced) and not left.batched:
                    left.lose(1)
                left.release()
            return self.spending()

    def spending(self) -> Spending | None:
        """What has been spent so far; None if nobody was asked."""
        with self.changed:
            if not (self._run.calls or self._run.stored or self._run.lost):
                return None
            return Spending(
                subjects=tuple(
                    account.report(name)
                    for name, account in sorted(self._accounts.items())
                    if account.calls or account.stored or account.lost
                ),
                total=self._run.report("total"),
                unpriced=tuple(sorted(entry for entry, tariff in self._tariffs.items() if tariff is None)),
            )

    def _account(self, entry: str, subject: str, role: str) -> _Account:
        """Where a call is counted: its function, or its spec and who was asked about the whole of it."""
        name = subject if "." in subject else f"{subject} ({role})"
        if self._samples is not None:
            name = f"{subject} by {entry}"
        return self._accounts.setdefault(name, _Account(self._clock()))

    def _tariff(self, entry: str) -> Tariff | None:
        if entry not in self._tariffs:
            self._tariffs[entry] = find_tariff(entry, self._providers, self._ceilings.prices, self._environ)
        return self._tariffs[entry]

    def _is_full(
        self, entry: str, subject: str, worst: Amount, accounts: list[tuple[Scope, _Account]]
    ) -> bool:
        """Whether there is room only once calls under way are settled. Raises BudgetError if there will be none."""
        full = False
        for scope, account in accounts:
            self._check_time(subject, scope, account)
            for measure in ("usd", "tokens", "unpriced", "attempts"):
                limit = self._limit(measure, scope)
                needed, spent = getattr(worst, measure), getattr(account.spent, measure)
                if limit is None or not needed:
                    continue
                if spent + needed > limit:
                    raise _too_dear(entry, subject, scope, measure, (limit, spent, needed))
                full = full or needed + getattr(account.promised(), measure) > limit
        return full

    def _limit(self, measure: str, scope: Scope) -> Decimal | None:
        limit = getattr(self._ceilings, f"{'tokens' if measure == 'unpriced' else measure}{scope}")
        if limit is None and measure == "unpriced":
            limit = UNPRICED_TOKENS[scope]
        return None if limit is None else Decimal(str(limit)) * ((self._samples or 1) if scope else 1)

    def _check_time(self, subject: str, scope: Scope, account: _Account) -> None:
        minutes: float | None = getattr(self._ceilings, f"minutes{scope}")
        passed = (self._clock() - account.began) / 60
        if minutes is not None and passed >= minutes:
            raise BudgetError(
                f"{subject}: {_ceiling(scope, 'minutes', minutes)} has passed; {_way_out(scope, 'minutes')}",
                subject if scope else None,
            )


def _tokens_at_most(request: Request) -> int:
    texts = [request.system, *(message.text for message in request.messages)]
    if request.schema is not None:
        texts.append(json.dumps(request.schema, indent=2))
    return TOKENS_OF_A_CALL + sum(TOKENS_OF_A_MESSAGE + len(text.encode()) for text in texts)


def _ceiling(scope: Scope, measure: str, limit: Any) -> str:
    return (
        f"{'its' if scope else 'the'} ceiling of {render_amount(measure, limit)}{'' if scope else ' a run'}"
    )


def _too_dear(
    entry: str, subject: str, scope: Scope, measure: str, amounts: tuple[Any, Any, Any]
) -> BudgetError:
    limit, spent, needed = amounts
    return BudgetError(
        f"{subject}: {_ceiling(scope, measure, limit)}: {render_amount(measure, spent)} spent, and the next call to {entry} "
        f"could come to {render_amount(measure, needed)}; {_way_out(scope, measure)}",
        subject if scope else None,
    )


def _way_out(scope: Scope, measure: str) -> str:
    key = f"{'tokens' if measure == 'unpriced' else measure}{scope}"
    ways = [f"raise `{key}` under [tool.drystone.budget]"]
    if key in {"usd", "tokens", "minutes"}:
        ways.append(f"give --max-{key}")
    if measure == "unpriced":
        ways.append("say what the model costs under [tool.drystone.budget.prices]")
    return ", or ".join(ways)
