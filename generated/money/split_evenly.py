# Written by a model under split_evenly.contract.json.
# To change it, change specs/money.yaml and run `drystone generate`.
# sealed sha256:d3f2f74b496966fa7c22ad44423af033b5bb3cd986c702c494112b1a30724a74

from __future__ import annotations

from .types import Cents, Parts


def split_evenly(cents: Cents, parts: Parts) -> list[int]:
    """Split a total number of cents into parts that differ by at most one cent and sum to the
    total; the larger parts come first.
    """
    remainder = cents % parts
    base = cents // parts
    result = [base] * parts
    for i in range(remainder):
        result[i] += 1
    return result
