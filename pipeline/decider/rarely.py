"""Inputs of many kinds, most of them of the usual one."""

from collections.abc import Iterable
from typing import Any

from hypothesis import strategies as st

_ONE_IN = 12


def rarely(usual: st.SearchStrategy[Any], *rare: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Each of `rare` for one draw in twelve, `usual` for all others; the usual one is the simpler one."""
    rare = tuple(strategy for strategy in rare if not strategy.is_empty)
    if usual.is_empty or not rare:
        return usual
    last = _ONE_IN - 1
    return st.integers(0, last).flatmap(lambda n: rare[last - n] if last - n < len(rare) else usual)


def some(values: Iterable[Any]) -> st.SearchStrategy[Any]:
    """One of `values`, or a strategy that is empty as they are."""
    found = list(values)
    return st.sampled_from(found) if found else st.nothing()
