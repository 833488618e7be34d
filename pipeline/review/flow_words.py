"""What is not as it was in a flow, in words: each is what follows on `the flow shop.order ...`."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TypeVar

from pipeline.flows.records import Flow, Scenario, Timeout

_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60))
_HOURS_TO = 48
"""Up to here a whole number of hours is told in hours, as people say it of deadlines."""
Item = TypeVar("Item")


def told_duration(duration: timedelta) -> str:
    """A duration as a person says it: `25 hours`, `7 days`, `1 hour and 30 minutes`, `0.5 seconds`."""
    seconds, micro = duration // timedelta(seconds=1), duration.microseconds
    if not micro and seconds % 3600 == 0 and 0 < seconds <= _HOURS_TO * 3600:
        return _many(seconds // 3600, "hour")
    parts = []
    for unit, size in _UNITS:
        count, seconds = divmod(seconds, size)
        parts += [_many(count, unit)] * bool(count)
    if seconds or micro or not parts:
        exact = f"{seconds}.{micro:06}".rstrip("0") if micro else seconds
        parts.append(_many(exact, "second"))
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))


def told_changes(before: Flow, after: Flow) -> tuple[str, ...]:
    """Every difference of two flows that are not the same, what decides how they run first."""
    found = (
        *_timeouts(before, after),
        *_steps(before, after),
        *_undoing(before, after),
        *_rules(before.invariants, after.invariants),
        *_shape(before, after),
        *_scenarios(before.scenarios, after.scenarios),
        *["is summed up in other words"] * (before.summary != after.summary),
    )
    return found or ("lists its parts in another order",)


def _many(count: object, unit: str) -> str:
    return f"{count} {unit}{'s' * (count != 1)}"


def _timeouts(before: Flow, after: Flow) -> Iterator[str]:
    old, new = _grouped(before.timeouts, lambda t: t.state), _grouped(after.timeouts, lambda t: t.state)
    for state in dict.fromkeys((*old, *new)):
        gone = [each for each in old.get(state, []) if each not in new.get(state, [])]
        come = [each for each in new.get(state, []) if each not in old.get(state, [])]
        if len(gone) == len(come) == 1:
            yield from _timeout(gone[0], come[0])
            continue
        yield from (f"waits no longer {_wait(each)}" for each in gone)
        yield from (f"waits now {_wait(each)}" for each in come)


def _timeout(was: Timeout, now: Timeout) -> Iterator[str]:
    state = f"`{now.state}`"
    if was.after != now.after:
        yield f"waits {told_duration(now.after)} in {state} where it waited {told_duration(was.after)}"
    if was.target != now.target:
        yield f"goes to `{now.target}` when the wait in {state} is over, where it went to `{was.target}`"
    if was.call != now.call:
        yield f"calls {_named(now.call)} when the wait in {state} is over, where it called {_named(was.call)}"
    if was.since != now.since:
        one, other = (f"at `{each}`" if each else "when it is entered" for each in (now.since, was.since))
        yield f"begins the wait in {state} {one}, where it began {other}"


def _wait(timeout: Timeout) -> str:
    since = f" since `{timeout.since}`" if timeout.since else ""
    call = f" by `{timeout.call}`" if timeout.call else ""
    return f"{told_duration(timeout.after)}{since} in `{timeout.state}` to go to `{timeout.target}`{call}"


def _steps(before: Flow, after: Flow) -> Iterator[str]:
    old, new = _targets(before), _targets(after)
    for key in dict.fromkeys((*old, *new)):
        source, call = key
        was, now = old.get(key, []), new.get(key, [])
        step = f"from `{source}` by `{call}`"
        if not now:
            yield f"goes no longer {step} to {_or(was)}"
        elif not was:
            yield f"goes now {step} to {_or(now)}"
        elif set(was) != set(now):
            yield f"goes {step} to {_or(now)} where it went to {_or(was)}"


def _targets(flow: Flow) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for step in flow.transitions:
        for source in step.sources:
            found.setdefault((source, step.call), []).extend(step.targets)
    return found


def _undoing(before: Flow, after: Flow) -> Iterator[str]:
    for step, was, now in _by_key(before.compensate, after.compensate):
        if not now:
            yield f"undoes `{step}` no longer (by `{was}`)"
        else:
            yield f"undoes `{step}` by `{now}`" + (f" where it did by `{was}`" if was else " now")


def _rules(before: Sequence[str], after: Sequence[str]) -> Iterator[str]:
    gone, come = _without(before, after), _without(after, before)
    if len(gone) == len(come) == 1:
        yield f"keeps `{come[0]}` where it kept `{gone[0]}`"
        return
    yield from (f"keeps no longer `{rule}`" for rule in gone)
    yield from (f"keeps now `{rule}`" for rule in come)


def _shape(before: Flow, after: Flow) -> Iterator[str]:
    if (before.record, before.field) != (after.record, after.field):
        one, other = (f"`{each.record}.{each.field}`" for each in (after, before))
        yield f"keeps its state in {one} where it kept it in {other}"
    if before.start != after.start:
        yield f"begins by {_named(after.start)} where it began by {_named(before.start)}"
    if before.initial != after.initial:
        yield f"begins in `{after.initial}` where it began in `{before.initial}`"
    for field, verb in (("states", "knows"), ("terminal", "ends"), ("savepoints", "keeps what was done")):
        was, now = getattr(before, field), getattr(after, field)
        within = "the state" if field == "states" else "in"
        yield from (f"{verb} no longer {within} `{state}`" for state in _without(was, now))
        yield from (f"{verb} now {within} `{state}`" for state in _without(now, was))
    for state, was, now in _by_key(before.endless, after.endless):
        words = "may stay for ever" if now else "may no longer stay for ever"
        yield f"{words} in `{state}`: {now or was}"


def _scenarios(before: Sequence[Scenario], after: Sequence[Scenario]) -> Iterator[str]:
    old, new = ({each.name: each.model_copy(update={"name": ""}) for each in one} for one in (before, after))
    called = {
        name: other
        for name in new
        for other in old
        if name not in old and other not in new and old[other] == new[name]
    }
    for name, was, now in _by_key(old, new):
        if name in called:
            yield f"calls the scenario '{called[name]}' '{name}' now"
        elif name not in called.values():
            how = "has another" if was and now else "has the new" if now else "has no longer the"
            yield f"{how} scenario '{name}'"


def _by_key(
    before: Mapping[str, Item], after: Mapping[str, Item]
) -> Iterator[tuple[str, Item | None, Item | None]]:
    """What is not the same under a key, then and now."""
    for key in dict.fromkeys((*before, *after)):
        if before.get(key) != after.get(key):
            yield key, before.get(key), after.get(key)


def _grouped(items: Iterable[Item], key: Callable[[Item], str]) -> dict[str, list[Item]]:
    found: dict[str, list[Item]] = {}
    for item in items:
        found.setdefault(key(item), []).append(item)
    return found


def _without(some: Sequence[str], others: Sequence[str]) -> list[str]:
    return [each for each in some if each not in others]


def _named(function: str | None) -> str:
    return f"`{function}`" if function else "nothing"


def _or(states: Sequence[str]) -> str:
    return " or ".join(f"`{state}`" for state in states)
