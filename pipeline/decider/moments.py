"""Strategies for dates, moments, times of day and durations: near what cases mention, and at the calendar's edges."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from pipeline.decider.rarely import rarely
from pipeline.rules import durations

_EDGE_YEARS = (2024, 2000, 1900, 2100)
"""Leap years and years that only look like them."""
_EDGE_DAYS = ((2, 29), (2, 29), (2, 28), (3, 1), (12, 31), (1, 1), (1, 31), (4, 30))
_EDGE_TIMES = (time(0, 0), time(23, 59, 59), time(0, 0, 1), time(12, 0), time(23, 30))
_MICROSECONDS = (0, 1, 500_000, 999_999)
_OFFSETS = tuple(timezone(timedelta(minutes=m)) for m in (0, 120, -300, 330, 840, -720))
"""East and west of Greenwich, one of them by half an hour, and the two at the ends."""


class Moments:
    """Strategies for one contract, coloured by the texts, rules and numbers it mentions."""

    def __init__(self, texts: list[str], rules: list[str], numbers: list[Decimal]) -> None:
        self.moments = _moments(texts)
        self.spans = st.sampled_from(_spans(rules, numbers))
        """Durations at whose edges a function may differ, and one second to either side."""

    def of(self, name: str) -> st.SearchStrategy[Any]:
        match name:
            case "date":
                return self._dates()
            case "time":
                whole = st.times().map(lambda moment: moment.replace(microsecond=0, fold=0))
                exact = st.times().map(lambda moment: moment.replace(fold=0))
                return rarely(whole, _edge_times(), exact)
            case "timedelta":
                whole_seconds = st.integers(-40 * 86400, 40 * 86400).map(lambda s: timedelta(seconds=s))
                return self.spans | whole_seconds | st.timedeltas(timedelta(days=-400), timedelta(days=400))
            case "datetime":
                return self._datetimes()
        raise ValueError(f"no inputs for '{name}'")

    def _dates(self) -> st.SearchStrategy[date]:
        days = st.sampled_from(sorted({moment.date() for moment in self.moments}))
        usual = st.tuples(days, self.spans).map(_sum) | st.dates(date(2000, 1, 1), date(2060, 12, 31))
        return rarely(usual, _edge_dates(), _edge_dates(), _far_dates())

    def _datetimes(self) -> st.SearchStrategy[datetime]:
        seconds = st.integers(int(datetime(2000, 1, 1, tzinfo=UTC).timestamp()), 2_800_000_000)
        near = st.tuples(st.sampled_from(self.moments), self.spans).map(_sum)
        wide = seconds.map(lambda moment: datetime.fromtimestamp(moment, UTC))
        exact = st.tuples(near, st.sampled_from(_MICROSECONDS).map(lambda n: timedelta(microseconds=n)))
        edges = st.builds(datetime.combine, _edge_dates(), _edge_times(), st.sampled_from(_OFFSETS))
        far = st.builds(datetime.combine, _far_dates() | _edge_dates(), st.times(), st.sampled_from(_OFFSETS))
        one = st.shared(st.sampled_from(self.moments), key="moment")
        together = st.tuples(one, self.spans).map(_sum)
        usual = st.one_of(*[near] * 3, *[together] * 3, wide)
        return rarely(usual, exact.map(_sum), st.one_of(edges, edges, far.map(_unfolded)))


def _edge_dates() -> st.SearchStrategy[date]:
    return st.builds(_day, st.sampled_from(_EDGE_YEARS), st.sampled_from(_EDGE_DAYS))


def _far_dates() -> st.SearchStrategy[date]:
    return st.dates(date(1850, 1, 1), date(2150, 12, 31))


def _edge_times() -> st.SearchStrategy[time]:
    return st.builds(
        lambda moment, n: moment.replace(microsecond=n),
        st.sampled_from(_EDGE_TIMES),
        st.sampled_from(_MICROSECONDS),
    )


def _day(year: int, day: tuple[int, int]) -> date:
    """A day of a year; the day before where the year lacks it."""
    try:
        return date(year, *day)
    except ValueError:
        return date(year, day[0], day[1] - 1)


def _unfolded(moment: datetime) -> datetime:
    return moment.replace(fold=0)


def _sum(pair: tuple[Any, timedelta]) -> Any:
    """A date or a moment, so much later."""
    return pair[0] + pair[1]


def _spans(rules: list[str], numbers: list[Decimal]) -> list[timedelta]:
    """The durations that rules write down; where they write none, what their numbers may mean as one."""
    spans = {span for rule in rules for span in durations(rule) if abs(span) < timedelta(days=36500)}
    if not spans:
        whole = [int(n) for n in numbers if n == int(n) and abs(n) <= 400]
        spans = {timedelta(**{unit: n}) for unit in ("days", "hours", "minutes") for n in {*whole, 1}}
    spans |= {timedelta(0)}
    spans |= {span + step for span in spans for step in (timedelta(seconds=1), timedelta(seconds=-1))}
    return sorted(spans | {-span for span in spans})


def _moments(texts: list[str]) -> list[datetime]:
    """The points in time that cases mention, as they mention them; a day of our own where they mention none."""
    found = set()
    for text in texts:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            continue
        if 1900 < moment.year < 2200:
            found.add(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    return sorted(found) or [datetime(2026, 1, 1, tzinfo=UTC)]
