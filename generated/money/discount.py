# Written by a model under discount.contract.json.
# To change it, change specs/money.yaml and run `drystone generate`.
# sealed sha256:9397379a94887e1f02faf1054e280a4e9e190ca83c8b93294ba55ef70815cb26

from __future__ import annotations

from decimal import Decimal, ROUND_HALF_UP

from .types import Amount, Rate


def discount(amount: Amount, rate: Rate) -> Decimal:
    """The part of the amount that a discount rate takes off, rounded to whole cents."""
    return (amount * rate).quantize(Decimal("0.01"), ROUND_HALF_UP)
