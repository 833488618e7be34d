# Written by a model under total.contract.json.
# To change it, change specs/money.yaml and run `drystone generate`.
# sealed sha256:e43c95326457691f03e9911ed0d7233e710d8bb837ec422c97def37ff508d087

from __future__ import annotations

from decimal import Decimal

from .types import Amount


def total(amounts: list[Amount]) -> Decimal:
    """The sum of amounts; an empty list sums to zero."""
    return sum(amounts, Decimal(0)).quantize(Decimal("0.01"))
