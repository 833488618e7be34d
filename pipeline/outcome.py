"""What a person asks of a run, and what comes of it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from pipeline.budget import Budget
from pipeline.errors import DrystoneError
from pipeline.reports import Report


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person asked of `generate`."""

    selection: tuple[str, ...] | None = None
    fresh: bool = False
    """Regenerate what is fresh as well, and ask anew where a reply is stored."""
    only_diff: bool = False
    """Write nothing; report what would change."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run's report, and what broke the run if something did; what landed before that stays."""

    report: Report
    error: DrystoneError | None = None
    interrupted: bool = False
    """A person stopped it."""


def accounted(budget: Budget, work: Callable[[], Outcome]) -> Outcome:
    """The outcome of work, with what it cost. What broke it is part of the outcome once somebody was asked."""
    try:
        outcome = work()
        spending = budget.end()
    except (DrystoneError, KeyboardInterrupt) as error:
        spending = budget.end()
        if spending is None:
            raise
        broken = error if isinstance(error, DrystoneError) else None
        outcome = Outcome(Report(), broken, interrupted=broken is None)
    return replace(outcome, report=outcome.report.model_copy(update={"spending": spending}))
