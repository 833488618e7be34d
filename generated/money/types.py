# The types of specs/money.yaml. To change them, change the spec and run `drystone generate`.
# sealed sha256:493a091cbb8b54f84cbad9b7f615c8941474d92a6398cec1d93b676a4c69f5bf

from __future__ import annotations

from decimal import Decimal
from typing import TypeAlias


# >= 0, <= 1000000, at most 2 decimal places
Amount: TypeAlias = Decimal


# >= 0, <= 1, at most 4 decimal places
Rate: TypeAlias = Decimal


# >= 1, <= 100
Parts: TypeAlias = int


# >= 0, <= 10000000
Cents: TypeAlias = int


# >= 0, <= 1000
Weight: TypeAlias = int


# length at most 12
Weights: TypeAlias = list[Weight]


class NotAnAmount(Exception):
    """The text is no amount of money."""


class NothingToShareBy(Exception):
    """All weights are zero."""
